"""Elementwise arithmetic of pairs: what rules for composed operators are written in.

Each function computes in float64, passes the errors of its operands on, and adds the rounding
of one operation to the format `dtype` has under the step's arithmetic. First order is not
enough where an operand may be near a pole: bounds hold for the whole interval v ± e, and are
infinite where it reaches the pole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.functions import ulps
from hal_conformance.numerics.pair import Accepts, Pair
from hal_conformance.numerics.rules import Step

Function: TypeAlias = Callable[[Array], Array]


def allowed(step: Step, name: str, dtype: str) -> float:
    """How many ULP a function's result may be off, for a result of that type."""
    return ulps(name, step.stored(dtype), primitive=step.primitive)


def constant(value: float, dtype: str) -> Pair:
    """A number that is written in the graph, exact."""
    return Pair(np.asarray(value, np.float64), None, dtype)


def typed(pair: Pair, dtype: str) -> Pair:
    """The same numbers in a type at least as wide: nothing is rounded."""
    return replace(pair, dtype=dtype)


def working(dtype: str) -> str:
    """The type a composed operator computes in: float32, or float64 for doubles."""
    return "float64" if dtype == "float64" else "float32"


def size(pair: Pair) -> Array:
    """How large each element may be on a device."""
    reach: Array = np.abs(pair.value) + pair.errors()
    return reach


def plus(step: Step, a: Pair, b: Pair, dtype: str | None = None) -> Pair:
    """a + b."""
    with np.errstate(all="ignore"):
        value, error = a.value + b.value, a.errors() + b.errors()
    return step.rounded(value, error, dtype or a.dtype)


def minus(step: Step, a: Pair, b: Pair, dtype: str | None = None) -> Pair:
    """a - b."""
    with np.errstate(all="ignore"):
        value, error = a.value - b.value, a.errors() + b.errors()
    return step.rounded(value, error, dtype or a.dtype)


def times(step: Step, a: Pair, b: Pair, dtype: str | None = None) -> Pair:
    """a b."""
    with np.errstate(all="ignore"):
        value = a.value * b.value
        error = np.abs(a.value) * b.errors() + a.errors() * size(b)
        error = np.where(np.isnan(error) & ~np.isnan(value), np.inf, error)
        error = np.where((a.errors() == 0) & (b.errors() == 0), 0.0, error)
        error = np.where(np.isinf(a.errors()) | np.isinf(b.errors()), np.inf, error)
    return step.rounded(value, error, dtype or a.dtype)


def over(step: Step, a: Pair, b: Pair, dtype: str | None = None) -> Pair:
    """a / b, or a times the reciprocal of b."""
    kind = dtype or a.dtype
    with np.errstate(all="ignore"):
        value = a.value / b.value
        error = quotient_error(a, b)
    return step.rounded(value, error, kind, allowed(step, "Div", kind))


def quotient_error(a: Pair, b: Pair) -> Array:
    """How far a / b moves: (e_a + |a / b| e_b) / (|b| - e_b), infinite where b may be 0."""
    with np.errstate(all="ignore"):
        low = np.abs(b.value) - b.errors()
        error = (a.errors() + np.abs(a.value / b.value) * b.errors()) / low
        certain = (a.errors() == 0) & (b.errors() == 0)
        error = np.where((low <= 0) | np.isnan(error), np.inf, error)
    return np.where(np.broadcast_to(certain, np.shape(error)), 0.0, error)


def root(step: Step, a: Pair, dtype: str | None = None) -> Pair:
    """The square root; unknown where a device's operand may be negative."""
    with np.errstate(all="ignore"):
        value = np.sqrt(a.value)
        low = a.value - a.errors()
        error = np.maximum(np.sqrt(a.value + a.errors()) - value, value - np.sqrt(low))
        error = np.where((low < 0) & (a.errors() > 0), np.inf, error)
        error = np.where(a.errors() == 0, 0.0, error)
    return step.rounded(value, error, dtype or a.dtype, allowed(step, "Sqrt", a.dtype))


def monotone(
    step: Step, a: Pair, function: Function, limit: float, dtype: str | None = None
) -> Pair:
    """A monotone function of one pair: the ends of v ± e say how far it moves."""
    with np.errstate(all="ignore"):
        value = function(a.value)
        moved = [np.abs(function(a.value + s * a.errors()) - value) for s in (-1.0, 1.0)]
        error = np.maximum(*moved)
        error = np.where(a.errors() == 0, 0.0, np.where(np.isnan(error), np.inf, error))
    return step.rounded(np.asarray(value), error, dtype or a.dtype, limit)


def exponential(step: Step, a: Pair) -> Pair:
    """e^a."""
    return monotone(step, a, np.exp, allowed(step, "Exp", a.dtype))


def largest(a: Pair, axis: int | tuple[int, ...]) -> Pair:
    """The largest along axes, which stay as 1: 1-Lipschitz, nothing is rounded."""
    value = a.value.max(axis=axis, keepdims=True, initial=-np.inf)
    if a.error is None:
        return replace(a, value=value)
    return replace(a, value=value, error=a.error.max(axis=axis, keepdims=True, initial=0.0))


def narrowed(step: Step, a: Pair, dtype: str) -> Pair:
    """A value of a wider type rounded to `dtype`; nothing where it already has it."""
    if a.dtype == dtype or FORMATS[a.dtype].precision <= step.stored(dtype).precision:
        return replace(a, dtype=dtype)
    return step.rounded(a.value, a.errors(), dtype)


def joined(pairs: Sequence[Pair], axis: int) -> Pair:
    """Pairs side by side along an axis."""
    value = np.concatenate([pair.value for pair in pairs], axis)
    if all(pair.error is None for pair in pairs):
        return replace(pairs[0], value=value)
    return replace(
        pairs[0], value=value, error=np.concatenate([pair.errors() for pair in pairs], axis)
    )


def one_of(options: Sequence[Pair]) -> Pair:
    """The first of several tensors, of which each element may be any of the others'."""
    middle = options[0]
    differs = np.zeros(np.shape(middle.value), bool)
    for option in options[1:]:
        same = (option.value == middle.value) | (
            (option.value != option.value) & (middle.value != middle.value)
        )
        differs |= ~same
    if not differs.any():
        return middle
    return replace(
        middle,
        error=_furthest(middle, options),
        accepts=_any_of(options),
        ambiguous=int(np.count_nonzero(differs)),
    )


def _any_of(options: Sequence[Pair]) -> Accepts:
    def accepts(got: Array) -> Array:
        right = np.zeros(np.shape(options[0].value), bool)
        for option in options:
            right |= np.asarray(got == option.value, bool)
            if option.value.dtype.kind in "fiu":
                numbers, value = (a.astype(np.float64) for a in (got, option.value))
                with np.errstate(invalid="ignore"):
                    right |= np.abs(numbers - value) <= option.errors()
                right |= np.isnan(numbers) & np.isnan(value)
        return right

    return accepts


def _furthest(middle: Pair, options: Sequence[Pair]) -> Array:
    """How far any option lies from the first."""
    if middle.value.dtype.kind not in "fiu":
        return np.full(np.shape(middle.value), np.inf)
    furthest = middle.errors()
    with np.errstate(invalid="ignore"):
        for option in options:
            apart = np.abs(option.value.astype(np.float64) - middle.value.astype(np.float64))
            furthest = np.maximum(furthest, np.nan_to_num(apart, nan=np.inf) + option.errors())
    return furthest
