"""Quantised operators: ties as the text has them, each value within reach, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import ml_dtypes
import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.quantised import to_float
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st


class Bounded(Protocol):
    pair: Pair
    others: tuple[Pair, ...]

    def accepts(self, got: Array, output: int = 0) -> bool: ...


Bounds = Callable[..., Bounded]

SEEDS = st.integers(0, 2**32 - 1)
FLOAT8 = {
    "float8e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8e5m2": ml_dtypes.float8_e5m2,
    "float8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "float4e2m1": ml_dtypes.float4_e2m1fn,
}


def scale_of(value: float) -> Array:
    return np.array(value, np.float32)


@pytest.mark.parametrize("scale", [0.25, 1.0, 8.0])
def test_ties_go_to_even_where_the_scale_is_a_power_of_two(
    bounds_of: Bounds, scale: float
) -> None:
    x = np.arange(-20.5, 20.5).astype(np.float32) * np.float32(scale)
    zero = np.array(3, np.int8)
    bounded = bounds_of("QuantizeLinear", [x, scale_of(scale), zero])
    assert bounded.pair.ambiguous == 0
    even = (np.rint(x / np.float32(scale)) + 3).astype(np.int8)
    away = (np.sign(x) * np.floor(np.abs(x / np.float32(scale)) + 0.5) + 3).astype(np.int8)
    after = np.rint(x / np.float32(scale) + 3).astype(np.int8)
    assert bounded.accepts(even)
    assert not bounded.accepts(away)
    assert not bounded.accepts(after)


def test_a_tie_that_a_reciprocal_may_break_is_ambiguous_and_counted(bounds_of: Bounds) -> None:
    x = np.array([7.5, 10.5, 1.0], np.float32)
    bounded = bounds_of("QuantizeLinear", [x, scale_of(3.0), np.array(0, np.uint8)])
    assert bounded.pair.ambiguous == 2
    assert bounded.accepts(np.array([2, 4, 0], np.uint8))
    assert bounded.accepts(np.array([3, 3, 0], np.uint8))
    assert not bounded.accepts(np.array([4, 4, 0], np.uint8))
    assert not bounded.accepts(np.array([2, 4, 1], np.uint8))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, scale=st.floats(2**-13, 100.0, width=32), reciprocal=st.booleans())
def test_neither_a_quotient_nor_a_reciprocal_is_accused(
    bounds_of: Bounds, seed: int, scale: float, reciprocal: bool
) -> None:
    random = np.random.default_rng(seed)
    steps = random.integers(-300, 300, 200) / 2 + random.choice([0, 1e-7, -1e-7], 200)
    x = (steps * scale).astype(np.float32)
    s, zero = np.float32(scale), np.array(-5, np.int8)
    quotient = x * (np.float32(1) / s) if reciprocal else x / s
    got = np.clip(np.rint(quotient) - 5, -128, 127).astype(np.int8)
    assert bounds_of("QuantizeLinear", [x, np.array(s), zero]).accepts(got)


def test_the_axis_and_the_block_of_a_scale_matter(bounds_of: Bounds) -> None:
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    rows = np.array([1, 2, 4, 8], np.float32)
    zero = np.zeros(4, np.uint8)
    by_row = np.rint(x / rows[:, None]).astype(np.uint8)
    assert bounds_of("QuantizeLinear", [x, rows, zero], axis=0).accepts(by_row)
    blocks = np.array([[1, 2], [4, 8], [2, 1], [8, 4]], np.float32)
    wide = np.rint(x / np.repeat(blocks, 3, axis=1)).astype(np.uint8)
    given_ = [x, blocks, np.zeros((4, 2), np.uint8)]
    assert bounds_of("QuantizeLinear", given_, axis=1, block_size=3).accepts(wide)
    assert not bounds_of("QuantizeLinear", given_, axis=1, block_size=3).accepts(by_row)


@pytest.mark.parametrize("name", sorted(FLOAT8))
def test_small_formats_round_as_their_types_do_for_every_half(name: str) -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float64)
    halves = halves[np.isfinite(halves)]
    kept = FORMATS[name]
    within = np.abs(halves) <= kept.largest
    expected = halves[within].astype(np.float32).astype(FLOAT8[name]).astype(np.float64)
    np.testing.assert_array_equal(to_float(halves[within], kept, saturate=False), expected)
    assert np.abs(to_float(halves, kept, saturate=True)).max() == kept.largest


@pytest.mark.parametrize("saturate", [0, 1])
def test_float8_saturates_unless_told_not_to(bounds_of: Bounds, saturate: int) -> None:
    x = np.array([1.0, 1000.0, -1000.0, np.nan], np.float32)
    zero = np.array(0, ml_dtypes.float8_e4m3fn)
    bounded = bounds_of("QuantizeLinear", [x, scale_of(1.0), zero], saturate=saturate)
    edge = 448.0 if saturate else np.nan
    right = np.array([1.0, edge, -edge, np.nan]).astype(ml_dtypes.float8_e4m3fn)
    wrong = np.array([1.0, 240.0, -edge, np.nan]).astype(ml_dtypes.float8_e4m3fn)
    assert bounded.accepts(right)
    assert not bounded.accepts(wrong)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, ml_dtypes.int4])
def test_dequantized_values_are_rounded_once(bounds_of: Bounds, kind: type) -> None:
    x = np.arange(-8, 8).astype(np.int64) + (8 if kind is np.uint8 else 0)
    zero: Array = np.array(3, kind)
    scale = np.float32(0.1)
    got = (x.astype(np.float32) - np.float32(3)) * scale
    bounded = bounds_of("DequantizeLinear", [x.astype(kind), np.array(scale), zero])
    assert bounded.accepts(got)
    assert not bounded.accepts(np.nextafter(got, np.float32(100)))
    assert not bounded.accepts(x.astype(np.float32) * scale)


def test_what_jumped_moves_on_through_a_quantised_graph(bounds_of: Bounds) -> None:
    unsure = Pair(np.array([5, 9], np.uint8), np.array([1.0, 0.0]), "uint8")
    bounded = bounds_of("DequantizeLinear", [unsure, scale_of(0.5), np.array(1, np.uint8)])
    assert bounded.accepts(np.array([2.5, 4.0], np.float32))
    assert bounded.accepts(np.array([1.5, 4.0], np.float32))
    assert not bounded.accepts(np.array([2.0, 4.5], np.float32))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, width=st.sampled_from([1, 17, 200]))
def test_no_range_of_dynamic_quantization_is_accused(
    bounds_of: Bounds, seed: int, width: int
) -> None:
    random = np.random.default_rng(seed)
    x = (random.standard_normal(width) * 10.0 ** random.integers(-3, 4)).astype(np.float32)
    f = np.float32
    low, high = min(f(0), x.min()), max(f(0), x.max())
    scale = (high - low) / f(255)
    zero = np.rint(np.clip(f(0) - low / scale, 0, 255))
    y = np.clip(np.rint(x / scale) + zero, 0, 255)
    bounded = bounds_of("DynamicQuantizeLinear", [x], outputs=3)
    assert bounded.accepts(y.astype(np.uint8))
    assert bounded.accepts(np.array(scale, np.float32), 1)
    assert bounded.accepts(np.array(zero, np.uint8), 2)
    assert not bounded.accepts(np.array(scale * f(255) / f(254), np.float32), 1)


def test_zero_points_of_whole_number_products_are_rows_and_columns(bounds_of: Bounds) -> None:
    random = np.random.default_rng(3)
    a, b = random.integers(0, 256, (3, 5)), random.integers(-128, 128, (5, 4))
    rows, columns = np.array([1, 2, 250]), np.array([-7, 0, 7, 100])
    inputs = [
        a.astype(np.uint8),
        b.astype(np.int8),
        rows.astype(np.uint8),
        columns.astype(np.int8),
    ]
    expected = ((a - rows[:, None]) @ (b - columns)).astype(np.int32)
    bounded = bounds_of("MatMulInteger", inputs)
    assert bounded.accepts(expected)
    assert not bounded.accepts((a @ b).astype(np.int32))


def test_padding_of_a_whole_number_convolution_is_the_zero_point(bounds_of: Bounds) -> None:
    x = np.array([[[10, 12, 15]]], np.uint8)
    w = np.ones((1, 1, 3), np.int8)
    bounded = bounds_of("ConvInteger", [x, w, np.array(10, np.uint8)], pads=[1, 1])
    assert bounded.accepts(np.array([[[2, 7, 7]]], np.int32))
    assert not bounded.accepts(np.array([[[-8, 7, -3]]], np.int32))


def requantised(
    sums: Array, factors: tuple[float, float, float], zero: int, form: str
) -> Array:
    """Three ways devices multiply by a b / y."""
    a, b, y = (np.float32(factor) for factor in factors)
    if form == "fixed":
        factor = float(a) * float(b) / float(y)
        mantissa, exponent = np.frexp(factor)
        fixed = int(np.rint(mantissa * 2**31))
        value: Array = sums.astype(np.int64) * fixed / 2.0 ** (31 - int(exponent))
    elif form == "one factor":
        value = sums.astype(np.float32) * (a * b / y)
    else:
        value = sums.astype(np.float32) * a * b * (np.float32(1) / y)
    return np.asarray(np.clip(np.rint(value) + zero, 0, 255), np.uint8)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, form=st.sampled_from(["fixed", "one factor", "in turn"]))
def test_no_requantization_is_accused(bounds_of: Bounds, seed: int, form: str) -> None:
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 256, (4, 9)), random.integers(0, 256, (9, 6))
    scales = tuple(float(np.float32(v)) for v in random.uniform(0.01, 0.1, 3) * (1, 1, 30))
    inputs: list[Array] = []
    for values, scale, zero in ((a, scales[0], 100), (b, scales[1], 130)):
        inputs += [values.astype(np.uint8), scale_of(scale), np.array(zero, np.uint8)]
    inputs += [scale_of(scales[2]), np.array(120, np.uint8)]
    sums = (a - 100) @ (b - 130)
    bounded = bounds_of("QLinearMatMul", inputs)
    assert bounded.accepts(requantised(sums, (scales[0], scales[1], scales[2]), 120, form))
    assert bounded.pair.ambiguous <= 2


@pytest.mark.parametrize("per_filter", [False, True])
def test_a_quantised_convolution_has_bias_and_a_scale_a_filter(
    bounds_of: Bounds, per_filter: bool
) -> None:
    random = np.random.default_rng(5)
    x, w = random.integers(0, 256, (1, 2, 6)), random.integers(-128, 128, (3, 2, 1))
    bias = random.integers(-5000, 5000, 3)
    scales = np.array([0.02, 0.05, 0.03] if per_filter else [0.02], np.float32)
    inputs = [
        x.astype(np.uint8), scale_of(0.03), np.array(128, np.uint8), w.astype(np.int8),
        scales if per_filter else scales[0], np.zeros(3 if per_filter else (), np.int8),
        scale_of(0.5), np.array(100, np.uint8), bias.astype(np.int32),
    ]  # fmt: skip
    sums = np.einsum("oc,ncx->nox", w[:, :, 0], x - 128) + bias[None, :, None]
    factor = np.float32(0.03) * scales / np.float32(0.5)
    value = np.rint(sums * factor.astype(np.float64).reshape(1, -1, 1)) + 100
    bounded = bounds_of("QLinearConv", inputs)
    assert bounded.accepts(np.clip(value, 0, 255).astype(np.uint8))
    value = np.rint((sums - bias[None, :, None]) * factor.reshape(1, -1, 1)) + 100
    assert not bounded.accepts(np.clip(value, 0, 255).astype(np.uint8))
