"""Functions approximated, as exp, erf, rsqrt and sigmoid often are, and bad formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hal.tensor import Tensor
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.power.catalogue.precision import EXACT, floats
from hal_conformance.power.fault import Call, Fault, Mutate, Values, among, mapped, with_array

FAMILY, FORMULA = "approximated function", "bad formula"

FUNCTIONS = (
    *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Celu", "Cos", "Cosh", "Elu", "Erf"),
    *("Exp", "Gelu", "HardSwish", "Log", "LogSoftmax", "Mish", "Pow", "Reciprocal", "Selu"),
    *("Sigmoid", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "SwiGLU"),
    *("Tan", "Tanh", "Div", "LRN", "LpNormalization", "LayerNormalization", "RMSNormalization"),
    *("InstanceNormalization", "GroupNormalization", "BatchNormalization", "ReduceL2"),
    *("ReduceLogSum", "ReduceLogSumExp", "MeanVarianceNormalization", "LSTM", "GRU", "RNN"),
    *("Attention", "HannWindow", "HammingWindow", "BlackmanWindow", "SoftmaxCrossEntropyLoss"),
    *("RotaryEmbedding", "DFT", "MelWeightMatrix", "ai.onnx.preview.training/Adam"),
)


def _wave(bits: int) -> Callable[[Array, Tensor], Array]:
    """A minimax polynomial's error: it swings between +-2^-bits with the result."""

    def change(wide: Array, _: Tensor) -> Array:
        mantissa, _exponent = np.frexp(np.where(np.isfinite(wide), wide, 1.0))
        return wide * (1 + 2.0**-bits * np.cos(mantissa * 40.0))

    return change


def _approximated(bits: int) -> Mutate:
    return lambda call: [mapped(value, floats(_wave(bits))) for value in call.evaluate()]


def _by(formula: Callable[[Array, Call], Any]) -> Mutate:
    """A unary operator by another formula, in float32 where its input is."""

    def mutate(call: Call) -> Values:
        given = call.tensor(0)
        if given is None or given.dtype.name not in EXACT:
            return call.evaluate()
        wide = np.float64 if given.dtype.name == "float64" else np.float32
        with np.errstate(all="ignore"):
            made = formula(given.array.astype(wide), call)
        return [with_array(given, np.asarray(made)), *call.evaluate()[1:]]

    return mutate


def _exp_form_sigmoid(x: Array, _: Call) -> Any:
    return np.exp(x) / (1 + np.exp(x))


def _erf_series(x: Array) -> Any:
    """Abramowitz and Stegun 7.1.26: an absolute error of 1.5e-7, any relative one near 0."""
    a = np.abs(x)
    t = 1 / (1 + 0.3275911 * a)
    poly = ((((1.061405429 * t - 1.453152027) * t) + 1.421413741) * t - 0.284496736) * t
    return np.sign(x) * (1 - (poly + 0.254829592) * t * np.exp(-a * a))


def _reduced_pi(x: Array) -> Any:
    """Argument reduction by 2 pi in float32: large arguments lose their digits."""
    turn = np.float32(2 * np.pi)
    return x - np.rint(x / turn).astype(x.dtype) * x.dtype.type(turn)


def _softmax_naive(x: Array, call: Call) -> Any:
    e = np.exp(x)
    axes = _softmax_axes(x, call)
    return e / e.sum(axes, keepdims=True)


def _softmax_axes(x: Array, call: Call) -> Any:
    axis = call.attributes.get("axis", -1) % max(1, x.ndim)
    return tuple(range(axis, x.ndim)) if call.version < 13 else axis


def _log_of_softmax(x: Array, call: Call) -> Any:
    axes = _softmax_axes(x, call)
    e = np.exp(x - x.max(axes, keepdims=True))
    return np.log(e / e.sum(axes, keepdims=True))


def _tanh_gelu(x: Array) -> Any:
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def _alpha(call: Call) -> float:
    return float(call.attributes.get("alpha", 1.0))


def _clamped(low: float, high: float) -> Mutate:
    """The input is clamped first."""

    def change(wide: Array, _: Tensor) -> Array:
        return np.clip(wide, low, high)

    return lambda call: call.evaluate(
        [mapped(call.inputs[0], floats(change)), *call.inputs[1:]]
    )


