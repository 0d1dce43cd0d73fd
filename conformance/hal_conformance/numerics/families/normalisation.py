"""Normalisations: what subtracts a mean, divides by a deviation, scales and shifts.

The values are two-pass in float64. The bound of a variance is that of the one-pass form
E[x²] - E[x]², which is how the standard writes it: n u E[x²] and the error of the square.
The two-pass form errs by n u var + (n u mean)², Welford's by n u sqrt(var E[x²]), both less
(Chan, Golub and LeVeque, Algorithms for computing the sample variance, Am. Stat. 37(3), 1983);
as a primitive the operator is graded by the two-pass bound. Where the mean is so large that
the variance drowns nothing is said, rightly: the standard's own body gives anything there.

Statistics are kept in the `stash_type` where there is one, else in float32, or float64 for
doubles; narrower only where the arithmetic itself is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.algebra import (
    allowed,
    constant,
    minus,
    monotone,
    narrowed,
    over,
    plus,
    quotient_error,
    root,
    size,
    times,
    typed,
    working,
)
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import held, needed, total
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

Move: TypeAlias = Callable[[Array], Array]

STASH = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}
CHAN = "Chan, Golub and LeVeque 1983: one-pass variance; OpenCL C 3.0: sqrt 3, / 2.5 ULP"
FOLDING = 5
"""Folding the statistics into a scale and a shift: correct devices reach 4.3 u (measured)."""


@dataclass(frozen=True)
class Moments:
    """Mean and population variance along axes that stay as 1."""

    mean: Pair
    variance: Pair


def moments(step: Step, x: Pair, axes: tuple[int, ...], squaring: float = 0.5) -> Moments:
    """Mean and variance, whichever way they are computed; squares have `squaring` ULP."""
    given = held(step, x)
    count = float(np.prod([np.shape(x.value)[axis] for axis in axes], initial=1.0))
    mean = _mean(step, x, axes, count)
    unit = step.arithmetic.summing(x.dtype).unit
    kept = step.stored(x.dtype)
    with np.errstate(all="ignore"):
        deviation = x.value - mean.value
        value = np.mean(deviation**2, axis=axes, keepdims=True)
        errors = given.errors()
        moved = np.mean((2 * np.abs(deviation) + errors) * errors, axis=axes, keepdims=True)
        square = np.mean(size(given) ** 2, axis=axes, keepdims=True)
        if step.primitive:
            rounding = (count + 3) * unit * value
        else:
            rounding = (count + 1) * unit * square
            rounding = rounding + (1 + 2 * squaring) * kept.unit * (square + size(mean) ** 2)
        lost = mean.errors() ** 2
        if not step.primitive:
            lost = lost + 2 * np.abs(mean.value) * (mean.errors() - _passed(given, axes))
        error = moved + rounding + lost
        error = np.where(count * unit > 0.25, np.inf, error)
        error = np.where(square > kept.largest, np.inf, error)
    return Moments(mean, step.rounded(value, error, x.dtype))


def _passed(given: Pair, axes: tuple[int, ...]) -> Array:
    """What the input's own errors do to a mean; a shift of all moves no variance."""
    passed: Array = np.mean(given.errors(), axis=axes, keepdims=True)
    return passed


def _mean(step: Step, x: Pair, axes: tuple[int, ...], count: float) -> Pair:
    """A sum over a count: summed and divided, or multiplied by the reciprocal."""
    summed = total(step, x, axes, keepdims=True)
    ulps = allowed(step, "Div", x.dtype)
    with np.errstate(all="ignore"):
        return step.rounded(summed.value / count, summed.errors() / count, x.dtype, ulps)


def standardised(step: Step, x: Pair, axes: tuple[int, ...], epsilon: float) -> Normal:
    """(x - mean) / sqrt(variance + epsilon), with the statistics it took."""
    found = moments(step, x, axes)
    shifted = plus(step, found.variance, held(step, constant(epsilon, x.dtype)))
    inverse = _inverse_root(step, shifted)
    given = held(step, x)
    with np.errstate(all="ignore"):
        # x s + (b - mean s) is as legal as (x - mean) s + b: each term rounds, and their sum.
        folded = 0.0 if step.primitive else 2 * step.stored(x.dtype).unit
        apart = folded * (size(given) + size(found.mean))
    deviation = minus(step, given, found.mean)
    deviation = Pair(deviation.value, deviation.errors() + apart, x.dtype)
    return Normal(times(step, deviation, inverse), found.mean, inverse)


