"""Quantising and back: whole numbers that come from rounding real ones.

A real number q that a device knows to within e is
rounded, to the nearest with ties to even, to any value between those of q - e and q + e; where
these differ the element is ambiguous, and every value between is accepted. The quotient
x / scale is known exactly where the scale is a power of two, so that ties are judged strictly
there; elsewhere a device may multiply by the reciprocal (1.5 ULP).

Zero points are added after rounding, as the operator's text says: saturate(round(x / scale) +
zero point).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hal import dtypes
from hal_conformance.numerics.algebra import quotient_error, size
from hal_conformance.numerics.arithmetic import FORMATS, NO_INFINITY, Array, Format
from hal_conformance.numerics.families.contraction import needed
from hal_conformance.numerics.pair import Accepts, Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

NARROW = {"int2": (-2, 1), "uint2": (0, 3), "int4": (-8, 7), "uint4": (0, 15)}
"""The ranges of types NumPy has no iinfo for."""

RECIPROCAL = 1.5
"""ULP of x (1 / s) with both operations correctly rounded."""

QUANTIZE = "ONNX QuantizeLinear: nearest, ties to even; x (1 / s) within 1.5 ULP"


@dataclass(frozen=True)
class Target:
    """The type that is rounded to; `saturate` only means something for float8."""

    dtype: str
    saturate: bool = True

    def rounded(self, values: Array) -> Array:
        """Real numbers as this type's, as float64; whole numbers are not clipped yet."""
        if self.dtype not in FORMATS:
            return np.asarray(np.rint(values))
        return to_float(values, FORMATS[self.dtype], saturate=self.saturate)

    def clipped(self, values: Array) -> Array:
        """Whole numbers brought into the type's range."""
        if self.dtype in FORMATS:
            return values
        low, high = span(self.dtype)
        return np.clip(values, low, high)


def span(dtype: str) -> tuple[int, int]:
    """The smallest and largest value of an integer type."""
    if dtype in NARROW:
        return NARROW[dtype]
    info = np.iinfo(dtypes.of_name(dtype).numpy)
    return int(info.min), int(info.max)


def to_float(values: Array, kept: Format, *, saturate: bool) -> Array:
    """Numbers rounded to a small format, ties to even, as float64.

    Beyond the largest: the largest where saturating, else infinity, or NaN without infinities.
    """
    with np.errstate(all="ignore"):
        step = kept.ulp(values)
        near = np.where(np.isfinite(values), np.rint(values / step) * step, values)
        beyond = np.abs(near) > kept.largest
        edge = kept.largest if saturate else np.nan if kept.name in NO_INFINITY else np.inf
        return np.where(beyond, np.copysign(edge, near), near)


def jumped(low: Array, high: Array, middle: Array, dtype: str) -> Pair:
    """A result that may be any value of the type from `low` to `high`.

    NaN at an end says that the device may have overflowed to it there.
    """
    apart = ~((low == high) | (np.isnan(low) & np.isnan(high)))
    number = dtypes.of_name(dtype)
    whole = dtype not in FORMATS
    value = np.nan_to_num(middle).astype(number.numpy) if whole else middle
    if not apart.any():
        return Pair(value, None, dtype)
    with np.errstate(all="ignore"):
        error = np.maximum(high - middle, middle - low)
        error = np.where(np.isnan(error) & apart, np.inf, np.nan_to_num(error, posinf=np.inf))
    return Pair(value, error, dtype, _between(low, high), int(np.count_nonzero(apart)))


def _between(low: Array, high: Array) -> Accepts:
    unsure = np.isnan(low) | np.isnan(high)
    floor = np.where(np.isnan(low), -np.inf, low)
    ceiling = np.where(np.isnan(high), np.inf, high)

    def accepts(got: Array) -> Array:
        numbers = got.astype(np.float64)
        inside = (numbers >= floor) & (numbers <= ceiling)
        return np.asarray(inside | (np.isnan(numbers) & unsure))

    return accepts


def quantised(quotient: Pair, zero: Quantity, target: Target) -> Pair:
    """A real pair rounded to a type, its zero point added, saturated."""
    shift, doubt = np.zeros(()), np.zeros(())
    if isinstance(zero, Pair):
        shift, doubt = zero.value.astype(np.float64), zero.errors()
    if target.dtype in FORMATS:
        quotient = Pair(quotient.value + shift, quotient.errors() + doubt, quotient.dtype)
        shift = doubt = np.zeros(())
    ends = [
        target.clipped(
            target.rounded(quotient.value + s * quotient.errors()) + shift + s * doubt
        )
        for s in (-1.0, 1.0)
    ]
    middle = target.clipped(target.rounded(quotient.value) + shift)
    unsure = np.isnan(quotient.value) & (target.dtype not in FORMATS)
    low, high = (np.where(unsure, np.nan, end) for end in ends)
    if unsure.any():
        low, high = np.where(unsure, -np.inf, low), np.where(unsure, np.inf, high)
    return jumped(low, high, middle, target.dtype)


def spread_over(pair: Pair, shape: tuple[int, ...], axis: int, block: int) -> Pair:
    """A scale or zero point, shaped to broadcast over the tensor it belongs to."""
    dims = np.shape(pair.value)
    if not dims:
        return pair
    if int(np.prod(dims)) == 1:
        return pair.moved(lambda array: np.reshape(array, ()))
    if block:
        wide = pair.moved(lambda array: np.repeat(array, block, axis=axis))
        return wide.moved(lambda array: np.take(array, range(shape[axis]), axis=axis))
    places = [1] * len(shape)
    places[axis] = dims[0]
    return pair.moved(lambda array: np.reshape(array, places))


