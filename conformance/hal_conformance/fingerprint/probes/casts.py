"""What casts do outside a type's range, to NaN, and to what lies between two numbers.

Each number is cast many times in one tensor: vectors and their tails may differ.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from hal import dtypes
from hal_conformance.fingerprint.fact import Probe, Seen, Uneven, Unread
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.fingerprint.probes.contractions import typed
from hal_conformance.numerics.arithmetic import FORMATS, Array

COPIES = 37
INTEGERS = ("int8", "uint8", "int32", "int64")
NARROW = ("float16", "bfloat16")
EIGHT = ("float8e4m3fn", "float8e5m2")


def cast(
    lab: Lab, numbers: Array, to: str, *, frm: str = "float32", **attributes: Any
) -> Array:
    """The numbers in another type, each cast many times, alike everywhere."""
    rows = np.tile(typed(numbers, frm), (COPIES, 1))
    opset = 19 if to.startswith("float8") else 17
    found = lab.op(
        "Cast", rows, out=to, opset=opset, to=dtypes.of_name(to).number, **attributes
    )
    if to in FORMATS:
        found = found.astype(np.float64)
    same = (found == found[0]) | (_is_nan(found) & _is_nan(found[0]))
    if not same.all():
        raise Uneven(f"{found[0]}, {found[-1]}")
    return np.asarray(found[0])


def _is_nan(values: Array) -> Array:
    return np.asarray(values != values)  # noqa: PLR0124  integers have none, and no isnan


def _overflow(to: str, lab: Lab) -> Seen:
    info = np.iinfo(to)
    above, below = _beyond(to)
    numbers = np.array([*above, *below])
    found = [int(value) for value in cast(lab, numbers, to)]
    seen = ", ".join(f"{n:g} is {v}" for n, v in zip(numbers, found, strict=True))
    span = int(info.max) - int(info.min) + 1
    wrapped = [(int(n) - int(info.min)) % span + int(info.min) for n in numbers]
    if found == [int(info.max)] * len(above) + [int(info.min)] * len(below):
        return Seen("saturates", seen)
    if found == wrapped:
        return Seen("wraps", seen)
    if info.bits >= 32 and found == [int(info.min)] * len(found):
        return Seen("the smallest number", seen)
    if info.bits == 64 and found == [-(2**31)] * len(found):
        return Seen("the smallest int32", seen)
    return Seen(f"other: {', '.join(map(str, found))}", seen)


def _beyond(to: str) -> tuple[list[float], list[float]]:
    """Numbers above and below a type's range, within that of int32 where there is room."""
    bits = np.iinfo(to).bits
    if bits == 8:
        return [300.0, 1000.0, 40000.0], [-300.0, -1000.0, -40000.0]
    return [2.0**bits * 0.75, 2.0**bits * 5], [-(2.0**bits) * 0.75, -(2.0**bits) * 5]


def _single(what: float, to: str, lab: Lab) -> Seen:
    (value,) = cast(lab, np.array([what]), to)
    return Seen(_limit(int(value), to), f"{what} is {value}")


def _limit(value: int, to: str) -> str:
    info = np.iinfo(to)
    if value == 0:
        return "0"
    limits = {-(2**31): "the smallest int32", 2**31 - 1: "the largest int32"}
    limits |= {int(info.max): "the largest number", int(info.min): "the smallest number"}
    return limits.get(value, str(value))


def _infinite(to: str, lab: Lab) -> Seen:
    up, down = (int(value) for value in cast(lab, np.array([np.inf, -np.inf]), to))
    info = np.iinfo(to)
    saturates = (up, down) == (int(info.max), int(info.min))
    both = list(dict.fromkeys([_limit(up, to), _limit(down, to)]))
    value = "saturates" if saturates else "; ".join(both)
    return Seen(value, f"inf is {up}, -inf is {down}")


def _whole(lab: Lab) -> Seen:
    numbers = np.array([1.5, 2.5, 2.7, -1.5, -2.5, -2.7])
    found = cast(lab, numbers, "int32").tolist()
    known = {
        "toward zero": np.trunc(numbers),
        "to nearest, ties to even": np.rint(numbers),
        "down": np.floor(numbers),
    }
    value = next((name for name, v in known.items() if found == v.tolist()), "other")
    return Seen(value, f"{numbers.tolist()} are {found}")