@dataclass(frozen=True)
class Normal:
    """A standardised tensor, its mean and the inverse of its standard deviation."""

    value: Pair
    mean: Pair
    inverse: Pair


def _inverse_root(step: Step, a: Pair) -> Pair:
    """1 / sqrt(a): a root, a reciprocal of it, or rsqrt."""
    deviation = root(step, a)
    one = constant(1.0, a.dtype)
    return over(step, one, deviation)


def _scaled(step: Step, x: Pair, scale: Quantity, bias: Quantity, dtype: str) -> Pair:
    """x scale + bias in the tensor's own type."""
    result = narrowed(step, x, dtype)
    if isinstance(scale, Pair):
        result = times(step, result, held(step, scale), dtype)
    if isinstance(bias, Pair):
        shift = held(step, bias)
        folded = 0 if step.primitive else step.stored(working(dtype)).unit * size(shift)
        shift = Pair(shift.value, shift.errors() + folded, dtype)
        result = plus(step, result, shift, dtype)
    return result


def stashed(step: Step, x: Pair) -> Pair:
    """The input cast to the `stash_type` that statistics are computed in, float32 by default.

    Doubles are cast to it too; a device that keeps them is more accurate than it must be.
    """
    dtype = STASH.get(int(step.attributes.get("stash_type", 1)), "float32")
    return narrowed(step, x, dtype)


def _at_channel(pair: Pair, rank: int) -> Pair:
    """Per-channel parameters shaped to broadcast along axis 1."""
    shape = (1, *np.shape(pair.value)) if np.ndim(pair.value) > 1 else (-1, *[1] * (rank - 2))
    return pair.moved(lambda array: np.reshape(array, shape if rank > 1 else (-1,)))


