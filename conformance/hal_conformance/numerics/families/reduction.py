"""Reductions and scans: sums, products, norms, extremes.

Sums are Jeannerod and Rump's (n - 1) u Σ|x|, see `contraction`. Norms follow the bodies that
the standard gives them (Mul, ReduceSum, Sqrt, Log), in every version and with two exceptions:
the body of ReduceL2 takes the root in float32 even of doubles, which is no yardstick for them,
and that of ReduceLogSumExp computes in doubles, which few devices have; subtracting the maximum
is as good (Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax
functions, IMA J. Numer. Anal. 41(4), 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hal_conformance.numerics.algebra import monotone
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import (
    JEANNEROD_RUMP,
    LIMIT,
    between,
    by_reference,
    growth,
    held,
    needed,
    passing,
    stored,
    total,
)
from hal_conformance.numerics.functions import ulps
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import number_or_nan, undefined


@rule("ReduceSum", source=JEANNEROD_RUMP)
def reduce_sum(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """(n - 1) u Σ|x|."""
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return by_reference(step, inputs)
    return [_sum(step, x, axes, keep)]


@rule("ReduceMean", source=JEANNEROD_RUMP)
def reduce_mean(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The sum and a division, or a product with the rounded 1 / n: two roundings more.

    Whole numbers: the standard does not say which way the quotient goes, so both are right.
    """
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return _whole(inputs, lambda a: np.mean(a, axis=axes, keepdims=keep))
    if axes == ():
        return [held(step, x)]
    return [stored(step, mean(step, x, axes, keepdims=keep))]


