"""Verdicts by the standard's own tolerances: pure functions over values.

The rule is that of `onnx.backend.test.runner`: as many outputs as expected, each of the shape
and type that is expected, text equal, and numbers within `numpy.testing.assert_allclose`,
computed in the tensor's own type: NaN where NaN is expected, the same infinities, and elsewhere
|got - expected| <= atol + rtol |expected|, whole numbers and booleans too. bfloat16 is compared
in float32 with at least 2 of its ULPs (rtol 2^-6).

Two things differ, both stricter. The standard compares a sequence only as far as the device
went, and slices its tensors; here lengths, types and shapes of the elements count. The standard
cannot compare an empty optional; here None equals None alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hal.dtypes import DType
from hal.spec import TensorSpec
from hal.tensor import Array, MapValue, Tensor, Value
from hal_conformance.records import Outcome, OutputRecord

BFLOAT16_RTOL = 2.0**-6
_INFINITY = float("inf")


class Tolerances(Protocol):
    """What a case says of its tolerances."""

    @property
    def rtol(self) -> float: ...
    @property
    def atol(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one value compared; `reason` is None where it is right.

    `margin` is the largest |got - expected| / tolerance (up to 1 is right), `ulp` the largest
    error in units of the last place of what is expected; None where they mean nothing.
    """

    reason: str | None = None
    margin: float | None = None
    ulp: float | None = None


EQUAL = Comparison(margin=0.0, ulp=0.0)


def judge(
    case: Tolerances,
    specs: Sequence[TensorSpec],
    got: Sequence[Value],
    expected: Sequence[Value],
) -> tuple[Outcome, list[OutputRecord]]:
    """PASS or FAIL, and a record an output; a record that is not ok says why in a sentence.

    `specs` name the outputs, in the model's order; what is missing, left over or not compared
    at all is a FAIL.
    """
    records = [
        _record(_name(specs, number), case, got[number : number + 1], value)
        for number, value in enumerate(expected)
    ]
    records += [
        _left_over(_name(specs, number), len(expected), got[number])
        for number in range(len(expected), len(got))
    ]
    if not records:
        records = [OutputRecord(name="", ok=False, reason="nothing was compared")]
    passed = all(record.ok for record in records)
    return Outcome.PASS if passed else Outcome.FAIL, records


def reason_of(records: Sequence[OutputRecord]) -> str | None:
    """Why a case failed: what the first wrong output says, and how many others are wrong."""
    wrong = [record.reason or "" for record in records if not record.ok]
    if not wrong:
        return None
    others = f" (and {len(wrong) - 1} more outputs are wrong)" if len(wrong) > 1 else ""
    return wrong[0] + others


def _name(specs: Sequence[TensorSpec], number: int) -> str:
    return specs[number].name if number < len(specs) else f"#{number}"


def _record(name: str, case: Tolerances, got: Sequence[Value], expected: Value) -> OutputRecord:
    if not got:
        return OutputRecord(name=name, ok=False, reason=f"{name}: the device did not return it")
    found = compare(name, got[0], expected, case.rtol, case.atol)
    tensor = got[0] if isinstance(got[0], Tensor) else None
    return OutputRecord(
        name=name,
        dtype=tensor.dtype.name if tensor else None,
        shape=list(tensor.shape) if tensor else None,
        ok=found.reason is None,
        margin=found.margin,
        worst_ulp=found.ulp,
        reason=found.reason,
    )


def _left_over(name: str, count: int, value: Value) -> OutputRecord:
    reason = f"{name}: {_kind(value)} was returned beyond the {count} expected outputs"
    return OutputRecord(name=name, ok=False, reason=reason)


def compare(name: str, got: Value, expected: Value, rtol: float, atol: float) -> Comparison:
    """Compare two values; `name` begins the reason."""
    if isinstance(got, Tensor) and isinstance(expected, Tensor):
        return _tensors(name, got, expected, rtol, atol)
    if isinstance(got, list) and isinstance(expected, list):
        if len(got) != len(expected):
            return Comparison(f"{name}: got {len(got)} elements, expected {len(expected)}")
        pairs = enumerate(zip(got, expected, strict=True))
        return _worst([compare(f"{name}[{i}]", a, b, rtol, atol) for i, (a, b) in pairs])
    if isinstance(got, MapValue) and isinstance(expected, MapValue):
        return _worst(
            [
                _tensors(f"keys of {name}", got.keys, expected.keys, 0.0, 0.0),
                _tensors(f"values of {name}", got.values, expected.values, rtol, atol),
            ]
        )
    if got is None and expected is None:
        return EQUAL
    return Comparison(f"{name}: got {_kind(got)}, expected {_kind(expected)}")


def _kind(value: Value) -> str:
    if value is None:
        return "an empty optional"
    if isinstance(value, Tensor):
        return f"a {value.dtype} tensor"
    return "a sequence" if isinstance(value, list) else "a map"


def _worst(found: Sequence[Comparison]) -> Comparison:
    """One comparison for all: the first reason, the largest errors."""
    return Comparison(
        reason=next((each.reason for each in found if each.reason), None),
        margin=max((each.margin for each in found if each.margin is not None), default=None),
        ulp=max((each.ulp for each in found if each.ulp is not None), default=None),
    )


