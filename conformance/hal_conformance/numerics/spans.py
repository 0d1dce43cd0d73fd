"""How far a result moves when its operands lie anywhere in v ± e: intervals, not derivatives.

First order would not be sound near poles, edges and kinks. Functions here take and return plain
float64 arrays; families make pairs of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from hal_conformance.numerics.arithmetic import FORMATS, Array, Format
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.rules import Step


def operand(step: Step, pair: Pair) -> Array:
    """How far a device's own copy of an operand may lie from the reference.

    A value nobody has rounded yet (an input, a weight) is stored in the arithmetic's format
    first, where that is narrower than its type; a subnormal may be flushed to zero; and what
    may have overflowed may be infinite.
    """
    error = pair.errors()
    kept = step.stored(pair.dtype)
    with np.errstate(all="ignore"):
        size = np.abs(pair.value)
        over = (size + error > kept.largest) & (error > 0)
        error = np.where(over, np.inf, error) if over.any() else error
        if pair.error is None and kept.precision < pair.format.precision:
            error = np.abs(nearest(pair.value, kept) - pair.value)
            error = np.where(np.isfinite(size), np.nan_to_num(error, posinf=np.inf), 0.0)
        if step.arithmetic.flushes(pair.dtype):
            flushed = (size - error < kept.tiny) & (size > 0)
            error = np.where(flushed, np.maximum(error, size), error)
    return np.asarray(error)


def nearest(value: Array, kept: Format) -> Array:
    """Values rounded to a format, ties to even; infinite beyond its largest."""
    value = np.asarray(value, np.float64)
    if kept.name == "float64":
        return value
    with np.errstate(all="ignore"):
        ulp = kept.ulp(value)
        rounded = np.rint(value / ulp) * ulp
        rounded = np.where(np.isfinite(value), rounded, value)
        over = np.abs(rounded) > kept.largest
    return np.where(over, np.copysign(np.inf, value), rounded)


def parameter(step: Step, value: float, dtype: str) -> Pair:
    """An attribute that a computation uses: it may be rounded to the tensor's type, or not.

    The standard's bodies cast it (CastLike); kernels that compute in float32 do not.
    """
    number = np.asarray(value, np.float64)
    kept = min(step.stored(dtype), FORMATS[dtype], key=lambda format_: format_.precision)
    error = np.abs(nearest(number, kept) - number)
    return Pair(number, error if error > 0 else None, dtype)


def span(value: Array, ends: Sequence[Array]) -> Array:
    """How far the ends lie from the value; infinite where one is no number and others are."""
    with np.errstate(all="ignore"):
        far = np.zeros(np.shape(value))
        for end in ends:
            same = (end == value) | (np.isnan(end) & np.isnan(value))
            away = np.where(same, 0.0, np.abs(end - value))
            far = np.maximum(far, np.where(np.isnan(away), np.inf, away))
    return far


def image(
    function: Callable[[Array], Array], value: Array, error: Array
) -> tuple[Array, Array]:
    """A monotone function's value, and how far it moves."""
    with np.errstate(all="ignore"):
        result = np.asarray(function(value))
        if not np.any(error):
            return result, np.zeros(np.shape(result))
        return result, span(result, [function(value - error), function(value + error)])


def corners(
    function: Callable[[Array, Array], Array],
    a: tuple[Array, Array],
    b: tuple[Array, Array],
) -> tuple[Array, Array]:
    """A function of two operands that is monotone in each: its corners say how far it moves."""
    with np.errstate(all="ignore"):
        result = np.asarray(function(a[0], b[0]))
        if not np.any(a[1]) and not np.any(b[1]):
            return result, np.zeros(np.shape(result))
        ends = [
            function(a[0] + s * a[1], b[0] + t * b[1])
            for s, t in product((-1.0, 1.0), repeat=2)
        ]
        return result, span(result, ends)


def between(low: Array, value: Array, high: Array, dtype: str) -> Pair:
    """A result that jumps: every whole number from `low` to `high` is right.

    Where `low` and `high` are equal it does not jump. A bound that is infinite stays unknown.
    """
    plain = [np.asarray(end, np.float64) for end in (low, value, high)]
    error = span(plain[1], [plain[0], plain[2]])
    if not error.any():
        return Pair(value, None, dtype)
    ambiguous = int(np.count_nonzero(error))
    if np.isinf(error).any():
        return Pair(value, error, dtype, ambiguous=ambiguous)

    def accepts(got: Array) -> Array:
        number = got.astype(np.float64)
        with np.errstate(invalid="ignore"):
            inside = (number >= plain[0]) & (number <= plain[2]) & (number == np.rint(number))
            same = (number == plain[1]) | (np.isnan(number) & np.isnan(plain[1]))
        return np.asarray(inside | same)

    return Pair(value, error, dtype, accepts, ambiguous)


def undefined(pair: Pair, where: Array, right: Callable[[Array], Array] | None = None) -> Pair:
    """The pair where the standard leaves some elements open: all answers are right.

    Or those that `right` says, beside the one that is known. They count as ambiguous, and
    nothing is known of them further on.
    """
    if not np.any(where):
        return pair
    error = np.where(where, np.inf, pair.errors())
    count = pair.ambiguous + int(np.count_nonzero(where))
    if pair.accepts is None and np.isinf(pair.errors()).any():
        return Pair(pair.value, error, pair.dtype, ambiguous=count)

    def accepts(got: Array) -> Array:
        free = where if right is None else where & right(got)
        if pair.accepts is not None:
            return np.asarray(free | pair.accepts(got))
        with np.errstate(invalid="ignore"):
            number, value = got.astype(np.float64), np.asarray(pair.value, np.float64)
            near = np.abs(number - value) <= pair.errors()
            same = (number == value) | (np.isnan(number) & np.isnan(value))
        return np.asarray(free | near | same)

    return Pair(pair.value, error, pair.dtype, accepts, count)


def number_or_nan(pair: Pair, where: Array, numbers: Sequence[Array]) -> Pair:
    """The pair where an extreme meets NaN: NaN, or one of these numbers.

    The standard does not say which; IEEE 754-2019 has both, maximum and maximumNumber (9.6).
    """

    def right(got: Array) -> Array:
        number = got.astype(np.float64)
        found = np.isnan(number)
        for one in numbers:
            found = found | (number == one)
        return np.asarray(found)

    return undefined(pair, where, right)


def no_number(got: Array) -> Array:
    """Infinities and NaN: what is left when an intermediate result overflows."""
    return ~np.isfinite(got.astype(np.float64))
