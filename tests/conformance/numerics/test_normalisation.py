"""Normalisations, against mpmath and every legal way to compute a variance."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import ml_dtypes
import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

mpmath: Any = import_module("mpmath")  # it has no types
EPSILON = float(np.float32(1e-5))
FORMS = ("two-pass", "one-pass", "welford", "folded", "reciprocal")
TYPES = {"fp32": np.float32, "fp16": np.float16, "bf16": ml_dtypes.bfloat16}


class Bounded(Protocol):
    pair: Pair
    others: tuple[Pair, ...]

    def accepts(self, got: Array, output: int = 0) -> bool: ...


Bounds = Callable[..., Bounded]


def numbers(seed: int, shape: tuple[int, ...], mean: float = 0.0) -> Array:
    return (np.random.default_rng(seed).standard_normal(shape) + mean).astype(np.float32)


def statistics(x: Array, form: str, seed: int) -> tuple[Array, Array]:
    """Mean and variance of the rows in float32, summed in a random order."""
    f = np.float32
    x = x[:, np.random.default_rng(seed).permutation(x.shape[1])]
    count = f(x.shape[1])
    if form == "welford":
        mean: Array = np.zeros(len(x), f)
        moment: Array = np.zeros(len(x), f)
        for k in range(x.shape[1]):
            delta = x[:, k] - mean
            mean = mean + delta / f(k + 1)
            moment = moment + delta * (x[:, k] - mean)
        return mean, moment / count
    total: Array = np.zeros(len(x), f)
    for k in range(x.shape[1]):
        total = np.add(total, x[:, k])
    mean = total / count if form != "reciprocal" else total * (f(1) / count)
    square: Array = np.zeros(len(x), f)
    for k in range(x.shape[1]):
        term = x[:, k] if form in ("one-pass", "folded") else x[:, k] - mean
        square = square + term * term
    variance = square / count
    if form in ("one-pass", "folded"):
        variance = np.maximum(variance - mean * mean, f(0))
    return mean, variance


def layer_norm(x: Array, scale: Array, bias: Array, form: str, seed: int) -> Array:
    """Rows normalised in float32 by one of the forms, then cast."""
    f, given = np.float32, x.astype(np.float32)
    mean, variance = statistics(given, form, seed)
    inverse = (f(1) / np.sqrt(variance + f(EPSILON)))[:, None]
    if form == "folded":
        factor = inverse * scale.astype(f)
        return (given * factor + (bias.astype(f) - mean[:, None] * factor)).astype(x.dtype)
    normal = (given - mean[:, None]) * inverse
    return (normal * scale.astype(f) + bias.astype(f)).astype(x.dtype)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.sampled_from([1, 2, 7, 64, 257]),
    mean=st.sampled_from([0.0, 1.0, -30.0]),
    form=st.sampled_from(FORMS),
    model=st.sampled_from(["fp32", "fp16", "bf16"]),
)
def test_no_form_of_layer_normalization_is_accused(
    bounds_of: Bounds, seed: int, width: int, mean: float, form: str, model: str
) -> None:
    kind = TYPES[model]
    x = numbers(seed, (3, width), mean).astype(kind)
    scale, bias = (
        numbers(seed + 1, (width,)).astype(kind),
        numbers(seed + 2, (width,)).astype(kind),
    )
    bounded = bounds_of("LayerNormalization", [x, scale, bias], model=model)
    got = layer_norm(x, scale, bias, form, seed)
    wrong = np.abs(got.astype(np.float64) - bounded.pair.value) > bounded.pair.errors()
    assert not wrong.any()


def exact_layer_norm(x: Array, scale: Array, bias: Array) -> list[list[Any]]:
    rows: list[list[Any]] = []
    with mpmath.workprec(200):
        for row in x.tolist():
            mean = mpmath.fsum(row) / len(row)
            variance = mpmath.fsum([(v - mean) ** 2 for v in row]) / len(row)
            inverse = 1 / mpmath.sqrt(variance + EPSILON)
            terms = zip(row, scale.tolist(), bias.tolist(), strict=True)
            rows.append([(v - mean) * inverse * s + b for v, s, b in terms])
    return rows


@pytest.mark.parametrize("mean", [0.0, 1e3])
def test_the_value_of_layer_normalization_is_that_of_mpmath(
    bounds_of: Bounds, mean: float
) -> None:
    x, scale, bias = numbers(1, (2, 33), mean), numbers(2, (33,)), numbers(3, (33,))
    pair = bounds_of("LayerNormalization", [x, scale, bias]).pair
    for index, exact in np.ndenumerate(np.array(exact_layer_norm(x, scale, bias), object)):
        assert abs(pair.value[index] - exact) < pair.errors()[index] / 64


def test_a_variance_over_one_less_is_seen(bounds_of: Bounds) -> None:
    x, one, zero = numbers(4, (8, 512)), np.ones(512, np.float32), np.zeros(512, np.float32)
    bounded = bounds_of("LayerNormalization", [x, one, zero])
    deviation = np.sqrt(x.var(axis=1, keepdims=True, ddof=1) + EPSILON)
    assert not bounded.accepts(((x - x.mean(1, keepdims=True)) / deviation).astype(np.float32))


def test_an_epsilon_of_1e_6_is_seen(bounds_of: Bounds) -> None:
    x, one, zero = numbers(4, (8, 512)) / 8, np.ones(512, np.float32), np.zeros(512, np.float32)
    bounded = bounds_of("LayerNormalization", [x, one, zero])
    deviation = np.sqrt(x.var(axis=1, keepdims=True) + 1e-6)
    assert not bounded.accepts(((x - x.mean(1, keepdims=True)) / deviation).astype(np.float32))


def test_bfloat16_inputs_are_seen(bounds_of: Bounds) -> None:
    x, one, zero = numbers(4, (8, 512)), np.ones(512, np.float32), np.zeros(512, np.float32)
    rounded = x.astype(ml_dtypes.bfloat16).astype(np.float32)
    got = layer_norm(rounded, one, zero, "two-pass", 0)
    assert not bounds_of("LayerNormalization", [x, one, zero]).accepts(got)
    assert bounds_of("LayerNormalization", [x, one, zero], model="bf16").accepts(got)


def test_a_primitive_is_held_to_the_two_pass_bound(bounds_of: Bounds) -> None:
    x, one, zero = (
        numbers(4, (4, 512), 20.0),
        np.ones(512, np.float32),
        np.zeros(512, np.float32),
    )
    wide = bounds_of("LayerNormalization", [x, one, zero])
    tight = bounds_of("LayerNormalization", [x, one, zero], primitive=True)
    assert np.median(tight.pair.errors()) < np.median(wide.pair.errors()) / 4
    assert tight.accepts(layer_norm(x, one, zero, "two-pass", 5))


def batch_norm(parts: list[Array], form: str) -> Array:
    """Inference in float32, folded or not."""
    f = np.float32
    x, scale, bias, mean, variance = (
        p.astype(f) if p.ndim > 1 else p.astype(f)[:, None] for p in parts
    )
    deviation = np.sqrt(variance + f(EPSILON))
    if form == "plain":
        return np.asarray(scale * (x - mean) / deviation + bias)
    factor = scale * (f(1) / deviation) if form == "reciprocal" else scale / deviation
    if form == "fused":
        shift = bias - mean * factor
        return np.asarray(x.astype(np.float64) * factor + shift, f)
    return np.asarray(x * factor + (bias - mean * factor))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    mean=st.sampled_from([0.0, 3.0, 100.0]),
    form=st.sampled_from(["plain", "folded", "fused", "reciprocal"]),
)
def test_no_folding_of_batch_normalization_is_accused(
    bounds_of: Bounds, seed: int, mean: float, form: str
) -> None:
    x = numbers(seed, (4, 5, 9), mean)
    scale, bias, centre = (numbers(seed + k, (5,), mean if k == 3 else 0.0) for k in (1, 2, 3))
    variance = np.abs(numbers(seed + 4, (5,)))
    parts = [x, scale, bias, centre, variance]
    bounded = bounds_of("BatchNormalization", parts)
    assert bounded.accepts(batch_norm(parts, form))


def test_batch_normalization_in_half_precision_is_seen(bounds_of: Bounds) -> None:
    x = numbers(5, (4, 5, 9))
    parts = [x, *(np.abs(numbers(k, (5,))) + 0.5 for k in range(6, 10))]
    half = [p.astype(np.float16) for p in parts]
    assert not bounds_of("BatchNormalization", parts).accepts(batch_norm(half, "plain"))


def test_batch_normalization_in_training_mixes_the_batch_into_the_running_statistics(
    bounds_of: Bounds,
) -> None:
    x = numbers(5, (4, 3, 9))
    parts = [x, *(np.abs(numbers(k, (3,))) for k in range(6, 10))]
    bounded = bounds_of("BatchNormalization", parts, training_mode=1, outputs=3, momentum=0.75)
    f = np.float32
    mixed = parts[3] * f(0.75) + x.mean(axis=(0, 2)) * f(0.25)
    assert bounded.accepts(mixed, 1)
    assert not bounded.accepts(parts[3] * f(0.25) + x.mean(axis=(0, 2)) * f(0.75), 1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), width=st.sampled_from([1, 3, 65, 512]))
def test_no_order_of_rms_normalization_is_accused(
    bounds_of: Bounds, seed: int, width: int
) -> None:
    x, scale = numbers(seed, (2, width), 1.0), numbers(seed + 1, (width,))
    order = np.random.default_rng(seed).permutation(width)
    square = np.zeros(2, np.float32)
    for k in order:
        square = square + x[:, k] * x[:, k]
    inverse = np.float32(1) / np.sqrt(square / np.float32(width) + np.float32(EPSILON))
    bounded = bounds_of("RMSNormalization", [x, scale])
    assert bounded.accepts(x * inverse[:, None] * scale)


@pytest.mark.parametrize("opset", [18, 21])
def test_group_normalization_has_parameters_a_group_and_later_a_channel(
    bounds_of: Bounds, opset: int
) -> None:
    x = numbers(8, (2, 6, 5))
    scale, bias = (
        numbers(9, (2 if opset == 18 else 6,)),
        numbers(10, (2 if opset == 18 else 6,)),
    )
    grouped = x.reshape(2, 2, -1)
    mean, variance = grouped.mean(2, keepdims=True), grouped.var(2, keepdims=True)
    normal = ((grouped - mean) / np.sqrt(variance + np.float32(EPSILON))).reshape(x.shape)
    factor = np.repeat(scale, 3) if opset == 18 else scale
    shift = np.repeat(bias, 3) if opset == 18 else bias
    bounded = bounds_of("GroupNormalization", [x, scale, bias], opset=opset, num_groups=2)
    assert bounded.accepts(normal * factor[:, None] + shift[:, None])


def test_instance_normalization_is_layer_normalization_of_a_channel(bounds_of: Bounds) -> None:
    x, scale, bias = numbers(8, (2, 3, 40)), numbers(9, (3,)), numbers(10, (3,))
    rows = x.reshape(6, 40)
    normal = layer_norm(rows, np.ones(40), np.zeros(40), "welford", 1).reshape(x.shape)
    bounded = bounds_of("InstanceNormalization", [x, scale, bias])
    assert bounded.accepts((normal * scale[:, None] + bias[:, None]).astype(np.float32))
    assert not bounded.accepts((normal * bias[:, None] + scale[:, None]).astype(np.float32))


def test_mean_variance_normalization_is_over_batch_and_positions(bounds_of: Bounds) -> None:
    x = numbers(8, (3, 4, 5, 5), 2.0)
    mean, deviation = x.mean((0, 2, 3), keepdims=True), x.std((0, 2, 3), keepdims=True)
    bounded = bounds_of("MeanVarianceNormalization", [x])
    assert bounded.accepts((x - mean) / deviation)
    assert not bounded.accepts((x - x.mean()) / x.std())


@pytest.mark.parametrize("p", [1, 2])
def test_a_norm_of_zero_gives_zero_from_version_22_on(bounds_of: Bounds, p: int) -> None:
    x = np.array([[3.0, -4.0], [0.0, 0.0]], np.float32)
    norm = np.abs(x).sum(1, keepdims=True) if p == 1 else np.sqrt((x * x).sum(1, keepdims=True))
    got = np.divide(x, norm, out=np.zeros_like(x), where=norm != 0)
    assert bounds_of("LpNormalization", [x], p=p).accepts(got)
    assert not bounds_of("LpNormalization", [x], p=p).accepts(got + np.float32(1e-6))
    assert np.isinf(bounds_of("LpNormalization", [x], p=p, opset=18).pair.errors()[1]).all()


@pytest.mark.parametrize(("size", "lower", "upper"), [(1, 0, 0), (3, 1, 1), (4, 1, 2)])
def test_lrn_takes_the_channels_around_each(
    bounds_of: Bounds, size: int, lower: int, upper: int
) -> None:
    x = numbers(8, (2, 6, 3, 2))
    got = np.empty(x.shape)
    for c in range(6):
        near = x[:, max(0, c - lower) : c + upper + 1].astype(np.float64)
        base = 0.5 + 0.25 / size * (near**2).sum(1)
        got[:, c] = x[:, c] / base**0.75
    attributes = {"alpha": 0.25, "beta": 0.75, "bias": 0.5, "size": size}
    assert bounds_of("LRN", [x], **attributes).accepts(got.astype(np.float32))
    assert not bounds_of("LRN", [x], **attributes).accepts(
        (got * (1 + 1e-5)).astype(np.float32)
    )
