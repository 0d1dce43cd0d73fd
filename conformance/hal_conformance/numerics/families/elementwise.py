"""Arithmetic and functions of single elements: Add to Atanh, Pow, Mod, Sum and Mean.

Floating point moves by intervals (numerics/spans.py) and is rounded by the table of
numerics/functions.py. Whole numbers are exact, and wrap around as two's complement does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.functions import ulps
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import (
    corners,
    image,
    nearest,
    no_number,
    operand,
    span,
    undefined,
)

LIBRARY = 4.0
"""The reference's own error in ULP of float64: NumPy's vectorised functions stay within 4."""

TABLE = "ULP: numerics/functions.py; propagation: intervals, Higham ASNA 2.2 and 3.1"


def erf(x: Array) -> Array:
    """The error function, by the C library: within 1 ULP of float64."""
    x = np.asarray(x, np.float64)
    return np.fromiter(map(math.erf, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def pairs_of(inputs: Sequence[Quantity]) -> list[Pair]:
    """The inputs that are there, all of them tensors."""
    return [value for value in inputs if isinstance(value, Pair)]


def exactly(step: Step, inputs: Sequence[Quantity], dtype: str) -> list[Quantity]:
    """A result without rounding, from the reference; unknown where an operand is not exact."""
    pairs = pairs_of(inputs)
    result = Pair(np.asarray(step.reference([pair.value for pair in pairs])[0]), None, dtype)
    return [result if all(pair.is_exact for pair in pairs) else result.unknown()]


def finished(step: Step, moved: tuple[Array, Array], dtype: str, name: str) -> Pair:
    """A value and how far it moves, rounded as the table says for `name`."""
    limit = ulps(name, step.stored(dtype), primitive=step.primitive)
    if limit <= 0.5:
        return correct(step, moved, dtype)
    return step.rounded(*moved, dtype, limit, own=LIBRARY)


def correct(step: Step, moved: tuple[Array, Array], dtype: str) -> Pair:
    """A correctly rounded result: one that needs no rounding is exact, if its operands are."""
    made = step.rounded(*moved, dtype)
    sure = (nearest(made.value, step.stored(dtype)) == made.value) & (moved[1] == 0)
    if step.arithmetic.flushes(dtype):
        sure &= (made.value == 0) | (np.abs(made.value) >= step.stored(dtype).tiny)
    if not sure.any():
        return made
    error = np.where(sure & np.isfinite(made.errors()), 0.0, made.errors())
    return Pair(made.value, error if error.any() else None, dtype)


@rule("Add", "Sub", source="IEEE 754-2019, 5.4.1; Higham ASNA 3.1")
def add(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """|d - r| <= e_a + e_b + half an ULP."""
    a, b = pairs_of(inputs)
    if not a.is_float:
        return exactly(step, inputs, a.dtype)
    with np.errstate(all="ignore"):
        value = a.value + b.value if step.op == "Add" else a.value - b.value
        error = operand(step, a) + operand(step, b)
    made = finished(step, (value, error), a.dtype, step.op)
    return [_fused(made, a, b) if a.growth or b.growth else made]


def _fused(made: Pair, a: Pair, b: Pair) -> Pair:
    """What a sum of products adds that starts from the other operand: n u of its size."""
    with np.errstate(all="ignore"):
        start = a.growth * (np.abs(b.value) + b.errors())
        start = start + b.growth * (np.abs(a.value) + a.errors())
        start = np.where(np.isfinite(made.value), start, 0.0)
    grown = max(a.growth, b.growth)
    return replace(made, error=made.errors() + np.nan_to_num(start, nan=np.inf), growth=grown)


@rule("Mul", source="IEEE 754-2019, 5.4.1; Higham ASNA 3.1")
def multiply(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """|d - r| <= |a| e_b + e_a |b| + e_a e_b + half an ULP, as the product's corners say."""
    a, b = pairs_of(inputs)
    if not a.is_float:
        return exactly(step, inputs, a.dtype)
    moved = corners(np.multiply, (a.value, operand(step, a)), (b.value, operand(step, b)))
    moved, lost = _kept_known(step, np.multiply, moved, (a, b))
    return [undefined(finished(step, moved, a.dtype, "Mul"), lost, no_number)]


def _kept_known(
    step: Step,
    function: Callable[[Array, Array], Array],
    moved: tuple[Array, Array],
    pairs: tuple[Pair, Pair],
) -> tuple[tuple[Array, Array], Array]:
    """What is unknown for no other reason than a flush: there it is right, or no number."""
    own = replace(step, arithmetic=replace(step.arithmetic, flush="none"))
    if own.arithmetic == step.arithmetic:
        return moved, np.zeros(np.shape(moved[0]), bool)
    ends = [(pair.value, operand(own, pair)) for pair in pairs]
    value, plain = corners(function, ends[0], ends[1])
    lost = np.isinf(moved[1]) & np.isfinite(plain)
    return (value, np.where(lost, plain, moved[1])), lost


