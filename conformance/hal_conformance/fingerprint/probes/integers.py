"""What integers are computed in, and what division does with signs and with zero."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.numerics.arithmetic import Array

COPIES = 17

_ADDED = {
    "int64": ([2**40, 2**53, 2**62, -(2**53), 2**31], [1, 1, 3, -1, 1]),
    "int32": ([2**24, 2**30, -(2**24), 2**29], [1, 1, -1, 3]),
}
_MULTIPLIED = {
    "int64": ([2**20 + 1, 3, 2**31 + 1], [2**20 + 1, 2**40 + 1, 2**31 - 1]),
    "int32": ([4097, 46341, -46341], [4099, 46337, 46337]),
}


def _twice(lab: Lab, op: str, left: Array, right: Array, **attributes: Any) -> Array:
    """The results of an operator on many copies of the numbers."""
    found = lab.op(op, np.tile(left, COPIES), np.tile(right, COPIES), **attributes)
    return found[: left.size]


def _computed(op: str, dtype: str, lab: Lab) -> Seen:
    numbers = (_ADDED if op == "Add" else _MULTIPLIED)[dtype]
    left, right = (np.array(side, np.int64) for side in numbers)
    found = _twice(lab, op, left.astype(dtype), right.astype(dtype)).tolist()
    known = _candidates(op, left, right, dtype)
    value = next((name for name, values in known.items() if found == values), "other")
    return Seen(value, f"{op} of {numbers[0]} and {numbers[1]} is {found}")


def _candidates(op: str, left: Array, right: Array, dtype: str) -> dict[str, list[int]]:
    function = np.add if op == "Add" else np.multiply
    exact = function(left, right)
    low, high = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    span = np.iinfo(dtype)
    with np.errstate(all="ignore"):
        wide = function(left.astype(np.float64), right.astype(np.float64))
        single = function(left.astype(np.float32), right.astype(np.float32))
        known = {dtype: exact, "float64": wide, "float32": single.astype(np.float64)}
        if dtype == "int64":
            narrow = function(left.astype(np.int32), right.astype(np.int32))
            clipped = function(np.clip(left, low, high), np.clip(right, low, high))
            known |= {"int32, wraps": narrow, "int32, saturates": np.clip(clipped, low, high)}
            known["int32 of saturated inputs, wraps"] = clipped.astype(np.int32)
    return {
        name: [int(min(max(value, span.min), span.max)) for value in values.tolist()]
        for name, values in known.items()
    }


def _overflow(lab: Lab) -> Seen:
    left, right = np.array([2**31 - 1, -(2**31)], np.int32), np.array([1, -1], np.int32)
    found = _twice(lab, "Add", left, right).tolist()
    known = {"wraps": [-(2**31), 2**31 - 1], "saturates": [2**31 - 1, -(2**31)]}
    value = next((name for name, values in known.items() if found == values), "other")
    return Seen(value, f"2147483647 + 1 is {found[0]}, -2147483648 - 1 is {found[1]}")


_DIVIDENDS = np.array([7, -7, 7, -7, 6, -6], np.int64)
_DIVISORS = np.array([2, 2, -2, -2, -3, 3], np.int64)


def _negatives(dtype: str, lab: Lab) -> Seen:
    left, right = _DIVIDENDS.astype(dtype), _DIVISORS.astype(dtype)
    found = _twice(lab, "Div", left, right).tolist()
    quotients = _DIVIDENDS / _DIVISORS
    known = {
        "toward zero": np.trunc(quotients),
        "down": np.floor(quotients),
        "to nearest": np.rint(quotients),
    }
    value = next((n for n, v in known.items() if found == v.tolist()), "other")
    return Seen(value, f"{left.tolist()} by {right.tolist()} is {found}")


def _modulo(fmod: int, lab: Lab) -> Seen:
    left, right = _DIVIDENDS.astype(np.int32), _DIVISORS.astype(np.int32)
    found = _twice(lab, "Mod", left, right, fmod=fmod).tolist()
    known = {
        "the sign of the divisor": np.mod(_DIVIDENDS, _DIVISORS),
        "the sign of the dividend": np.fmod(_DIVIDENDS, _DIVISORS),
    }
    value = next((n for n, v in known.items() if found == v.tolist()), "other")
    return Seen(value, f"{left.tolist()} modulo {right.tolist()} is {found}")


def _by_zero(lab: Lab) -> Seen:
    left, right = np.array([7, -7, 0], np.int32), np.array([0, 0, 0], np.int32)
    found = _twice(lab, "Div", left, right).tolist()
    return Seen(_zeroes(found), f"7, -7, 0 divided by 0 are {found}")


def _zeroes(found: list[int]) -> str:
    low, high = -(2**31), 2**31 - 1
    known = {
        (0, 0, 0): "0",
        (high, low, 0): "saturates",
        (low, low, low): "the smallest number",
        (-1, -1, -1): "-1",
    }
    return known.get((found[0], found[1], found[2]), f"other: {', '.join(map(str, found))}")


def _smallest(lab: Lab) -> Seen:
    left, right = np.array([-(2**31)], np.int32), np.array([-1], np.int32)
    (found,) = _twice(lab, "Div", left, right).tolist()
    known = {-(2**31): "wraps", 2**31 - 1: "saturates"}
    return Seen(known.get(found, f"other: {found}"), f"-2147483648 divided by -1 is {found}")


_COMPUTED = "which arithmetic explains numbers that float32, float64 and int32 do not hold"

PROBES = (
    *(
        Probe(f"{dtype}.{op.lower()}.computed_in", _COMPUTED, partial(_computed, op, dtype))
        for dtype in ("int64", "int32")
        for op in ("Add", "Mul")
    ),
    Probe("int32.add.overflow", "sums beyond the type", _overflow),
    *(
        Probe(f"{t}.div.negatives", "quotients of either sign", partial(_negatives, t))
        for t in ("int32", "int64")
    ),
    *(
        Probe(f"int32.mod.fmod{k}", "remainders of either sign", partial(_modulo, k))
        for k in (0, 1)
    ),
    Probe("int32.div.by_zero", "7, -7 and 0 divided by 0", _by_zero, dangerous=True),
    Probe("int32.div.smallest", "the smallest number divided by -1", _smallest, dangerous=True),
)
