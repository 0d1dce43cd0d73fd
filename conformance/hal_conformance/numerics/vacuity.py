"""Whether a case's bounds would see anything: their size, and four impostors that must FAIL.

A case says something under an arithmetic when B <= 0.25 x the output's rms for 90 % of an
output's elements, and all zeros, a copy of an input, the reference rolled by one and its mean
everywhere would all FAIL. An impostor that happens to be the right answer (a copy of the input
of Identity) is none. The corpus asks this when it is built; what is vacuous is UNJUDGED under
that arithmetic, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from hal import dtypes
from hal.tensor import MapValue, Tensor, Value
from hal_conformance.numerics.arithmetic import Arithmetic, Array
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hal_conformance.numerics.verdict import judge
from hal_conformance.records import Outcome

Forge: TypeAlias = "Callable[[Pair], Array | None]"
"""What an impostor returns instead of an output; None where it cannot."""


def vacuous(
    names: Sequence[str],
    expected: Sequence[Quantity],
    feeds: Mapping[str, Quantity],
    arithmetic: Arithmetic,
) -> list[str]:
    """Why a case says nothing under an arithmetic: a sentence an output; empty where it does.

    Args:
        names: the outputs' names.
        expected: the quantities of `engine.bounds` under `arithmetic`.
        feeds: the case's inputs.
        arithmetic: what the device is said to compute in.
    """
    found = [
        _vacuous(name, quantity, feeds, arithmetic)
        for name, quantity in zip(names, expected, strict=True)
    ]
    return [reason for reason in found if reason]


def _vacuous(
    name: str, expected: Quantity, feeds: Mapping[str, Quantity], arithmetic: Arithmetic
) -> str | None:
    answer = _forged(expected, _rounded)
    own = judge([name], [answer], [expected], arithmetic)[0]
    if own.outcome is not Outcome.PASS:
        return own.reason
    for impostor, forge in _impostors(feeds):
        false = _forged(expected, forge)
        if _same(false, answer):
            continue
        verdict = judge([name], [false], [expected], arithmetic)[0]
        if verdict.outcome is not Outcome.FAIL:
            return f"{name}: {impostor} would not fail"
    return None


def _impostors(feeds: Mapping[str, Quantity]) -> Iterator[tuple[str, Forge]]:
    yield "all zeros", _zeros
    yield "the reference rolled by one", _rolled
    yield "its mean everywhere", _mean
    for name, quantity in feeds.items():
        if isinstance(quantity, Pair):
            yield f"a copy of {name}", _copied(quantity)


def _forged(expected: Quantity, forge: Forge) -> Value:
    """A value of a quantity's kind with each tensor forged; the right one where it cannot."""
    if isinstance(expected, list):
        return [_forged(item, forge) for item in expected]
    if expected is None:
        return None
    if isinstance(expected, Table):
        return MapValue(_tensor(expected.keys, _rounded), _tensor(expected.values, forge))
    return _tensor(expected, forge)


def _tensor(pair: Pair, forge: Forge) -> Tensor:
    array = forge(pair)
    return Tensor(_rounded(pair) if array is None else array, dtypes.of_name(pair.dtype))


def _rounded(pair: Pair) -> Array:
    """The reference in its own type."""
    return _as(pair, np.asarray(pair.value))


def _as(pair: Pair, array: Array) -> Array:
    dtype = object if pair.dtype == "string" else dtypes.of_name(pair.dtype).numpy
    given = np.asarray(array)
    with np.errstate(all="ignore"):
        if given.dtype != dtype and dtypes.of_array(given).is_extension:
            given = given.astype(np.float64)  # the small types know no conversion to each other
        return given.astype(dtype)


def _zeros(pair: Pair) -> Array:
    zero: Any = "" if pair.dtype == "string" else 0
    return _as(pair, np.full(np.shape(pair.value), zero))


def _rolled(pair: Pair) -> Array:
    return np.roll(_rounded(pair), 1)


def _mean(pair: Pair) -> Array | None:
    """The mean of what is finite, everywhere."""
    if pair.dtype == "string" or not np.size(pair.value):
        return None
    numbers = np.asarray(pair.value).astype(np.complex128 if _is_complex(pair) else np.float64)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return None
    mean = np.mean(finite)
    if not (pair.is_float or _is_complex(pair)):
        mean = np.rint(mean)
    return _as(pair, np.full(np.shape(pair.value), mean))


def _is_complex(pair: Pair) -> bool:
    return pair.dtype.startswith("complex")


def _copied(source: Pair) -> Forge:
    """An input in the place of an output: its elements as they are, or broadcast."""

    def forge(pair: Pair) -> Array | None:
        if (pair.dtype == "string") != (source.dtype == "string"):
            return None
        shape, array = np.shape(pair.value), np.asarray(source.value)
        if _is_complex(source) and not _is_complex(pair):
            return None
        if array.size == np.size(pair.value):
            return _as(pair, array.reshape(shape))
        try:
            return _as(pair, np.broadcast_to(array, shape))
        except ValueError:
            return None

    return forge


def _same(left: Value, right: Value) -> bool:
    """Whether two forgeries are the same answer, NaN and signs of zero aside."""
    if isinstance(left, list) and isinstance(right, list):
        return all(_same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, MapValue) and isinstance(right, MapValue):
        return _same(left.keys, right.keys) and _same(left.values, right.values)
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        a, b = left.array, right.array
        with np.errstate(all="ignore"):
            equal = np.asarray(a == b)
            if a.dtype.kind != "O":
                equal = equal | (_nan(a) & _nan(b))
        return bool(equal.all())
    return left is None and right is None


def _nan(array: Array) -> Array:
    return np.asarray(array != array, bool)  # noqa: PLR0124  every kind of number has it