@rule("Div", source="OpenCL C 3.0: x / y within 2.5 ULP, which x times 1 / y stays in")
def divide(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The quotient's corners; unknown where the divisor may be 0. Whole numbers truncate."""
    a, b = pairs_of(inputs)
    if not a.is_float:
        return _truncated(a, b)
    error, flushed = _unflushed(step, b)
    above, below = (a.value, operand(step, a)), (b.value, error)
    moved, lost = _kept_known(step, np.divide, corners(np.divide, above, below), (a, b))
    value, error = moved
    pole = (np.abs(b.value) <= below[1]) & (below[1] > 0)
    moved = value, np.where(pole, np.inf, error)
    made, scaled = finished(step, moved, a.dtype, "Div"), correct(step, moved, a.dtype)
    # The reciprocal of a power of two is exact, so that both ways are correctly rounded.
    power = (np.frexp(b.value)[0] == np.copysign(0.5, b.value)) & (below[1] == 0)
    error = np.where(power, scaled.errors(), made.errors())
    quotient = Pair(made.value, error if error.any() else None, a.dtype)
    quotient = quotient if step.primitive else _by_reciprocal(step, quotient, a, b)
    return [undefined(quotient, np.broadcast_to(flushed, np.shape(value)) | lost, no_number)]


def _unflushed(step: Step, divisor: Pair) -> tuple[Array, Array]:
    """How far a divisor may lie from its reference, and where it may be flushed to zero.

    That leaves the result no number, rather than nothing to be said of it.
    """
    error = operand(step, divisor)
    own = replace(step, arithmetic=replace(step.arithmetic, flush="none"))
    plain = operand(own, divisor)
    flushed = (np.abs(divisor.value) <= error) & (error > plain)
    return np.where(flushed, plain, error), flushed


@np.errstate(all="ignore")
def _by_reciprocal(step: Step, quotient: Pair, a: Pair, b: Pair) -> Pair:
    """What a times 1 / b adds: 1 / b of a subnormal b is infinite, of a huge one subnormal."""
    kept, size = step.stored(a.dtype), np.abs(b.value)
    inverse = 1 / size
    coarse = np.where(np.isfinite(inverse) & (inverse < kept.tiny) & (size > 0), 1.0, 0.0)
    floor = kept.tiny if step.arithmetic.flushes(a.dtype) else kept.smallest / 2
    lost = coarse * np.minimum(np.abs(a.value) * floor, np.abs(quotient.value))
    lost = np.where(np.isfinite(lost) & (np.frexp(size)[0] != 0.5), lost, 0.0)
    if lost.any():
        quotient = replace(quotient, error=quotient.errors() + lost)
    over = np.broadcast_to((size > 0) & (inverse > kept.largest), np.shape(quotient.value))
    zero = np.broadcast_to(a.value == 0, over.shape)
    sign = np.broadcast_to(np.sign(a.value) * np.sign(b.value), over.shape)

    def right(got: Array) -> Array:
        number = got.astype(np.float64)
        infinite = np.isinf(number) & (np.sign(number) == sign)
        return np.asarray(np.where(zero, np.isnan(number), infinite))

    return undefined(quotient, over, right)


def _truncated(a: Pair, b: Pair) -> list[Quantity]:
    """Whole quotients, towards zero; undefined for a divisor of 0, and where they overflow."""
    x, y = np.broadcast_arrays(a.value, b.value)
    zero = np.asarray(y == 0)
    if x.dtype.kind == "i":
        zero = zero | ((x == np.iinfo(x.dtype).min) & (y == -1))
    y = np.where(zero, np.ones_like(y), y)
    down = x // y
    value = np.asarray(down + ((x % y != 0) & ((x < 0) != (y < 0))).astype(x.dtype))
    result = Pair(value, None, a.dtype)
    if not (a.is_exact and b.is_exact):
        return [result.unknown()]
    return [undefined(result, zero)]


@rule("Neg", "Abs", source="IEEE 754-2019, 5.5.1: sign operations are exact")
def signs(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """1-Lipschitz; nothing is rounded."""
    (x,) = pairs_of(inputs)
    if not x.is_float:
        return exactly(step, inputs, x.dtype)
    error = operand(step, x)
    value = -x.value if step.op == "Neg" else np.abs(x.value)
    return [Pair(value, error if error.any() else None, x.dtype)]


MONOTONE: dict[str, Callable[[Array], Array]] = {
    "Sqrt": np.sqrt,
    "Exp": np.exp,
    "Log": np.log,
    "Asin": np.arcsin,
    "Acos": np.arccos,
    "Atan": np.arctan,
    "Sinh": np.sinh,
    "Tanh": np.tanh,
    "Asinh": np.arcsinh,
    "Acosh": np.arccosh,
    "Atanh": np.arctanh,
    "Erf": erf,
}


@rule(*MONOTONE, source=TABLE)
def monotone(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """f(x - e) and f(x + e) say how far it moves; unknown across the edge of its domain."""
    (x,) = pairs_of(inputs)
    if not x.is_float:
        return exactly(step, inputs, x.dtype)
    moved = image(MONOTONE[step.op], x.value, operand(step, x))
    return [finished(step, moved, x.dtype, step.op)]


@rule("Sigmoid", source="ULP: numerics/functions.py; the body 1 / (1 + exp(-x)) overflows")
def logistic(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Relative accuracy everywhere; 0 is right as well where exp(-x) overflows."""
    (x,) = pairs_of(inputs)
    value, error = image(sigmoid, x.value, operand(step, x))
    overflows = value * step.stored(x.dtype).largest < 2.0
    error = error + np.where(overflows & (not step.primitive), value, 0.0)
    return [finished(step, (value, error), x.dtype, "Sigmoid")]


@rule("Reciprocal", source="OpenCL C 3.0: 1 / x within 2.5 ULP")
def reciprocal(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Monotone on each side of 0; unknown where it may be either."""
    (x,) = pairs_of(inputs)
    error, flushed = _unflushed(step, x)
    value, moved = image(np.reciprocal, x.value, error)
    pole = (np.abs(x.value) <= error) & (error > 0)
    moved = np.where(pole, np.inf, moved)
    made = finished(step, (value, moved), x.dtype, "Reciprocal")
    return [undefined(made, flushed, no_number)]


@rule("Sin", "Cos", source=TABLE + "; |sin'|, |cos'| <= 1")
def waves(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """1-Lipschitz and between -1 and 1."""
    (x,) = pairs_of(inputs)
    error = operand(step, x)
    with np.errstate(all="ignore"):
        value = np.sin(x.value) if step.op == "Sin" else np.cos(x.value)
        error = np.where(np.isinf(error), np.inf, np.minimum(error, 2.0))
    return [finished(step, (value, error), x.dtype, step.op)]


@rule("Tan", source=TABLE)
def tangent(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Monotone between its poles, at odd multiples of pi / 2; unknown across one."""
    (x,) = pairs_of(inputs)
    error = operand(step, x)
    value, moved = image(np.tan, x.value, error)
    with np.errstate(all="ignore"):
        ends = [np.floor((x.value + s * error) / np.pi + 0.5) for s in (-1.0, 1.0)]
        crossed = (error > 0) & ~(ends[0] == ends[1])
    return [finished(step, (value, np.where(crossed, np.inf, moved)), x.dtype, "Tan")]


@rule("Cosh", source=TABLE)
def cosine(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Even: monotone in |x|, and 1 where x may be 0."""
    (x,) = pairs_of(inputs)
    error = operand(step, x)
    size = np.abs(x.value)
    with np.errstate(all="ignore"):
        value = np.cosh(size)
        far = [np.cosh(np.maximum(size - error, 0.0)), np.cosh(size + error)]
    return [finished(step, (value, span(value, far)), x.dtype, "Cosh")]


@rule("Pow", source=TABLE)
def power(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Monotone in the base on each side of 0, and in the exponent: corners, and 0^y between."""
    base, exponent = pairs_of(inputs)
    if not base.is_float:
        return _whole_power(base, exponent)
    raised = np.asarray(exponent.value, np.float64)
    spread = operand(step, exponent) if exponent.is_float else exponent.errors()
    error = operand(step, base)
    value, moved = corners(np.power, (base.value, error), (raised, spread))
    crossed = (np.abs(base.value) <= error) & (error > 0)
    if crossed.any():
        with np.errstate(all="ignore"):
            moved = np.where(crossed, np.maximum(moved, span(value, [0.0**raised])), moved)
            moved = np.where(crossed & (raised - spread <= 0), np.inf, moved)
    return [finished(step, (value, moved), base.dtype, "Pow")]


def _whole_power(base: Pair, exponent: Pair) -> list[Quantity]:
    """A whole base: exact while doubles are; open where it truncates or overflows."""
    with np.errstate(all="ignore"):
        number = np.power(base.value.astype(np.float64), exponent.value.astype(np.float64))
        info = np.iinfo(base.value.dtype)
        sure = (number == np.rint(number)) & (np.abs(number) < 2.0**53)
        sure &= (number >= info.min) & (number <= info.max)
        value = np.where(sure, number, 0.0).astype(base.value.dtype)
        if not exponent.is_float:
            # Whole powers wrap around as products do.
            count = np.maximum(exponent.value, 0).astype(base.value.dtype)
            value = np.where(sure, value, np.power(base.value, count))
            sure |= exponent.value >= 0
    exact = base.is_exact and exponent.is_exact
    result = Pair(np.asarray(value, base.value.dtype), None, base.dtype)
    if not exact:
        return [result.unknown()]
    return [undefined(result, ~sure)]


@rule("Mod", source="ONNX Mod-28: a - trunc(a / b) b, or floor; IEEE 754-2019, 5.3.1: exact")
def modulo(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The formula rounds a product and a difference; fmod as a primitive is exact."""
    a, b = pairs_of(inputs)
    if not a.is_float:
        return _whole_modulo(step, a, b)
    truncated = bool(step.attributes.get("fmod"))
    errors = operand(step, a), operand(step, b)
    with np.errstate(all="ignore"):
        value = np.fmod(a.value, b.value) if truncated else np.mod(a.value, b.value)
        if truncated and step.primitive and not (errors[0].any() or errors[1].any()):
            return [Pair(value, None, a.dtype)]
        error = _remainder(step, a, b, errors, np.trunc if truncated else np.floor)
        return [step.rounded(value, np.where(np.isfinite(value), error, 0.0), a.dtype)]


def _remainder(
    step: Step,
    a: Pair,
    b: Pair,
    errors: tuple[Array, Array],
    whole: Callable[[Array], Array],
) -> Array:
    """e_a + |q| e_b + 2 u |a| while the whole quotient q stays; |b| where it may jump."""
    quotient = a.value / b.value
    _, jump = corners(lambda x, y: whole(x / y), (a.value, errors[0]), (b.value, errors[1]))
    unit = step.stored(a.dtype).unit
    near = np.abs(quotient - np.rint(quotient)) <= 2 * unit * np.abs(quotient)
    near &= quotient != np.rint(quotient)
    rounding = 2 * unit * np.abs(a.value)
    steady = errors[0] + np.abs(whole(quotient)) * errors[1] + rounding
    steady = np.where(np.isinf(b.value), errors[0], steady)
    jump = np.where(np.isfinite(quotient), jump, 1.0)
    return np.where((jump > 0) | near, np.abs(b.value) + errors[1] + rounding, steady)


def _whole_modulo(step: Step, a: Pair, b: Pair) -> list[Quantity]:
    """Whole remainders; undefined for a divisor of 0."""
    x, y = np.broadcast_arrays(a.value, b.value)
    zero = np.asarray(y == 0)
    function = np.fmod if step.attributes.get("fmod") else np.mod
    result = Pair(
        np.asarray(function(x, np.where(zero, np.ones_like(y), y)), x.dtype), None, a.dtype
    )
    if not (a.is_exact and b.is_exact):
        return [result.unknown()]
    return [undefined(result, zero)]


@rule("Sum", "Mean", source="Higham ASNA 4.2: n - 1 additions in any order")
def total(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """(n - 2) u sum|x| before the last rounding; Mean divides, or multiplies by 1 / n."""
    pairs = pairs_of(inputs)
    count, dtype = len(pairs), pairs[0].dtype
    if count == 1:
        error = operand(step, pairs[0])
        return [Pair(pairs[0].value, error if error.any() else None, dtype)]
    kept = step.stored(dtype)
    arrays = np.broadcast_arrays(*(pair.value for pair in pairs))
    with np.errstate(all="ignore"):
        value, size = np.sum(arrays, axis=0), np.sum(np.abs(arrays), axis=0)
        error = sum((operand(step, pair) for pair in pairs), np.zeros(value.shape))
        grown = error
        if count > 2:
            grown = grown + (count - 2) * (kept.unit * (size + error) + kept.smallest / 2)
        grown = np.where(~np.isfinite(value) & (error == 0), 0.0, grown)
        # A partial sum may overflow though the result does not.
        over = (size + error > kept.largest) & np.isfinite(value) & np.isfinite(error)
        if step.op == "Sum":
            made = step.rounded(value, grown, dtype, own=count / 2)
            over &= count > 2
        else:
            rounding = 0.5 * kept.ulp(size + grown) + kept.smallest / 2
            moved = value / count, (grown + np.where(np.isfinite(value), rounding, 0.0)) / count
            made = finished(step, moved, dtype, "Div")
    return [undefined(made, over, no_number)]


BITWISE = ("BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot")


@rule(*BITWISE, source="ONNX operator documents: exact")
def bits(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Exact operations on bits."""
    return exactly(step, inputs, pairs_of(inputs)[0].dtype)