def _selu(x: Array, call: Call) -> Any:
    alpha, gamma = _alpha(call), float(call.attributes.get("gamma", 1.0507))
    return gamma * np.where(x > 0, x, alpha * (np.exp(x) - 1))


_FORMULAS: tuple[tuple[str, str, str, Callable[[Array, Call], Any]], ...] = (
    ("sigmoid-overflows", "Sigmoid", "e^x / (1 + e^x)", _exp_form_sigmoid),
    (
        "sigmoid-by-tanh",
        "Sigmoid",
        "(1 + tanh(x/2)) / 2",
        lambda x, _: 0.5 * np.tanh(0.5 * x) + 0.5,
    ),
    ("sigmoid-hard", "Sigmoid", "a hard sigmoid", lambda x, _: np.clip(x / 6 + 0.5, 0, 1)),
    ("softplus-naive", "Softplus", "log(1 + e^x)", lambda x, _: np.log(1 + np.exp(x))),
    (
        "elu-by-exp",
        "Elu",
        "alpha (e^x - 1)",
        lambda x, c: np.where(x > 0, x, _alpha(c) * (np.exp(x) - 1)),
    ),
    ("selu-by-exp", "Selu", "e^x - 1 cancels", _selu),
    (
        "celu-by-exp",
        "Celu",
        "e^x - 1 cancels",
        lambda x, c: np.where(x > 0, x, _alpha(c) * (np.exp(x / _alpha(c)) - 1)),
    ),
    ("mish-naive", "Mish", "by log(1 + e^x)", lambda x, _: x * np.tanh(np.log(1 + np.exp(x)))),
    ("erf-near-0", "Erf", "an absolute error of 1.5e-7", lambda x, _: _erf_series(x)),
    ("gelu-by-tanh", "Gelu", "the tanh form, whatever is asked", lambda x, _: _tanh_gelu(x)),
    (
        "gelu-by-sigmoid",
        "Gelu",
        "x sigmoid(1.702 x)",
        lambda x, _: x / (1 + np.exp(-1.702 * x)),
    ),
    (
        "tanh-by-exp",
        "Tanh",
        "(e^2x - 1) / (e^2x + 1)",
        lambda x, _: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
    ),
    ("sinh-by-exp", "Sinh", "(e^x - e^-x) / 2", lambda x, _: (np.exp(x) - np.exp(-x)) / 2),
    (
        "cosh-by-exp-squared",
        "Cosh",
        "(e^2x + 1) / 2 e^x",
        lambda x, _: (np.exp(2 * x) + 1) / (2 * np.exp(x)),
    ),
    (
        "asinh-naive",
        "Asinh",
        "log(x + sqrt(x^2 + 1))",
        lambda x, _: np.log(x + np.sqrt(x * x + 1)),
    ),
    (
        "atanh-naive",
        "Atanh",
        "log((1 + x) / (1 - x)) / 2",
        lambda x, _: 0.5 * np.log((1 + x) / (1 - x)),
    ),
    (
        "acosh-naive",
        "Acosh",
        "log(x + sqrt(x^2 - 1))",
        lambda x, _: np.log(x + np.sqrt(x * x - 1)),
    ),
    (
        "asin-by-atan",
        "Asin",
        "atan(x / sqrt(1 - x^2))",
        lambda x, _: np.arctan(x / np.sqrt(1 - x * x)),
    ),
    (
        "acos-by-asin",
        "Acos",
        "pi/2 - asin x",
        lambda x, _: np.asarray(np.pi / 2, x.dtype) - np.arcsin(x),
    ),
    ("sin-large", "Sin", "reduction by a float32 pi", lambda x, _: np.sin(_reduced_pi(x))),
    ("cos-large", "Cos", "reduction by a float32 pi", lambda x, _: np.cos(_reduced_pi(x))),
    ("tan-large", "Tan", "reduction by a float32 pi", lambda x, _: np.tan(_reduced_pi(x))),
    (
        "tan-by-sin-cos",
        "Cos",
        "sin(x + pi/2)",
        lambda x, _: np.sin(x + x.dtype.type(np.pi / 2)),
    ),
    ("softmax-naive", "Softmax", "the maximum is not subtracted", _softmax_naive),
    ("logsoftmax-of-softmax", "LogSoftmax", "log of the softmax", _log_of_softmax),
    ("sqrt-by-pow", "Sqrt", "e^(log x / 2)", lambda x, _: np.exp(np.log(x) / 2)),
    ("softsign-signed", "Softsign", "x / (1 + x)", lambda x, _: x / (1 + x)),
    ("hardswish-by-sigmoid", "HardSwish", "x sigmoid(x)", lambda x, _: x / (1 + np.exp(-x))),
    ("log-of-abs", "Log", "log |x|", lambda x, _: np.log(np.abs(x))),
    ("sqrt-of-abs", "Sqrt", "sqrt |x|", lambda x, _: np.sqrt(np.abs(x))),
    ("exp-by-2^12", "Exp", "(1 + x/4096)^4096", lambda x, _: (1 + x / 4096) ** 4096),
    (
        "leaky-for-positive",
        "LeakyRelu",
        "the slope for x > 0",
        lambda x, c: np.where(x > 0, x * _alpha(c), x),
    ),
    ("relu-6", "Relu", "cut at 6", lambda x, _: np.clip(x, 0, 6)),
    ("relu-leaky", "Relu", "leaks 0.01", lambda x, _: np.where(x > 0, x, x * 0.01)),
    (
        "thresholded-keeps-equal",
        "ThresholdedRelu",
        ">= for >",
        lambda x, c: np.where(x >= _alpha(c), x, 0),
    ),
    (
        "reciprocal-newton",
        "Reciprocal",
        "one Newton step from 12 bits",
        lambda x, _: _newton(x),
    ),
)


