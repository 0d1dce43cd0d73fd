"""Smooth activations: Softplus, Softsign, Elu, Selu, Celu, Mish, Gelu, Swish.

What FAILs is beyond the standard's function body, computed with the limits of its functions;
as a primitive (`step.primitive`) the result has to be good to the ULP of its own value. The
bodies themselves are not used: they cast attributes to the tensor's type, which kernels that
compute in float32 do not, and exp(x) overflows in Softplus where the result does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.elementwise import erf, finished, pairs_of, sigmoid
from hal_conformance.numerics.functions import ulps
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import (
    corners,
    image,
    no_number,
    number_or_nan,
    operand,
    parameter,
    undefined,
)

BODY = "ONNX function body, with the ULP of numerics/functions.py"


def softplus(x: Array) -> Array:
    """log(1 + e^x), without overflow or cancellation."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def mish(x: Array) -> Array:
    """x tanh(softplus(x))."""
    with np.errstate(all="ignore"):
        return np.where(np.isneginf(x), 0.0, x * np.tanh(softplus(x)))


def gelu(x: Array) -> Array:
    """x erfc(-x / sqrt 2) / 2: no cancellation below 0."""
    flat = (-np.asarray(x, np.float64).ravel() / math.sqrt(2)).tolist()
    tail = np.fromiter(map(math.erfc, flat), np.float64, len(flat)).reshape(np.shape(x))
    with np.errstate(all="ignore"):
        return np.where(np.isneginf(x), 0.0, 0.5 * x * tail)


def gelu_tanh(x: Array) -> Array:
    """x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), which is the tanh form."""
    with np.errstate(all="ignore"):
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return np.where(np.isneginf(x), 0.0, x * sigmoid(2 * inner))


def _limit(step: Step, name: str, x: Pair) -> float:
    return ulps(name, step.stored(x.dtype), primitive=step.primitive)


def _ulp(step: Step, values: Array, x: Pair) -> Array:
    return step.stored(x.dtype).ulp(values)


