"""Selection: operators that choose among their operands, and piecewise linear ones.

Where nothing is computed nothing is rounded: exact operands give exact results. With errors,
the ends of v ± e say what may be chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.elementwise import exactly, finished, pairs_of
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import (
    corners,
    image,
    number_or_nan,
    operand,
    parameter,
    span,
)

LIPSCHITZ = "1-Lipschitz: |f(x) - f(y)| <= |x - y|; nothing is rounded"
PIECES = "ONNX operator documents, piece by piece; Higham ASNA 3.1"


def chosen(value: Array, error: Array, dtype: str) -> Pair:
    """A result that was not rounded: exact where its operands are."""
    return Pair(value, error if np.any(error) else None, dtype)


@rule("Relu", source=LIPSCHITZ)
def relu(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """max(x, 0)."""
    (x,) = pairs_of(inputs)
    if not x.is_float:
        return exactly(step, inputs, x.dtype)
    moved = image(lambda v: np.maximum(v, 0.0), x.value, operand(step, x))
    made = chosen(*moved, dtype=x.dtype)
    return [number_or_nan(made, np.isnan(x.value), [np.zeros(())])]


@rule("Max", "Min", source=LIPSCHITZ)
def extreme(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The extremes of the lower and of the upper ends bound the extreme; NaN is told or not."""
    pairs = pairs_of(inputs)
    if not pairs[0].is_float:
        return exactly(step, inputs, pairs[0].dtype)
    pick = np.maximum if step.op == "Max" else np.minimum
    value = reduce(pick, [pair.value for pair in pairs])
    errors = [operand(step, pair) for pair in pairs]
    if not any(error.any() for error in errors):
        made = Pair(np.asarray(value), None, pairs[0].dtype)
        return [_numbers(step, made, pairs)]
    with np.errstate(all="ignore"):
        both = list(zip(pairs, errors, strict=True))
        ends = [reduce(pick, [pair.value + s * e for pair, e in both]) for s in (-1.0, 1.0)]
    made = chosen(np.asarray(value), span(value, ends), pairs[0].dtype)
    return [_numbers(step, made, pairs)]


def _numbers(step: Step, made: Pair, pairs: Sequence[Pair]) -> Pair:
    """An extreme that may pass over NaN, each time or never."""
    lost = np.isnan(made.value)
    if not lost.any():
        return made
    pick = np.fmax if step.op == "Max" else np.fmin
    numbers = [reduce(pick, [pair.value for pair in pairs])]
    numbers += [np.zeros(())] if step.arithmetic.flushes(made.dtype) else []
    known = replace(made, error=np.where(lost, 0.0, made.errors()))
    return number_or_nan(known, lost, numbers)