def optional(inputs: Sequence[Quantity], index: int) -> Pair | None:
    value = inputs[index] if index < len(inputs) else None
    return value if isinstance(value, Pair) else None


def power_of_two(values: Array) -> Array:
    mantissa, _ = np.frexp(np.abs(values))
    return np.asarray(mantissa == 0.5)


@rule("QuantizeLinear", source=QUANTIZE, since=10)
def quantize_linear(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """saturate(round(x / scale) + zero point), the division in the scale's type."""
    x, scale, zero = needed(inputs), needed(inputs, 1), optional(inputs, 2)
    axis, block = step.attributes.get("axis", 1), step.attributes.get("block_size", 0)
    shape = np.shape(x.value)
    wide = spread_over(scale, shape, axis, block)
    shift = None if zero is None else spread_over(zero, shape, axis, block)
    number = step.attributes.get("output_dtype", 0)
    named = dtypes.of_number(number).name if number else "uint8"
    target = Target(zero.dtype if zero else named, bool(step.attributes.get("saturate", 1)))
    precision = _precision(step, x, scale)
    return [quantised(_quotient(step, x, wide, precision), shift, target)]


def _precision(step: Step, x: Pair, scale: Pair) -> str:
    """The type of the division: `precision`, else that of the scale where it can divide."""
    number = step.attributes.get("precision", 0)
    if number:
        return dtypes.of_number(number).name
    if scale.dtype in ("float32", "float16", "bfloat16"):
        return scale.dtype
    return x.dtype if x.is_float else "float32"


def _quotient(step: Step, x: Pair, scale: Pair, precision: str) -> Pair:
    """x / scale, exact where the scale is a power of two and x needs no rounding."""
    given = Pair(np.asarray(x.value, np.float64), x.error, precision)
    divisor = Pair(np.asarray(scale.value, np.float64), scale.error, precision)
    kept = step.stored(precision)
    with np.errstate(all="ignore"):
        value = given.value / divisor.value
        error = quotient_error(given, divisor)
        reach = np.abs(value) + error
        ulps = RECIPROCAL + 0.5 * (not _fits(x, kept)) + 0.5 * (not _fits(scale, kept))
        rounding = ulps * kept.ulp(reach) + kept.smallest
        exact = power_of_two(divisor.value) & representable(given.value, kept)
        rounding = np.where(exact & (np.abs(value) >= kept.tiny), 0.0, rounding)
        error = np.nan_to_num(error + rounding, nan=0.0, posinf=np.inf)
    return Pair(value, np.where(np.isinf(value), 0.0, error), precision)


def _fits(pair: Pair, kept: Format) -> bool:
    return pair.dtype in FORMATS and FORMATS[pair.dtype].precision <= kept.precision


def representable(values: Array, kept: Format) -> Array:
    steps = values / kept.ulp(values)
    return np.asarray(np.abs(steps - np.rint(steps)) == 0)


@rule("DequantizeLinear", source="ONNX DequantizeLinear: (x - zero point) scale", since=10)
def dequantize_linear(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """(x - zero point) scale, the product in the type of the output."""
    x, scale, zero = needed(inputs), needed(inputs, 1), optional(inputs, 2)
    axis, block = step.attributes.get("axis", 1), step.attributes.get("block_size", 0)
    shape = np.shape(x.value)
    factor = spread_over(scale, shape, axis, block)
    number = step.attributes.get("output_dtype", 0)
    dtype = dtypes.of_number(number).name if number else scale.dtype
    difference, doubt = x.value.astype(np.float64), x.errors()
    if zero is not None:
        shift = spread_over(zero, shape, axis, block)
        difference = difference - shift.value.astype(np.float64)
        doubt = doubt + shift.errors()
    kept = step.stored(dtype)
    with np.errstate(all="ignore"):
        value = difference * factor.value
        error = doubt * size(factor) + np.abs(difference) * factor.errors()
        cast = np.where(representable(difference, kept), 0.0, 0.5)
        cast = cast + np.where(representable(factor.value, kept), 0.0, 0.5)
        rounding = cast * 2 * kept.unit * (np.abs(value) + error)
        beyond = (np.abs(difference) > kept.largest) | (np.abs(factor.value) > kept.largest)
        error = np.where(beyond, np.inf, error + rounding)
        certain = ~np.isfinite(value) & (doubt == 0) & (factor.errors() == 0)
        error = np.where(certain, 0.0, error)
    return [step.rounded(value, error, dtype)]


@rule(
    "DynamicQuantizeLinear", source="ONNX DynamicQuantizeLinear-11; x (1 / s) 1.5 ULP", since=11
)
def dynamic_quantize_linear(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Scale and zero point from the range of x with 0 in it; a range of 0 leaves them open."""
    x = needed(inputs)
    with np.errstate(all="ignore"):
        low = min(0.0, float(x.value.min(initial=0.0)))
        high = max(0.0, float(x.value.max(initial=0.0)))
        widest = np.asarray(x.errors().max(initial=0.0))
        span_ = step.rounded(np.asarray(high - low), 2 * widest, x.dtype)
        scale = step.rounded(span_.value / 255, span_.errors() / 255, x.dtype, RECIPROCAL)
        quotient = _quotient(step, Pair(np.asarray(-low), widest, x.dtype), scale, x.dtype)
    byte = Target("uint8")
    if high == low:
        still, none = np.zeros(np.shape(x.value)), np.zeros(())
        y, zero = (jumped(v, v + 255.0, v, "uint8") for v in (still, none))
        return [y, scale.unknown(), zero]
    zero = quantised(quotient, None, byte)
    return [quantised(_quotient(step, x, scale, x.dtype), zero, byte), scale, zero]
