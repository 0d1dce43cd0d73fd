"""Products of quantised tensors: exact sums of whole numbers, rounded again or not.

Sums of products are exact modulo 2^32. Where they are scaled and rounded again (QLinearMatMul,
QLinearConv) the factor a b / y takes up to four roundings, unless all three scales are powers
of two, and ties are strict; fixed-point multipliers of 31 bits stay well within that.

Zero points are added after rounding, as the text of the operators has it. The reference
evaluator adds first, which differs at ties with odd zero points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from onnx import helper

from hal_conformance.numerics.algebra import size
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.contraction import needed
from hal_conformance.numerics.families.quantised import (
    QUANTIZE,
    Target,
    jumped,
    optional,
    power_of_two,
    quantised,
    representable,
)
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.reference import run_node
from hal_conformance.numerics.rules import Step, rule

Bilinear: TypeAlias = Callable[[Array, Array], Array]


def _centred(value: Pair, zero: Pair | None, shape: tuple[int, ...] | None = None) -> Pair:
    """x - zero point as float64, which holds every sum of products of bytes exactly."""
    numbers = value.value.astype(np.float64)
    if zero is None:
        return Pair(numbers, value.error, "float64")
    shift = zero.value.astype(np.float64)
    doubt = zero.errors()
    if shape is not None and np.size(shift) > 1:
        shift, doubt = np.reshape(shift, shape), np.reshape(doubt, shape)
    elif np.size(shift) == 1:
        shift, doubt = np.reshape(shift, ()), np.reshape(doubt, ())
    exact = value.error is None and zero.error is None
    return Pair(numbers - shift, None if exact else value.errors() + doubt, "float64")


def _accumulated(a: Pair, b: Pair, bilinear: Bilinear) -> Pair:
    """The exact sum of products of whole numbers, with what jumped before it."""
    value = np.rint(bilinear(a.value, b.value))
    if a.error is None and b.error is None:
        return Pair(value, None, "float64")
    error = bilinear(np.abs(a.value), b.errors()) + bilinear(a.errors(), size(b))
    return Pair(value, np.rint(error), "float64")


def _multiplied(step: Step, a: Pair, b: Pair, kind: str) -> Pair:
    """A matrix product: exact for whole numbers, within n u of Σ|ab| for float8."""
    if kind not in FORMATS:
        return _accumulated(a, b, np.matmul)
    summing, count = step.arithmetic.summing(kind), np.shape(a.value)[-1]
    sums = np.matmul(size(a), size(b))
    error = sums - np.matmul(np.abs(a.value), np.abs(b.value)) + count * summing.unit * sums
    return Pair(np.matmul(a.value, b.value), error, "float64")


def _wrapped(sums: Pair) -> Pair:
    """Sums as int32, which wraps around."""
    value = sums.value.astype(np.int64).astype(np.int32)
    if sums.error is None:
        return Pair(value, None, "int32")
    middle = value.astype(np.float64)
    return jumped(middle - sums.error, middle + sums.error, middle, "int32")


def _rows(zero: Pair | None) -> tuple[int, ...] | None:
    """A zero point or scale for each row of the left matrix stands in a column."""
    if zero is None or np.ndim(zero.value) != 1:
        return None
    return (-1, 1)


@rule("MatMulInteger", source="whole numbers: exact modulo 2^32", since=10)
def matmul_integer(_step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Zero points a tensor, a row of the left or a column of the right matrix."""
    a_zero, b_zero = optional(inputs, 2), optional(inputs, 3)
    a = _centred(needed(inputs), a_zero, _rows(a_zero))
    b = _centred(needed(inputs, 1), b_zero)
    return [_wrapped(_accumulated(a, b, np.matmul))]


@rule("QLinearMatMul", source=QUANTIZE, since=10)
def qlinear_matmul(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """round(a b (a_scale b_scale / y_scale)) + y_zero_point, saturated."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = (
        needed(inputs, index) for index in range(8)
    )
    left, right = _centred(a, a_zero, _rows(a_zero)), _centred(b, b_zero)
    sums = _multiplied(step, left, right, a.dtype)
    column = _rows(a_scale)
    if column and np.size(a_scale.value) > 1:
        a_scale = a_scale.moved(lambda array: np.reshape(array, column))
    if _rows(y_scale) and np.size(y_scale.value) > 1:
        y_scale, y_zero = (p.moved(lambda v: np.reshape(v, (-1, 1))) for p in (y_scale, y_zero))
    return [_requantised(step, sums, (a_scale, b_scale, y_scale), y_zero)]


def _requantised(
    step: Step, sums: Pair, scales: tuple[Pair, Pair, Pair], zero: Pair | None, dtype: str = ""
) -> Pair:
    """Sums times a b / y, in the scales' type: four roundings, none where all are exact."""
    a, b, y = (_flat(scale) for scale in scales)
    kept = step.stored(scales[0].dtype)
    with np.errstate(all="ignore"):
        factor = a.value * b.value / y.value
        value = sums.value * factor
        exact = power_of_two(a.value) & power_of_two(b.value) & power_of_two(y.value)
        exact = exact & representable(sums.value, kept)
        error = sums.errors() * np.abs(factor)
        rounding = 4.5 * kept.unit * (np.abs(value) + error) + kept.smallest
        error = error + np.where(exact, 0.0, rounding)
        if not all(scale.is_exact for scale in scales):
            error = np.full(np.shape(value), np.inf)
    quotient = Pair(value, error, "float64")
    return quantised(
        quotient, _flat(zero) if zero else None, Target(zero.dtype if zero else dtype)
    )


def _flat(pair: Pair) -> Pair:
    """One number of shape [1] as a scalar, so that it adds no dimension."""
    if np.size(pair.value) == 1:
        return pair.moved(lambda array: np.reshape(array, ()))
    return pair


def _convolved(step: Step, x: Pair, weight: Pair) -> Pair:
    names = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    given = {name: step.attributes[name] for name in names if name in step.attributes}
    node = helper.make_node("Conv", ["x", "w"], ["y"], **given)

    def bilinear(a: Array, b: Array) -> Array:
        return np.asarray(run_node(node, 11, [a, b])[0])

    return _accumulated(x, weight, bilinear)


def _per_filter(weight: Pair) -> tuple[int, ...]:
    return (-1, *[1] * (np.ndim(weight.value) - 1))


@rule("ConvInteger", source="whole numbers: exact modulo 2^32", since=10)
def conv_integer(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Padding is the zero point: zero once that is subtracted."""
    weight = needed(inputs, 1)
    x = _centred(needed(inputs), optional(inputs, 2))
    centred = _centred(weight, optional(inputs, 3), _per_filter(weight))
    return [_wrapped(_convolved(step, x, centred))]


@rule("QLinearConv", source=QUANTIZE, since=10)
def qlinear_conv(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """round((x * w + bias) (x_scale w_scale / y_scale)) + y_zero_point, saturated."""
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero = (
        needed(inputs, index) for index in range(8)
    )
    sums = _convolved(step, _centred(x, x_zero), _centred(w, w_zero, _per_filter(w)))
    channels = (1, -1, *[1] * (np.ndim(x.value) - 2))
    bias = optional(inputs, 8)
    if bias is not None:
        added = sums.value + np.reshape(bias.value.astype(np.float64), channels)
        sums = Pair(
            added, sums.error if bias.error is None else np.full_like(added, np.inf), "float64"
        )
    if np.size(w_scale.value) > 1:
        w_scale = w_scale.moved(lambda array: np.reshape(array, channels))
    return [_requantised(step, sums, (x_scale, w_scale, y_scale), y_zero)]
