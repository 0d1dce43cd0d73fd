"""Smooth activations and piecewise linear ones: naive and careful devices, and wrong ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics import families
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic, Array, arithmetic
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.rules import Step, find
from hal_conformance.numerics.spans import nearest

mpmath: Any = import_module("mpmath")  # it has no types
FP32 = arithmetic("fp32")
families.load()

ALPHA, GAMMA = 1.67326319217681884765625, 1.05070102214813232421875  # ONNX Selu

DEFAULTS: dict[str, dict[str, object]] = {
    "Elu": {"alpha": 1.5},
    "Selu": {"alpha": ALPHA, "gamma": GAMMA},
    "Celu": {"alpha": 1.7},
    "LeakyRelu": {"alpha": 0.01},
    "ThresholdedRelu": {"alpha": 1.0},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "Shrink": {"lambd": 0.5, "bias": 0.3},
    "Gelu": {"approximate": "none"},
    "Swish": {"alpha": 1.0},
}


def run(
    op: str, x: Pair, *, primitive: bool = False, model: Arithmetic = FP32, **more: object
) -> Pair:
    attributes = {
        name: float(np.float32(value)) if isinstance(value, float) else value
        for name, value in (DEFAULTS.get(op, {}) | more).items()
    }
    step = Step(op, "", 99, attributes, model, ("y",), lambda _: [], primitive)
    entry = find(op, 99)
    assert entry is not None
    (result,) = entry.rule(step, [x])
    assert isinstance(result, Pair)
    return result


def inputs(dtype: str, low: float = -12, high: float = 12) -> Pair:
    near = [s * 10.0**-k for k in range(8) for s in (-1.0, 1.0)]
    values = np.concatenate([np.linspace(low, high, 1500), np.array(near)])
    return Pair(nearest(values, FORMATS[dtype]), None, dtype)


def within(got: Array, pair: Pair) -> Array:
    return np.asarray(np.abs(got.astype(np.float64) - pair.value) <= pair.errors())


def softplus(x: Any) -> Any:
    return mpmath.log1p(mpmath.exp(x))


TRUTH: dict[str, Callable[[Any], Any]] = {
    "Softplus": softplus,
    "Softsign": lambda x: x / (1 + abs(x)),
    "Elu": lambda x: x if x >= 0 else 1.5 * mpmath.expm1(x),
    "Mish": lambda x: x * mpmath.tanh(softplus(x)),
    "Gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "Swish": lambda x: x / (1 + mpmath.exp(-x)),
}


@pytest.mark.parametrize("op", sorted(TRUTH))
def test_the_reference_is_right_to_a_64th_of_the_primitive_bound(op: str) -> None:
    x = inputs("float32", -9, 9)
    result = run(op, x, primitive=True)
    with mpmath.workdps(40):
        for k in range(0, x.value.size, 7):
            truth = TRUTH[op](mpmath.mpf(float(x.value[k])))
            off = abs(mpmath.mpf(float(result.value[k])) - truth)
            assert off <= max(result.errors()[k], FORMATS["float32"].smallest) / 64


def exp_minus_one(x: Array, kind: Any) -> Array:
    return np.asarray(np.exp(x) - kind(1))


def naive(op: str, x: Array) -> Array:
    """The function body, in the type of x, one rounding an operation."""
    kind = x.dtype.type
    one, half = kind(1), kind(0.5)
    if op == "Softplus":
        return np.asarray(np.log(np.exp(x) + one))
    if op == "Softsign":
        return np.asarray(x / (one + np.abs(x)))
    if op == "Elu":
        return np.where(x < 0, kind(1.5) * exp_minus_one(x, kind), x)
    if op == "Selu":
        a, g = kind(ALPHA), kind(GAMMA)
        negative: Array = g * (a * np.exp(x) - a)
        return np.where(x < 0, negative, g * x)
    if op == "Celu":
        a = kind(1.7)
        return np.where(x < 0, a * exp_minus_one(x / a, kind), x)
    if op == "Mish":
        return np.asarray(x * np.tanh(naive("Softplus", x)))
    if op == "Gelu":
        wide = (x * kind(math.sqrt(0.5))).astype(np.float64)
        erf: Array = np.array([math.erf(v) for v in wide.tolist()]).astype(x.dtype)
        return np.asarray(half * x * (one + erf))
    if op == "Swish":
        return np.asarray(x * (one / (one + np.exp(-x))))
    if op == "HardSigmoid":
        return np.asarray(np.clip(kind(0.2) * x + half, kind(0), one))
    if op == "HardSwish":
        return np.asarray(x * np.clip(x + kind(3), kind(0), kind(6)) / kind(6))
    assert op == "LeakyRelu"
    return np.where(x < 0, kind(0.01) * x, x)


BODIES = sorted({*TRUTH, "Selu", "Celu", "HardSigmoid", "HardSwish", "LeakyRelu"})


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("op", BODIES)
def test_a_device_that_follows_the_body_is_never_wrong(op: str, dtype: str) -> None:
    x = inputs(dtype, -9, 9)
    got = naive(op, x.value.astype(dtype))
    assert within(got, run(op, x)).all()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("op", BODIES)
def test_a_device_that_computes_wide_and_rounds_once_is_primitive(op: str, dtype: str) -> None:
    x = inputs(dtype, -9, 9)
    graded = run(op, x, primitive=True)
    got = nearest(graded.value, FORMATS[dtype])
    assert within(got, graded).all()
    assert within(got, run(op, x)).all()


def test_an_attribute_may_be_rounded_to_the_tensors_type_or_not() -> None:
    x = inputs("float16")
    for alpha in (float(np.float16(0.01)), float(np.float32(0.01))):
        got = nearest(np.where(x.value < 0, alpha * x.value, x.value), FORMATS["float16"])
        assert within(got, run("LeakyRelu", x)).all()


def test_another_slope_fails() -> None:
    x = inputs("float32")
    got = np.where(x.value < 0, 0.0101 * x.value, x.value)
    assert not within(got, run("LeakyRelu", x)).all()


@pytest.mark.parametrize(
    ("op", "x", "got"),
    [
        ("Softplus", -20.0, 2e-6),
        ("Softplus", 100.0, math.inf),
        ("Mish", -20.0, -4.1e-5),
        ("Gelu", 3.0, 2.99636),
        ("Gelu", 1.0, 0.84119),
        ("Elu", -1.0, -0.9481),
        ("Softsign", 1.0, 0.50001),
    ],
)
def test_a_result_beyond_its_body_fails(op: str, x: float, got: float) -> None:
    result = run(op, Pair(np.array([x]), None, "float32"))
    assert not within(np.array([got]), result).any()


def test_cancellation_that_the_body_has_is_no_failure_but_not_primitive() -> None:
    x = Pair(nearest(np.array([-1e-4]), FORMATS["float32"]), None, "float32")
    got = np.float32(1.5) * (np.exp(x.value.astype(np.float32)) - np.float32(1))
    assert within(got, run("Elu", x)).all()
    assert not within(got, run("Elu", x, primitive=True)).any()


def test_tanh_gelu_is_another_function() -> None:
    x = inputs("float32")
    tanh = run("Gelu", x, approximate="tanh")
    assert not within(tanh.value, run("Gelu", x)).all()


@pytest.mark.parametrize("op", [*BODIES, "ThresholdedRelu", "Shrink"])
def test_a_perturbed_operand_stays_within_the_bound(op: str) -> None:
    x = inputs("float32", -6, 6)
    error = 1e-3 * np.abs(x.value) + 1e-5
    result = run(op, Pair(x.value, error, "float32"))
    for share in (-0.999, -0.3, 0.7, 0.999):
        moved = Pair(x.value + share * error, None, "float64")
        assert within(run(op, moved).value, result).all()


@pytest.mark.parametrize("op", ["ThresholdedRelu", "Shrink"])
def test_either_side_is_right_where_a_threshold_may_be_crossed(op: str) -> None:
    edge = {"ThresholdedRelu": 1.0, "Shrink": 0.5}[op]
    result = run(op, Pair(np.array([edge]), np.array([1e-6]), "float32"))
    assert within(np.zeros(1), result).all()
    assert within(np.array([edge if op == "ThresholdedRelu" else edge - 0.3]), result).all()


def test_shrink_of_whole_numbers_follows_the_body() -> None:
    x = Pair.exact(np.arange(-3, 4, dtype=np.int8))
    result = run("Shrink", x, lambd=1.5, bias=1.0)
    assert result.value.tolist() == [-2, -1, 0, 0, 0, 1, 2]
    assert result.value.dtype == np.int8