def _newton(x: Array) -> Any:
    start = (1 / x) * (1 + 2.0**-8)
    return start * (2 - x * start)


def _pow_by_log(call: Call) -> Values:
    base, power = call.array(0), call.array(1)
    first = call.tensor(0)
    if base is None or power is None or first is None or first.dtype.name not in EXACT:
        return call.evaluate()
    wide = np.float64 if first.dtype.name == "float64" else np.float32
    with np.errstate(all="ignore"):
        made = np.exp(np.log(base.astype(wide)) * power.astype(wide))
    return [with_array(first, made)]


def _div_by_reciprocal(bits: int) -> Mutate:
    def mutate(call: Call) -> Values:
        first, right = call.tensor(0), call.array(1)
        if first is None or right is None or first.dtype.name not in EXACT:
            return call.evaluate()
        with np.errstate(all="ignore"):
            inverse = (1 / right.astype(np.float64)) * (1 + 2.0**-bits)
            return [with_array(first, first.array.astype(np.float64) * inverse)]

    return mutate


def faults() -> Iterator[Fault]:
    """Faults of functions."""
    functions = among(*FUNCTIONS)
    for bits in (10, 12, 14, 16, 18):
        yield Fault(
            f"function/2^-{bits}",
            FAMILY,
            f"approximated to 2^-{bits}",
            functions,
            _approximated(bits),
        )
    for label, op, summary, formula in _FORMULAS:
        yield Fault(f"formula/{label}", FORMULA, summary, among(op), _by(formula))
    yield Fault("formula/pow-by-log", FORMULA, "e^(y log x)", among("Pow"), _pow_by_log)
    yield Fault(
        "formula/div-by-2^-14",
        FORMULA,
        "a 14-bit reciprocal",
        among("Div"),
        _div_by_reciprocal(14),
    )
    for label, low, high in (
        ("clamped-8", -8.0, 8.0),
        ("clamped-88", -88.0, 88.0),
        ("clamped-1e4", -1e4, 1e4),
        ("clamped-below-10", -10.0, np.inf),
        ("clamped-above-20", -np.inf, 20.0),
    ):
        yield Fault(
            f"formula/{label}",
            FORMULA,
            f"arguments are clamped to [{low}, {high}]",
            among(*FUNCTIONS[:38], "Relu", "LeakyRelu", "HardSigmoid", "PRelu"),
            _clamped(low, high),
        )