@rule("Clip", source=LIPSCHITZ)
def clip(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """min(max(x, low), high): what is above `high` is `high`, also where low > high."""
    x = inputs[0]
    if not isinstance(x, Pair):
        raise TypeError("Clip needs a tensor")
    low, high = (_limit(step, inputs, k, x.dtype) for k in (1, 2))
    if not x.is_float:
        value = x.value if low is None else np.maximum(x.value, low.value)
        value = value if high is None else np.minimum(value, high.value)
        exact = all(pair is None or pair.is_exact for pair in (x, low, high))
        result = Pair(np.asarray(value), None, x.dtype)
        return [result if exact else result.unknown()]
    value, ends = x.value, [x.value + s * operand(step, x) for s in (-1.0, 1.0)]
    for limit, pick in ((low, np.maximum), (high, np.minimum)):
        if limit is not None:
            error = operand(step, limit)
            value = pick(value, limit.value)
            ends = [
                pick(end, limit.value + s * error)
                for end, s in zip(ends, (-1.0, 1.0), strict=True)
            ]
    made = chosen(value, span(value, ends), x.dtype)
    limits = [np.asarray(limit.value) for limit in (low, high) if limit is not None]
    return [number_or_nan(made, np.isnan(x.value), limits)]


def _limit(step: Step, inputs: Sequence[Quantity], place: int, dtype: str) -> Pair | None:
    """A limit, which was an attribute before version 11."""
    if step.version < 11:
        name = ("min", "max")[place - 1]
        number = step.attributes.get(name)
        if number is None or (dtype in FORMATS and abs(number) > FORMATS[dtype].largest):
            return None
        return parameter(step, number, dtype)
    value = inputs[place] if len(inputs) > place else None
    return value if isinstance(value, Pair) else None


@rule("Where", source="ONNX Where: elements are chosen, not computed")
def where(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Either element where the condition may be either."""
    condition, x, y = pairs_of(inputs)
    value = np.where(condition.value, x.value, y.value)
    errors = tuple(operand(step, p) if p.is_float else p.errors() for p in (x, y))
    error = np.where(condition.value, *errors)
    unsure = condition.errors() > 0
    if unsure.any():
        either = np.inf * np.ones(value.shape)
        if x.dtype != "string":
            with np.errstate(all="ignore"):
                apart = np.abs(x.value - y.value) + np.maximum(*errors)
            either = np.where(x.value == y.value, np.maximum(*errors), apart)
        error = np.where(unsure, np.nan_to_num(either, nan=np.inf, posinf=np.inf), error)
    return [chosen(value, error, x.dtype)]


@rule("LeakyRelu", source=PIECES)
def leaky(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x, or alpha x below 0."""
    (x,) = pairs_of(inputs)
    return [_bent(step, x, parameter(step, step.attributes["alpha"], x.dtype))]


@rule("PRelu", source=PIECES)
def prelu(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x, or slope x below 0; whole numbers wrap around."""
    x, slope = pairs_of(inputs)
    if step.version < 7 and slope.value.ndim == 1 and slope.value.size > 1:
        # One slope a channel, the second axis.
        shape = (-1, *[1] * (x.value.ndim - 2))
        slope = slope.moved(lambda array: array.reshape(shape))
    if not x.is_float:
        with np.errstate(all="ignore"):
            value = np.where(x.value < 0, x.value * slope.value, x.value)
        result = Pair(np.asarray(value, x.value.dtype), None, x.dtype)
        return [result if x.is_exact and slope.is_exact else result.unknown()]
    return [_bent(step, x, slope)]


def _bent(step: Step, x: Pair, slope: Pair) -> Pair:
    """Continuous at 0: what may be on the other side is as far as the steeper slope says."""
    error = operand(step, x)
    slant = (slope.value, operand(step, slope))
    product = finished(step, corners(np.multiply, (x.value, error), slant), x.dtype, "Mul")
    with np.errstate(all="ignore"):
        value = np.where(x.value < 0, product.value, x.value)
        moved = np.where(x.value < 0, product.errors(), error)
        straddles = (np.abs(x.value) <= error) & (error > 0)
        steeper = np.maximum(np.abs(slope.value) + slant[1], 1.0)
        both = step.rounded(value, steeper * 2 * error, x.dtype).errors()
    return chosen(value, np.where(straddles, both, moved), x.dtype)


@rule("ThresholdedRelu", source=PIECES)
def thresholded(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x above alpha, else 0; either where it may be on either side."""
    (x,) = pairs_of(inputs)
    alpha = parameter(step, step.attributes["alpha"], x.dtype)
    error = operand(step, x)
    with np.errstate(all="ignore"):
        value = np.where(x.value > alpha.value, x.value, 0.0)
        spread = error + alpha.errors()
        straddles = (np.abs(x.value - alpha.value) <= spread) & (spread > 0)
        moved = np.where(straddles, np.abs(x.value) + error, np.where(value != 0, error, 0.0))
    return [chosen(value, moved, x.dtype)]


@rule("Shrink", source=PIECES)
def shrink(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x + bias below -lambd, x - bias above lambd, else 0; either where it may be either."""
    (x,) = pairs_of(inputs)
    lambd, bias = (step.attributes[name] for name in ("lambd", "bias"))
    if not x.is_float:
        kind = x.value.dtype
        lambd, bias = np.asarray(lambd).astype(kind), np.asarray(bias).astype(kind)
        with np.errstate(all="ignore"):
            upper = np.where(x.value > lambd, x.value - bias, kind.type(0))
            # No unsigned number is below -lambd, whatever Neg makes of it in the body.
            below = (x.value < -lambd) & (kind.kind == "i")
            whole = np.where(below, x.value + bias, upper)
        result = Pair(np.asarray(whole, kind), None, x.dtype)
        return [result if x.is_exact else result.unknown()]
    edge, shift = parameter(step, lambd, x.dtype), parameter(step, bias, x.dtype)
    error = operand(step, x)
    with np.errstate(all="ignore"):
        sign = np.where(x.value < 0, 1.0, -1.0)
        inside = ~(np.abs(x.value) > edge.value)
        sums = step.rounded(x.value + sign * shift.value, error + shift.errors(), x.dtype)
        value = np.where(inside, 0.0, sums.value)
        value = np.where(np.isnan(x.value), 0.0, value)
        spread = error + edge.errors()
        straddles = (np.abs(np.abs(x.value) - edge.value) <= spread) & (spread > 0)
        moved = np.where(inside, 0.0, sums.errors())
        far = np.abs(sums.value) + sums.errors()
    return [chosen(value, np.where(straddles, far, moved), x.dtype)]


@rule("HardSigmoid", source=PIECES + "; its body; a fused multiply-add stays within it")
def hard_sigmoid(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """max(0, min(1, alpha x + beta)): a product, a sum, and a choice."""
    (x,) = pairs_of(inputs)
    alpha, beta = (step.attributes[name] for name in ("alpha", "beta"))
    return [_ramp(step, x, parameter(step, alpha, x.dtype), parameter(step, beta, x.dtype))]


def _ramp(step: Step, x: Pair, alpha: Pair, beta: Pair) -> Pair:
    moved = corners(np.multiply, (x.value, operand(step, x)), (alpha.value, alpha.errors()))
    product = finished(step, moved, x.dtype, "Mul")
    with np.errstate(all="ignore"):
        line = product.value + beta.value
        line_error = product.errors() + beta.errors()
    total = step.rounded(line, line_error, x.dtype)
    made = chosen(*image(_unit, total.value, total.errors()), dtype=x.dtype)
    return number_or_nan(made, np.isnan(x.value), [np.zeros(()), np.ones(())])


def _unit(v: Array) -> Array:
    return np.clip(v, 0.0, 1.0)


@rule("HardSwish", source=PIECES + "; x clip(x + 3, 0, 6) / 6 is the same, rounded elsewhere")
def hard_swish(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x max(0, min(1, x / 6 + 1 / 2))."""
    (x,) = pairs_of(inputs)
    ramp = _ramp(step, x, parameter(step, 1 / 6, x.dtype), Pair(np.asarray(0.5), None, x.dtype))
    moved = corners(np.multiply, (x.value, operand(step, x)), (ramp.value, ramp.errors()))
    return [finished(step, moved, x.dtype, "HardSwish")]