def _tensors(name: str, got: Tensor, expected: Tensor, rtol: float, atol: float) -> Comparison:
    if got.dtype.name != expected.dtype.name:
        return Comparison(f"{name}: got type {got.dtype}, expected {expected.dtype}")
    if got.shape != expected.shape:
        return Comparison(
            f"{name}: got shape {list(got.shape)}, expected {list(expected.shape)}"
        )
    if expected.dtype.name == "string":
        return _texts(name, got.array, expected.array)
    if got.array.dtype != got.dtype.numpy:
        return Comparison(f"{name}: says {got.dtype}, but holds {got.array.dtype}")
    actual, desired = _comparable(got), _comparable(expected)
    if bool((actual == desired).all()):
        return EQUAL
    if expected.dtype.name == "bfloat16":
        rtol = max(rtol, BFLOAT16_RTOL)
    return _numbers(name, actual, desired, expected.dtype, rtol, atol)


def _comparable(tensor: Tensor) -> Array:
    """The array in a type that NumPy computes with: float32 holds the small types exactly."""
    return tensor.array.astype(np.float32) if tensor.dtype.is_extension else tensor.array


def _texts(name: str, got: Array, expected: Array) -> Comparison:
    wrong = np.asarray(got != expected, dtype=bool)
    if not wrong.any():
        return EQUAL
    return Comparison(f"{name}{_example(wrong, got, expected)}; {_share(wrong)}")


def _numbers(
    name: str, got: Array, expected: Array, dtype: DType, rtol: float, atol: float
) -> Comparison:
    """`numpy.testing.assert_allclose`, operation by operation, without its machinery."""
    desired = expected if expected.dtype.kind in "fc" else expected.astype(np.float64)
    with np.errstate(all="ignore"):
        error: Array = np.abs(got - desired)
        limit: Array = atol + rtol * np.abs(desired)
        nan, infinite = np.isnan(desired), np.isinf(desired)
        right = (error <= limit) & ~np.isinf(got) & ~infinite
        right |= got == desired
        right |= nan & np.isnan(got)
        ratio = _ratio(error, limit, right)
        ulp = _in_ulps(error, desired, dtype, right)
    margin = float(ratio.max())
    if right.all():
        return Comparison(None, margin, ulp)
    wrong = ~np.asarray(right)
    return Comparison(
        f"{name}{_worst_example(wrong, got, expected, error, limit, ratio)}; {_share(wrong)}",
        margin,
        ulp,
    )


def _ratio(error: Array, limit: Array, right: Array) -> Array:
    """Error over limit; infinite where it is no number and wrong."""
    ratio = np.asarray(error, np.float64) / np.asarray(limit, np.float64)
    usable = np.isfinite(ratio)
    return np.where(usable, ratio, np.where(right, 0.0, _INFINITY))


def _in_ulps(error: Array, expected: Array, dtype: DType, right: Array) -> float | None:
    """The largest error in ULPs of what is expected; None for types without a last place."""
    if expected.dtype.kind != "f" or dtype.name not in _LAST_PLACE:
        return None
    precision, smallest = _LAST_PLACE[dtype.name]
    _, exponent = np.frexp(np.asarray(expected, np.float64))
    unit = np.ldexp(1.0, np.maximum(exponent - 1, smallest) - precision)
    ulps = np.asarray(error, np.float64) / unit
    finite = np.isfinite(ulps) & np.isfinite(expected)
    return float(np.where(finite, ulps, np.where(right, 0.0, _INFINITY)).max())


_LAST_PLACE = {
    "float64": (52, -1022),
    "float32": (23, -126),
    "float16": (10, -14),
    "bfloat16": (7, -126),
    "float8e4m3fn": (3, -6),
    "float8e4m3fnuz": (3, -7),
    "float8e5m2": (2, -14),
    "float8e5m2fnuz": (2, -15),
    "float4e2m1": (1, 0),
    "float6e2m3": (3, 0),
    "float6e3m2": (2, -2),
}
"""By type: explicit bits of the significand, exponent of the smallest normal number."""


def _worst_example(
    wrong: Array, got: Array, expected: Array, error: Array, limit: Array, ratio: Array
) -> str:
    place = np.unravel_index(int(np.argmax(np.where(wrong, ratio, -1.0))), wrong.shape)
    text = f"{_index(place)}: got {got[place]}, expected {expected[place]}"
    if np.isfinite(ratio[place]):
        return f"{text}, off by {error[place]:.4g} where {limit[place]:.4g} is allowed"
    return text


def _example(wrong: Array, got: Array, expected: Array) -> str:
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return f"{_index(place)}: got {got[place]!r:.100}, expected {expected[place]!r:.100}"


def _index(place: Sequence[Any]) -> str:
    return f"[{','.join(str(int(i)) for i in place)}]" if place else ""


def _share(wrong: Array) -> str:
    return f"{int(np.count_nonzero(wrong))} of {wrong.size} elements are wrong"