@rule("ReduceL1", source=JEANNEROD_RUMP)
def reduce_l1(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Abs is exact; then a sum."""
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return by_reference(step, inputs)
    return [_sum(step, replace(x, value=np.abs(x.value), accepts=None), axes, keep)]


@rule("ReduceSumSquare", source=JEANNEROD_RUMP)
def reduce_sum_square(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Squares, which the body stores, and a sum; whole numbers wrap around."""
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return [_squares(x, axes, keep=keep)]
    return [_sum(step, _square(step, x), axes, keep)]


@rule("ReduceL2", source=JEANNEROD_RUMP + "; sqrt: OpenCL C 3.0 table 38")
def reduce_l2(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The root of the sum of squares; of one element it may also be |x|."""
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return _whole(inputs, lambda a: np.sqrt(np.sum(a**2, axis=axes, keepdims=keep)))
    return [_root(step, _sum(step, _square(step, x), axes, keep, last=False))]


@rule("ReduceLogSum", source=JEANNEROD_RUMP + "; log: OpenCL C 3.0 table 38")
@np.errstate(all="ignore")
def reduce_log_sum(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The logarithm of the sum; of what is surely negative it is NaN."""
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return _whole(inputs, lambda a: np.log(np.sum(a, axis=axes, keepdims=keep)))
    ulp = ulps("Log", step.stored(x.dtype), primitive=step.primitive)
    summed = _sum(step, x, axes, keep, last=False)
    made = monotone(step, summed, np.log, ulp)
    negative = summed.value + summed.errors() < 0
    return [replace(made, error=np.where(negative, 0.0, made.errors()))]


@rule("ReduceLogSumExp", source="Blanchard, Higham and Higham 2021; OpenCL C 3.0 table 38")
def reduce_log_sum_exp(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """m + log Σ exp(x - m): 1-Lipschitz in x; relative errors of the sum become absolute.

    Each x - m is rounded, each exponential has its ULP (2 u each), the n - 1 additions theirs.
    The body shifts nothing: where its exponentials overflow or vanish, infinity is right too.
    """
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return _whole(inputs, lambda a: np.log(np.sum(np.exp(a), axis=axes, keepdims=keep)))
    kept, summing = step.stored(x.dtype), step.arithmetic.summing(x.dtype)
    given = held(step, x)
    power, logarithm = (ulps(f, kept, primitive=step.primitive) for f in ("Exp", "Log"))
    with np.errstate(all="ignore"):
        peak = x.value.max(axis=axes, keepdims=True, initial=-np.inf)
        shift = np.where(np.isfinite(peak), peak, 0.0)
        powers = np.exp(x.value - shift)
        sums = powers.sum(axis=axes, keepdims=True)
        value = np.log(sums) + shift
        moved = given.errors().max(axis=axes, keepdims=True, initial=0.0)
        share = np.where(np.isfinite(x.value), np.abs(x.value - shift) * powers / sums, 0.0)
        rounding = kept.unit * share.sum(axis=axes, keepdims=True)
        grown = growth(_count(x.value, value), summing.unit)
        relative = 2 * power * kept.unit + grown
        last = logarithm * kept.ulp(np.log(sums))
        error = np.where(np.isfinite(value), moved + rounding + relative + last, 0.0)
        error = np.where(np.isinf(moved), np.inf, error)
        sums = sums * np.exp(np.clip(shift, -700.0, 700.0))
        vanishes = kept.tiny if step.arithmetic.flushes(x.dtype) else kept.smallest / 2
        lost = np.where(np.isfinite(value), _count(x.value, value) * vanishes / sums, 0.0)
        error = error if step.primitive else error - np.log1p(-np.minimum(lost, 0.5))
    made = step.rounded(value, error, x.dtype)
    if not step.primitive:
        near = 1 + relative + moved
        vanish, overflow = lost > LIMIT, np.isfinite(value) & (sums * near > kept.largest)
        made = undefined(made, vanish, lambda got: _infinite(got, -1))
        made = undefined(made, overflow, lambda got: _infinite(got, 1))
    if keep:
        return [made]
    squeezed = tuple(range(np.ndim(x.value))) if axes is None else axes
    return [_without(made, squeezed)]


def _infinite(got: Array, sign: int) -> Array:
    return np.asarray(got.astype(np.float64) == sign * np.inf)


def _without(made: Pair, axes: tuple[int, ...]) -> Pair:
    """Without axes of size 1, whatever the answer is compared by."""
    squeezed = made.moved(lambda array: np.squeeze(array, axis=axes))
    accepts = made.accepts
    if accepts is None:
        return squeezed

    def reshaped(got: Array) -> Array:
        return np.squeeze(accepts(np.expand_dims(got, axes)), axis=axes)

    return replace(squeezed, accepts=reshaped)


@rule("ReduceProd", source="Rump, Bünger and Jeannerod 2016: (n - 1) u |Π x|")
@np.errstate(all="ignore")
def reduce_prod(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """n - 1 roundings; a partial product may leave the range that the whole one is in."""
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return by_reference(step, inputs)
    if axes == ():
        return [held(step, x)]

    def fold(array: Array) -> Array:
        return np.asarray(np.prod(array, axis=axes, keepdims=keep))

    value = fold(x.value)
    return [_product(step, x, fold, _count(x.value, value))]


@rule("ReduceMax", "ReduceMin", source="selection: 1-Lipschitz")
def reduce_extreme(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """An extreme lies between the extremes of x - e and of x + e."""
    x, axes, keep = _reduced(step, inputs)
    if not x.is_float:
        return by_reference(step, inputs)

    def fold(array: Array) -> Array:
        if step.op == "ReduceMax":
            return np.asarray(np.max(array, axis=axes, keepdims=keep, initial=-np.inf))
        return np.asarray(np.min(array, axis=axes, keepdims=keep, initial=np.inf))

    known = np.fmax if step.op == "ReduceMax" else np.fmin
    over = tuple(range(x.value.ndim)) if axes is None else axes
    made = extreme(held(step, x), fold)
    if not np.isnan(made.value).any():
        return [made]
    numbers = np.asarray(known.reduce(x.value, axis=over, keepdims=True))
    return [number_or_nan(made, np.isnan(made.value), [numbers.reshape(made.value.shape)])]


@rule("CumSum", source=JEANNEROD_RUMP)
def cum_sum(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Each prefix is a sum of its own, in whatever order."""
    x = needed(inputs)
    if not x.is_float:
        return by_reference(step, inputs)
    scan = _scan(step, inputs, np.cumsum, 0.0)
    summing, kept = step.arithmetic.summing(x.dtype), held(step, x)
    with np.errstate(all="ignore"):
        value = scan(x.value)
        reach = scan(np.abs(x.value) + kept.errors())
        terms = np.maximum(scan(np.ones(np.shape(x.value))) - 1, 0.0)
        error = scan(kept.errors()) + growth(terms, summing.unit) * reach
        if step.arithmetic.flushes(x.dtype):
            error = error + terms * summing.tiny
        error = np.where(reach > summing.largest, np.inf, error)
        error = np.where(np.isfinite(value), error, scan(x.errors()))
    return [step.rounded(value, error, x.dtype)]


@rule("CumProd", source="Rump, Bünger and Jeannerod 2016: (n - 1) u |Π x|")
def cum_prod(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Each prefix is a product of its own."""
    x = needed(inputs)
    if not x.is_float:
        return by_reference(step, inputs)
    scan = _scan(step, inputs, np.cumprod, 1.0)
    count = _scan(step, inputs, np.cumsum, 0.0)
    return [_product(step, x, scan, count(np.ones(np.shape(x.value))))]


def mean(
    step: Step, x: Pair, axes: tuple[int, ...] | None = None, *, keepdims: bool = False
) -> Pair:
    """The mean along axes, in the accumulator's format."""
    summed = total(step, x, axes, keepdims=keepdims)
    count = _count(x.value, summed.value)
    unit = step.arithmetic.summing(x.dtype).unit
    with np.errstate(all="ignore"):
        value = summed.value / count
        reach = np.abs(value) + summed.errors() / count
        error = summed.errors() / count + 2 * unit * reach
        error = np.where(np.isfinite(value), error, summed.errors())
    return replace(summed, value=value, error=error)


def extreme(x: Pair, fold: Callable[[Array], Array]) -> Pair:
    """A maximum or minimum: what moves it is how far the ends of the intervals lie from it."""
    with np.errstate(all="ignore"):
        value = fold(x.value)
        if x.error is None:
            return Pair(value, None, x.dtype)
        above, below = fold(x.value + x.error), fold(x.value - x.error)
        error = np.where(above == value, 0.0, np.abs(above - value))
        error = np.maximum(error, np.where(below == value, 0.0, np.abs(value - below)))
    return Pair(value, np.where(np.isnan(error) & ~np.isnan(value), np.inf, error), x.dtype)


def _reduced(
    step: Step, inputs: Sequence[Quantity]
) -> tuple[Pair, tuple[int, ...] | None, bool]:
    """The input, the axes (None: all; none at all: (), the identity) and whether they stay."""
    given = inputs[1] if len(inputs) > 1 else None
    axes = list(step.attributes.get("axes") or [])
    if isinstance(given, Pair):
        axes = [int(axis) for axis in given.value.ravel()]
    x = needed(inputs)
    keep = bool(step.attributes.get("keepdims", 1))
    if not axes:
        return x, () if step.attributes.get("noop_with_empty_axes") else None, keep
    return x, tuple(axis % max(1, x.value.ndim) for axis in axes), keep


def _sum(
    step: Step, x: Pair, axes: tuple[int, ...] | None, keep: bool, *, last: bool = True
) -> Pair:
    if axes == ():
        return held(step, x)
    summed = total(step, x, axes, keepdims=keep)
    return stored(step, summed) if last else between(step, summed)


def _square(step: Step, x: Pair) -> Pair:
    """x², stored; a primitive keeps it in its accumulator. The square of 0 is exact."""
    given = held(step, x)
    with np.errstate(all="ignore"):
        reach = np.abs(x.value) + given.errors()
        error = given.errors() * (np.abs(x.value) + reach)
        summing = step.arithmetic.summing(x.dtype)
        if step.primitive:
            error = error + summing.unit * reach**2 + summing.smallest * (reach > 0)
            return Pair(x.value**2, error, x.dtype)
    squared = Pair(x.value**2, error, x.dtype)
    made = passing(step, squared, step.rounded(squared.value, error, x.dtype))
    return replace(made, error=np.where(reach == 0, 0.0, made.errors()))


def _squares(x: Pair, axes: tuple[int, ...] | None, *, keep: bool) -> Pair:
    """The sum of the squares of whole numbers, in their own type."""
    with np.errstate(all="ignore"):
        squares = x.value * x.value
        if axes != ():
            squares = np.sum(squares, axis=axes, keepdims=keep, dtype=x.value.dtype)
    made = Pair(np.asarray(squares), None, x.dtype)
    return made if x.is_exact else made.unknown()


def _root(step: Step, a: Pair) -> Pair:
    """The root of a sum of squares, which no device makes negative."""
    with np.errstate(all="ignore"):
        value = np.sqrt(a.value)
        low = value - np.sqrt(np.maximum(a.value - a.errors(), 0.0))
        error = np.where(
            a.errors() == 0, 0.0, np.maximum(np.sqrt(a.value + a.errors()) - value, low)
        )
    ulp = ulps("Sqrt", step.stored(a.dtype), primitive=step.primitive)
    return step.rounded(value, error, a.dtype, ulp)


def _count(whole: Array, folded: Array) -> int:
    """How many elements each result is made of."""
    return int(np.size(whole) // max(1, np.size(folded)))


def _product(step: Step, x: Pair, fold: Callable[[Array], Array], terms: Array | float) -> Pair:
    """Π(|x| + e) - Π|x| and n - 1 roundings; what may leave the range on the way is unknown.

    `fold` multiplies, all or along a scan. An underflow on the way loses less than half the
    smallest subnormal times all the factors above 1.
    """
    summing, given = step.arithmetic.summing(x.dtype), held(step, x)
    with np.errstate(all="ignore"):
        value, size = fold(x.value), np.abs(x.value)
        reach = fold(size + given.errors())
        above, below = fold(np.maximum(size + given.errors(), 1.0)), fold(_below(size, given))
        grown = growth(np.maximum(np.asarray(terms) - 1.0, 0.0), summing.unit)
        error = np.maximum(reach - np.abs(value), 0.0) + grown * reach
        lost = summing.tiny if step.arithmetic.flushes(x.dtype) else summing.smallest / 2
        error = error + np.where(below < summing.tiny, terms * lost * above, 0.0)
        error = np.where((above > summing.largest) | np.isnan(error), np.inf, error)
        sure = fold(x.errors() + 1.0) == 1.0
        error = np.where(np.isfinite(value), error, np.where(sure, 0.0, np.inf))
    return step.rounded(value, error, x.dtype)


def _below(size: Array, given: Pair) -> Array:
    """The factors under 1, as small as they may be; zeros are exact and lose nothing."""
    low = np.where(size == 0, 1.0, np.maximum(size - given.errors(), 0.0))
    return np.minimum(low, 1.0)


def _scan(
    step: Step, inputs: Sequence[Quantity], cumulate: Callable[..., Array], start: float
) -> Callable[[Array], Array]:
    """The scan along the node's axis, with its direction, and with the element or without."""
    axis = int(needed(inputs, 1).value.ravel()[0])
    backwards, exclusive = step.attributes.get("reverse"), step.attributes.get("exclusive")

    def scan(array: Array) -> Array:
        rows = np.moveaxis(array, axis, -1)
        rows = rows[..., ::-1] if backwards else rows
        made = cumulate(rows, axis=-1)
        if exclusive:
            first = np.full((*rows.shape[:-1], min(1, rows.shape[-1])), start)
            made = np.concatenate([first, made[..., :-1]], axis=-1)
        made = made[..., ::-1] if backwards else made
        return np.asarray(np.moveaxis(made, -1, axis))

    return scan


def _whole(inputs: Sequence[Quantity], exact: Callable[[Array], Array]) -> list[Quantity]:
    """A quotient, root or logarithm of whole numbers: either neighbour is right."""
    x = needed(inputs)
    with np.errstate(all="ignore"):
        real = np.asarray(exact(x.value.astype(np.float64)))
        limits = np.iinfo(x.value.dtype)
        inside = (real >= limits.min) & (real <= limits.max)
        value = np.where(inside, np.trunc(real), 0).astype(x.value.dtype)
        error = np.where(inside, (real != np.trunc(real)) * 1.0, np.inf)
    if not x.is_exact:
        return [Pair(value, None, x.dtype).unknown()]

    def accepts(got: Array) -> Array:
        return np.asarray((np.abs(got.astype(np.float64) - real) < 1) | ~inside)

    return [Pair(value, error, x.dtype, accepts, int(np.count_nonzero(error)))]