def _rounding(to: str, frm: str, lab: Lab) -> Seen:
    """Ties, and numbers just beside them, at both signs."""
    u = FORMATS[to].unit
    beside = u / 16
    ones = 1 + np.array([u, 3 * u, u + beside, u - beside, 2 * u + beside, 3 * u - beside])
    numbers = np.concatenate([ones, -ones])
    found = cast(lab, numbers, to, frm=frm)
    step = 2 * u
    scaled = numbers / step
    away = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
    known = {
        "to nearest, ties to even": np.rint(scaled),
        "to nearest, ties away": away,
        "toward zero": np.trunc(scaled),
    }
    for name, values in known.items():
        if np.array_equal(found, values * step):
            return Seen(name, f"{numbers.size} numbers between two of {to}")
    raise Unread("no rounding that is known here", f"{numbers[:6]} are {found[:6]}")


def _too_large(to: str, saturate: int | None, lab: Lab) -> Seen:
    largest = FORMATS[to].largest
    numbers = np.array([largest * 1.5, largest * 100 if to != "bfloat16" else np.inf])
    attributes: dict[str, Any] = {} if saturate is None else {"saturate": saturate}
    found = cast(lab, numbers, to, **attributes)
    seen = f"{numbers[0]:g} is {found[0]:g}"
    if (found == largest).all():
        return Seen("saturates", seen)
    if np.isnan(found).all():
        return Seen("NaN", seen)
    if np.isinf(found).all():
        return Seen("infinity", seen)
    return Seen("other", f"{seen}, {numbers[1]:g} is {found[1]:g}")


def _wide(lab: Lab) -> Seen:
    numbers = np.array([2**31 + 5, -(2**31) - 5, 2**40 + 7, -(2**40) - 7])
    found = cast(lab, numbers, "int32", frm="int64").tolist()
    info = np.iinfo(np.int32)
    known = {
        "wraps": ((numbers + 2**31) % 2**32 - 2**31).tolist(),
        "saturates": np.clip(numbers, info.min, info.max).tolist(),
    }
    value = next((name for name, values in known.items() if found == values), "other")
    return Seen(value, f"{numbers.tolist()} are {found}")


def _truth(lab: Lab) -> Seen:
    numbers = np.array([0.0, -0.0, 0.25, -0.25, np.nan, 1e-40])
    found = cast(lab, numbers, "bool").tolist()
    return Seen(
        {
            (False, False, True, True, True, True): "not 0",
            (False, False, True, True, True, False): "not 0, subnormals are 0",
            (False, False, True, True, False, True): "not 0, NaN is false",
            (False, False, False, False, False, False): "whole part",
        }.get(tuple(found), f"other: {found}"),
        f"{numbers.tolist()} are {found}",
    )


def _large(to: str) -> list[Probe]:
    means = f"numbers above {FORMATS[to].largest:g}"
    if to not in EIGHT:
        return [Probe(f"cast.float32.{to}.overflow", means, partial(_too_large, to, None))]
    return [
        Probe(f"cast.float32.{to}.{name}", f"{means}, saturate={k}", partial(_too_large, to, k))
        for k, name in ((1, "saturated"), (0, "unsaturated"))
    ]


PROBES = (
    *(
        Probe(f"cast.float32.{t}.overflow", "numbers beyond the type", partial(_overflow, t))
        for t in INTEGERS
    ),
    *(
        Probe(f"cast.float32.{t}.infinity", "inf and -inf", partial(_infinite, t))
        for t in INTEGERS
    ),
    *(
        Probe(f"cast.float32.{t}.nan", "NaN", partial(_single, float("nan"), t))
        for t in INTEGERS
    ),
    Probe("cast.float32.int32.rounding", "numbers between two integers", _whole),
    Probe("cast.float32.bool", "zeros, fractions, NaN, a subnormal", _truth),
    Probe("cast.int64.int32.overflow", "numbers beyond the type", _wide),
    *(
        Probe(
            f"cast.{frm}.{to}.rounding",
            "ties and numbers beside them",
            partial(_rounding, to, frm),
        )
        for frm, to in (
            ("float32", "float16"),
            ("float32", "bfloat16"),
            ("float64", "float32"),
            ("float32", "float8e4m3fn"),
            ("float32", "float8e5m2"),
        )
    ),
    *(probe for to in (*NARROW, *EIGHT) for probe in _large(to)),
)