@rule("Softplus", source=BODY + "; the body overflows, and is used below the overflow only")
def soft_plus(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """log(exp(x) + 1): exp and the sum move the logarithm by their errors over exp(x) + 1."""
    (x,) = pairs_of(inputs)
    value, moved = image(softplus, x.value, operand(step, x))
    if step.primitive:
        return [finished(step, (value, moved), x.dtype, "Softplus")]
    with np.errstate(all="ignore"):
        power = np.exp(np.minimum(x.value, 700.0))
        rounding = _limit(step, "Exp", x) * _ulp(step, power, x)
        rounding = (rounding + 0.5 * _ulp(step, power + 1, x)) / (power + 1)
    rounding = np.minimum(rounding, step.stored(x.dtype).unit * 2 * _limit(step, "Exp", x))
    return [finished(step, (value, moved + rounding), x.dtype, "Log")]


@rule("Softsign", source=BODY)
def soft_sign(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x / (1 + |x|): one sum, one quotient; monotone, and accurate as it stands."""
    (x,) = pairs_of(inputs)
    moved = image(lambda v: v / (1 + np.abs(v)), x.value, operand(step, x))
    return [finished(step, moved, x.dtype, "Softsign")]


@rule("Elu", source=BODY)
def elu(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """alpha (exp(x) - 1) below 0: the difference loses what exp rounds."""
    (x,) = pairs_of(inputs)
    alpha = parameter(step, step.attributes["alpha"], x.dtype)
    return [_exponential_unit(step, x, [alpha], "Elu")]


@rule("Selu", source=BODY)
def selu(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """gamma (alpha exp(x) - alpha) below 0, gamma x above."""
    (x,) = pairs_of(inputs)
    scales = [parameter(step, step.attributes[name], x.dtype) for name in ("alpha", "gamma")]
    return [_exponential_unit(step, x, scales, "Selu")]


@rule("Celu", source=BODY)
def celu(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1)): the quotient's rounding enters exp."""
    (x,) = pairs_of(inputs)
    alpha = parameter(step, step.attributes["alpha"], x.dtype)
    inner = corners(np.divide, (x.value, operand(step, x)), (alpha.value, alpha.errors()))
    quotient = finished(step, inner, x.dtype, "Div")
    made = _exponential_unit(step, x, [alpha], "Celu", quotient)
    return [number_or_nan(made, np.isnan(x.value), [np.zeros(())])]


def _exponential_unit(
    step: Step, x: Pair, scales: Sequence[Pair], name: str, inner: Pair | None = None
) -> Pair:
    """scales (exp(inner) - 1) below 0, and the last scale of two times x above."""
    inner = inner or x
    error = operand(step, x) if inner is x else inner.errors()
    curve, moved = image(np.expm1, np.minimum(inner.value, 0.0), error)
    scale = math.prod(float(pair.value) for pair in scales)
    shaken = sum(float(np.max(p.errors())) / max(abs(float(p.value)), 1e-300) for p in scales)
    limit = _limit(step, "Expm1" if step.primitive else "Exp", x)
    loose = 0.0 if step.primitive else limit * _ulp(step, np.exp(np.minimum(inner.value, 0)), x)
    unit = step.stored(x.dtype).unit
    with np.errstate(all="ignore"):
        # exp is off by `loose`; the difference and each product add a rounding, of a size
        # that Selu's body has before its difference: alpha exp(x).
        loose = loose + (0.0 if step.primitive else 2 * unit * len(scales))
        below_error = abs(scale) * (moved + loose + shaken * np.abs(curve))
        curve = scale * curve
    below = step.rounded(curve, below_error, x.dtype, _limit(step, name, x), own=4.0)
    slope = scales[1] if len(scales) > 1 else Pair(np.asarray(1.0), None, x.dtype)
    line = corners(np.multiply, (x.value, operand(step, x)), (slope.value, slope.errors()))
    straight = step.rounded(*line, x.dtype) if len(scales) > 1 else Pair(*line, x.dtype)
    negative = x.value < 0
    value = np.where(negative, below.value, straight.value)
    spread = np.where(negative, below.errors(), straight.errors())
    straddles = (np.abs(x.value) <= operand(step, x)) & (operand(step, x) > 0)
    spread = np.where(straddles, below.errors() + straight.errors(), spread)
    return Pair(value, spread if spread.any() else None, x.dtype)


def _slanted(
    step: Step, function: Callable[[Array], Array], x: Pair, slope: float
) -> tuple[Array, Array]:
    """A smooth function that is not monotone: its steepest slope says how far it moves."""
    error = operand(step, x)
    with np.errstate(all="ignore"):
        value = np.asarray(function(x.value))
        moved = np.where(error > 0, slope * error, 0.0)
    return value, moved


@rule("Mish", source=BODY + "; |mish'| < 1.1")
def mish_rule(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x tanh(softplus(x)): what softplus is off by moves tanh by at most as much, times x."""
    (x,) = pairs_of(inputs)
    value, moved = _slanted(step, mish, x, 1.1)
    if not step.primitive:
        (inner,) = soft_plus(step, [Pair(x.value, None, x.dtype)])
        if isinstance(inner, Pair):
            _, shaken = image(np.tanh, inner.value, np.nan_to_num(inner.errors()))
            tanh = _limit(step, "Tanh", x) * _ulp(step, np.tanh(inner.value), x)
            with np.errstate(all="ignore"):
                product = np.abs(x.value) * (shaken + tanh)
                moved = moved + np.where(np.isfinite(x.value), product, 0.0)
    limit = "Mish" if step.primitive else "Mul"
    return [
        _bottomless(step.rounded(value, moved, x.dtype, _limit(step, limit, x), own=4.0), x)
    ]


@rule("Swish", source=BODY + "; |swish'| < 1.1")
def swish(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x sigmoid(alpha x): the product alpha x is rounded inside the sigmoid."""
    (x,) = pairs_of(inputs)
    alpha = parameter(step, step.attributes["alpha"], x.dtype)
    line = corners(np.multiply, (x.value, operand(step, x)), (alpha.value, alpha.errors()))
    inner = step.rounded(*line, x.dtype, 0.0 if float(alpha.value) == 1.0 else 0.5)
    gate, shaken = image(sigmoid, inner.value, inner.errors())
    overflows = gate * step.stored(x.dtype).largest < 2.0
    gate_error = shaken + np.where(overflows & (not step.primitive), gate, 0.0)
    gate_error = gate_error + _limit(step, "Sigmoid", x) * _ulp(step, gate, x)
    with np.errstate(all="ignore"):
        value = np.where(np.isneginf(x.value) & (gate == 0), 0.0, x.value * gate)
        _, moved = corners(np.multiply, (x.value, operand(step, x)), (gate, gate_error))
        moved = np.where(np.isfinite(x.value), moved, 0.0)
    return [_bottomless(step.rounded(value, moved, x.dtype, 0.5, own=4.0), x)]


@rule("Gelu", source=BODY + "; |gelu'| < 1.2")
def gelu_rule(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x (1 + erf(x / sqrt 2)) / 2: the sum's rounding stays where the result is tiny."""
    (x,) = pairs_of(inputs)
    tanh = step.attributes.get("approximate") == "tanh"
    value, moved = _slanted(step, gelu_tanh if tanh else gelu, x, 1.2)
    if step.primitive:
        return [_bottomless(finished(step, (value, moved), x.dtype, "Gelu"), x)]
    with np.errstate(all="ignore"):
        if tanh:
            inner = math.sqrt(2 / math.pi) * (x.value + 0.044715 * x.value**3)
            name, curve = "Tanh", np.tanh(inner)
            # x^3, its product, the sum and the outer product: six roundings before tanh.
            argument = 6 * step.stored(x.dtype).unit + 2.0**-23
        else:
            inner = x.value / math.sqrt(2)
            name, curve, argument = "Erf", erf(inner), 3 * step.stored(x.dtype).unit + 2.0**-23
        function = np.tanh if tanh else erf
        _, shaken = image(function, inner, argument * np.abs(inner))
        gate = shaken + _limit(step, name, x) * _ulp(step, curve, x) + _ulp(step, 1 + curve, x)
        product = 0.5 * np.abs(x.value) * gate
        moved = moved + np.where(np.isfinite(x.value), product, 0.0)
    return [_bottomless(step.rounded(value, moved, x.dtype, 1.5, own=4.0), x)]


def _bottomless(made: Pair, x: Pair) -> Pair:
    """At minus infinity the limit is 0, and the body -inf x 0, NaN: both are right."""
    return undefined(made, np.isneginf(x.value), no_number)
