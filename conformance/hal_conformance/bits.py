"""Whether two values are equal bit for bit, and how far apart they are where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from hal.tensor import Array, MapValue, Tensor, Value

Bits: TypeAlias = tuple[object, ...]
"""Everything about a value that a repetition owes; compares with ==."""


def bits_of(values: Sequence[Value]) -> tuple[Bits, ...]:
    """The bits of each output of a run."""
    return tuple(_bits(value) for value in values)


def _bits(value: Value) -> Bits:
    if value is None:
        return ("none",)
    if isinstance(value, Tensor):
        array = value.array
        content = tuple(array.ravel().tolist()) if array.dtype == object else array.tobytes()
        return (value.dtype.name, value.shape, content)
    if isinstance(value, MapValue):
        return ("map", _bits(value.keys), _bits(value.values))
    return ("sequence", *(_bits(item) for item in value))


def copied(values: Sequence[Value]) -> list[Value]:
    """The values in memory of their own."""
    return [_copied(value) for value in values]


def _copied(value: Value) -> Value:
    if isinstance(value, Tensor):
        return Tensor(value.array.copy(), value.dtype)
    if isinstance(value, MapValue):
        keys, elements = value.keys, value.values
        return MapValue(
            Tensor(keys.array.copy(), keys.dtype), Tensor(elements.array.copy(), elements.dtype)
        )
    return None if value is None else [_copied(item) for item in value]


def first_difference(before: Sequence[Bits], now: Sequence[Bits]) -> int:
    """The first output that differs; the shorter length where there are more or fewer."""
    for number, (left, right) in enumerate(zip(before, now, strict=False)):
        if left != right:
            return number
    return min(len(before), len(now))


def distance(before: Value, now: Value) -> str:
    """How far apart two values are, in words."""
    if not (isinstance(before, Tensor) and isinstance(now, Tensor)):
        return "another value"
    if before.dtype.name != now.dtype.name:
        return f"{now.dtype.name} where it was {before.dtype.name}"
    if before.shape != now.shape:
        return f"shape {list(now.shape)} where it was {list(before.shape)}"
    unequal = _unequal(before.array, now.array)
    places = np.flatnonzero(unequal)
    told = f"{places.size} of {unequal.size} elements differ"
    if not places.size:
        return told
    left, right = before.array.reshape(-1), now.array.reshape(-1)
    if before.array.dtype == object or before.array.dtype.kind in "bSU":
        at = int(places[0])
        return f"{told}: element {at} is {right[at]!r:.60}, was {left[at]!r:.60}"
    wide = np.complex128 if before.array.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        apart = np.abs(right[places].astype(wide) - left[places].astype(wide))
    at = int(places[int(np.argmax(np.nan_to_num(apart, nan=np.inf)))])
    return f"{told}, the most at {at}: {right[at]} was {left[at]}"


def _unequal(left: Array, right: Array) -> Array:
    """Where two arrays of one type and shape differ in any bit, flat."""
    if left.dtype == object:
        return np.asarray(left.ravel() != right.ravel(), dtype=bool)
    size = left.dtype.itemsize
    ours, theirs = (
        np.frombuffer(array.tobytes(), np.uint8).reshape(-1, size) for array in (left, right)
    )
    return np.asarray((ours != theirs).any(axis=1))