@rule("LayerNormalization", source=CHAN, since=17)
def layer_normalization(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Over the axes from `axis` on; mean and inverse deviation on request."""
    x = needed(inputs)
    rank = np.ndim(x.value)
    axes = tuple(range(step.attributes["axis"] % rank, rank))
    inner = stashed(step, x)
    normal = standardised(step, inner, axes, step.attributes["epsilon"])
    bias = inputs[2] if len(inputs) > 2 else None
    y = _scaled(step, normal.value, inputs[1], bias, x.dtype)
    results: list[Quantity] = [y, normal.mean, normal.inverse]
    return results[: len(step.outputs)]


@rule("RMSNormalization", source="ONNX RMSNormalization-23; sqrt 3 ULP, / 2.5 ULP", since=23)
def rms_normalization(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x / sqrt(E[x²] + epsilon): no cancellation anywhere."""
    x = needed(inputs)
    rank = np.ndim(x.value)
    axes = tuple(range(step.attributes["axis"] % rank, rank))
    given = held(step, stashed(step, x))
    count = float(np.prod(np.shape(x.value)[axes[0] :], initial=1.0))
    square = _mean(step, times(step, given, given), axes, count)
    epsilon = held(step, constant(step.attributes["epsilon"], given.dtype))
    inverse = _inverse_root(step, plus(step, square, epsilon))
    return [_scaled(step, times(step, given, inverse), inputs[1], None, x.dtype)]


@rule("InstanceNormalization", source=CHAN, since=6)
def instance_normalization(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Each channel of each image over its own positions."""
    x, scale, bias = (needed(inputs, index) for index in range(3))
    rank = np.ndim(x.value)
    inner = typed(x, working(x.dtype))
    normal = standardised(step, inner, tuple(range(2, rank)), step.attributes["epsilon"])
    shaped = _at_channel(scale, rank), _at_channel(bias, rank)
    return [_scaled(step, normal.value, *shaped, x.dtype)]


@rule("GroupNormalization", source=CHAN, since=18)
def group_normalization(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Groups of channels; parameters a group before version 21, a channel from then on."""
    x, scale, bias = (needed(inputs, index) for index in range(3))
    shape, rank = np.shape(x.value), np.ndim(x.value)
    groups = int(step.attributes["num_groups"])
    if step.version < 21:
        scale, bias = (p.moved(_repeated(shape[1] // groups)) for p in (scale, bias))
    inner = stashed(step, x)
    each = int(np.prod(shape[1:])) // groups
    grouped = inner.moved(lambda array: array.reshape(shape[0], groups, each))
    normal = standardised(step, grouped, (2,), step.attributes["epsilon"])
    apart = normal.value.moved(lambda array: array.reshape(shape))
    shaped = _at_channel(scale, rank), _at_channel(bias, rank)
    return [_scaled(step, apart, *shaped, x.dtype)]


def _repeated(times_: int) -> Move:
    return lambda array: np.repeat(array, times_)


@rule("MeanVarianceNormalization", source=CHAN, since=9)
def mean_variance_normalization(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """(x - mean) / (deviation + 1e-9), the epsilon being the body's."""
    x = needed(inputs)
    rank = np.ndim(x.value)
    axes = tuple(axis % rank for axis in step.attributes["axes"])
    inner = typed(x, working(x.dtype))
    found = moments(step, inner, axes, allowed(step, "Pow", inner.dtype))
    deviation = plus(step, root(step, found.variance), constant(1e-9, inner.dtype))
    return [narrowed(step, over(step, minus(step, inner, found.mean), deviation), x.dtype)]


@rule("BatchNormalization", source="folding is legal: 5 u (|a x| + |a mean| + |b|)", since=7)
def batch_normalization(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """a x + (b - a mean) with a = scale / sqrt(variance + epsilon), in any form.

    In training the statistics are the batch's own; running ones are a (1 - momentum) mixture.
    """
    x, scale, bias, mean, variance = (needed(inputs, index) for index in range(5))
    rank = np.ndim(x.value)
    if not step.attributes.get("training_mode", 0):
        shaped = [_at_channel(pair, rank) for pair in (scale, bias, mean, variance)]
        y = _folded(step, x, shaped)
        return [y, *[None] * (len(step.outputs) - 1)]
    axes = tuple(axis for axis in range(rank) if axis != 1)
    found = moments(step, typed(x, working(x.dtype)), axes)
    own = found.mean, found.variance
    shaped = [_at_channel(scale, rank), _at_channel(bias, rank), *own]
    momentum = float(step.attributes["momentum"])
    running = [
        _mixed(step, old, new.moved(np.ravel), momentum)
        for old, new in zip((mean, variance), own, strict=True)
    ]
    results: list[Quantity] = [_folded(step, x, shaped), *running]
    return results[: len(step.outputs)]


def _folded(step: Step, x: Pair, parameters: Sequence[Pair]) -> Pair:
    scale, bias, mean, variance = parameters
    epsilon = constant(float(step.attributes["epsilon"]), variance.dtype)
    with np.errstate(all="ignore"):
        shifted = Pair(variance.value + epsilon.value, variance.errors(), variance.dtype)
        deviation = Pair(np.sqrt(shifted.value), _root_moves(shifted), variance.dtype)
        factor = scale.value / deviation.value
        factor_error = quotient_error(scale, deviation)
        distance = x.value - mean.value
        value = factor * distance + bias.value
        moved = (np.abs(factor) + factor_error) * (x.errors() + mean.errors())
        moved = moved + factor_error * np.abs(distance) + bias.errors()
        terms = np.abs(factor) * (np.abs(x.value) + np.abs(mean.value)) + np.abs(bias.value)
        units = [step.stored(pair.dtype).unit for pair in (x, scale, mean)]
        reach = np.nan_to_num(terms + moved, nan=0.0, posinf=np.inf)
        # A product on the way may be subnormal, and the scale comes after it.
        kept = step.stored(x.dtype)
        floor = kept.tiny if step.arithmetic.flushes(x.dtype) else kept.smallest / 2
        rounding = (FOLDING - 1) * max(units) * reach + floor * (1 + np.abs(scale.value))
    return step.rounded(value, moved + np.where(np.isfinite(value), rounding, 0.0), x.dtype)


def _root_moves(a: Pair) -> Array:
    """How far a square root moves within v ± e."""
    if a.error is None:
        return np.zeros(np.shape(a.value))
    low = a.value - a.error
    moves = np.maximum(np.sqrt(a.value + a.error) - np.sqrt(a.value), 0.0)
    moves = np.maximum(moves, np.sqrt(a.value) - np.sqrt(np.maximum(low, 0.0)))
    return np.where((low < 0) & (a.error > 0), np.inf, moves)


def _mixed(step: Step, old: Pair, new: Pair, momentum: float) -> Pair:
    """old momentum + new (1 - momentum); each part may be in the running statistic's type."""
    inner = working(old.dtype) if step.primitive else old.dtype
    new = narrowed(step, new, inner)
    rest = step.rounded(np.asarray(1 - momentum), np.zeros(()), inner)
    kept = times(step, typed(held(step, old), inner), constant(momentum, inner))
    return narrowed(step, plus(step, kept, times(step, new, rest)), old.dtype)


@rule("LpNormalization", source="ONNX LpNormalization-22; sqrt 3 ULP, / 2.5 ULP", since=1)
def lp_normalization(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x over its norm along an axis; a norm of 0 gives 0, from version 22 on."""
    x = needed(inputs)
    axis = int(step.attributes["axis"]) % np.ndim(x.value)
    given = held(step, typed(x, working(x.dtype)))
    if step.attributes["p"] == 1:
        norm = total(step, magnitude(given), (axis,), keepdims=True)
    else:
        norm = root(step, total(step, times(step, given, given), (axis,), keepdims=True))
    zero = norm.value == 0
    result = narrowed(step, over(step, given, norm), x.dtype)
    unsaid = 0.0 if step.version >= 22 and x.is_exact else np.inf
    value = np.where(zero, 0.0, result.value)
    return [Pair(value, np.where(zero, unsaid, result.errors()), x.dtype)]


def magnitude(a: Pair) -> Pair:
    """|a|: 1-Lipschitz, nothing is rounded."""
    return Pair(np.abs(a.value), a.error, a.dtype)


@rule("LRN", source="ONNX LRN-13; OpenCL C 3.0 table 38: pow 16 ULP, / 2.5 ULP", since=1)
def local_response(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x / (bias + alpha / size sum of x² over neighbouring channels) ^ beta."""
    x = needed(inputs)
    attributes = step.attributes
    window = int(attributes["size"])
    given = held(step, typed(x, working(x.dtype)))
    summed = _banded(step, times(step, given, given), window)
    with np.errstate(all="ignore"):
        share = np.asarray(attributes["alpha"] / window)
        factor = step.rounded(share, np.zeros(()), given.dtype)
    bias = held(step, constant(attributes["bias"], given.dtype))
    base = plus(step, times(step, summed, factor), bias)
    beta = float(attributes["beta"])
    power = monotone(step, base, lambda v: np.power(v, beta), allowed(step, "Pow", given.dtype))
    return [narrowed(step, over(step, given, power), x.dtype)]


def _banded(step: Step, square: Pair, window: int) -> Pair:
    """Sums over the `window` channels around each, fewer at the ends."""
    channels = np.shape(square.value)[1]
    offsets = range(-((window - 1) // 2), window // 2 + 1)

    def fold(array: Array) -> Array:
        total = np.zeros_like(array)
        for k in offsets:
            if abs(k) < channels:
                into = total[:, max(-k, 0) : channels - max(k, 0)]
                into += array[:, max(k, 0) : channels + min(k, 0)]
        return total

    unit = step.arithmetic.summing(square.dtype).unit
    growth = (min(window, channels) - 1) * unit * fold(size(square))
    return step.rounded(fold(square.value), fold(square.errors()) + growth, square.dtype)
