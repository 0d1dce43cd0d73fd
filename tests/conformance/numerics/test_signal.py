"""Transforms, windows and the mel matrix, against mpmath and devices in float32."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics import families
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.reference import run_node
from hal_conformance.numerics.rules import Step, find
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

mpmath: Any = import_module("mpmath")  # it has no types
SEEDS = st.integers(0, 2**32 - 1)
LENGTHS = (1, 2, 7, 8, 12, 17, 30, 64, 101)


def numbers(seed: int, *shape: int) -> Array:
    """Numbers of several sizes."""
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=shape) * np.exp2(random.uniform(-6, 6, shape)), "f4")


def parts(values: Array) -> Array:
    return np.stack([np.real(values), np.imag(values)], axis=-1).astype(np.float32)


def complexes(x: Array) -> Array:
    return np.asarray(x[..., 0] + 1j * x[..., 1], np.complex64)


def matrix(length: int, sign: int) -> Array:
    """The transform's matrix, its elements rounded to float32."""
    k = np.arange(length)
    return np.asarray(np.exp(sign * 2j * np.pi * (np.outer(k, k) % length) / length), "c8")


def by_matrix(x: Array, sign: int) -> Array:
    """Products and sums in float32, one after the other."""
    factors = matrix(x.shape[-1], sign)
    total = np.zeros(x.shape, np.complex64)
    for k in range(x.shape[-1]):
        total = total + x[..., k, None] * factors[k]
    return total


def by_chirps(x: Array, sign: int) -> Array:
    """Bluestein's algorithm on float32 transforms."""
    length = x.shape[-1]
    size = 1 << (2 * length - 1).bit_length()
    k = np.arange(length, dtype=np.int64)
    chirp = np.exp(sign * 1j * np.pi * (k * k % (2 * length)) / length).astype("c8")
    filters = np.zeros(size, "c8")
    filters[:length] = chirp.conj()
    filters[size - length + 1 :] = chirp.conj()[1:][::-1]
    product = np.fft.fft(x * chirp, size) * np.fft.fft(filters)
    return np.asarray((np.fft.ifft(product)[..., :length] * chirp), "c8")


@settings(max_examples=80, deadline=None)
@given(
    seed=SEEDS,
    length=st.sampled_from(LENGTHS),
    inverse=st.booleans(),
    way=st.sampled_from(["fast", "matrix", "chirps"]),
)
def test_a_correct_transform_stays_within_the_bound(
    bounds_of: Callable[..., Any], seed: int, length: int, inverse: bool, way: str
) -> None:
    x = numbers(seed, 2, length, 2)
    made = bounds_of("DFT", [x], opset=20, inverse=int(inverse))
    sign = 1 if inverse else -1
    z = complexes(x)
    if way == "fast":
        got: Array = np.fft.ifft(z) if inverse else np.fft.fft(z)
    elif way == "matrix" or max(factors(length), default=1) <= 13:
        got = by_matrix(z, sign) * np.float32(1 / length if inverse else 1)
    else:
        got = by_chirps(z, sign) * np.float32(1 / length if inverse else 1)
    assert got.dtype == np.complex64
    assert made.accepts(parts(got))
    assert not made.accepts(parts(got * np.float32(1.01)))


def factors(number: int) -> list[int]:
    return [
        p
        for p in range(2, number + 1)
        if number % p == 0 and not [q for q in range(2, p) if p % q == 0]
    ]


@pytest.mark.parametrize("length", [5, 8, 12])
def test_values_are_exact_far_below_the_bound(
    bounds_of: Callable[..., Any], length: int
) -> None:
    x = numbers(1, 1, length, 1)
    made = bounds_of("DFT", [x], opset=20).pair
    for k in range(length):
        terms = [
            mpmath.mpf(float(x[0, n, 0])) * mpmath.expjpi(-mpmath.mpf(2 * k * n) / length)
            for n in range(length)
        ]
        right = mpmath.fsum(terms)
        for part, value in enumerate((right.real, right.imag)):
            assert abs(value - made.value[0, k, part]) < made.errors()[0, k, part] / 64


def test_one_side_of_a_real_transform_and_back(bounds_of: Callable[..., Any]) -> None:
    x = numbers(2, 3, 10, 1)
    there = bounds_of("DFT", [x], opset=20, onesided=1)
    assert there.accepts(parts(np.fft.rfft(x[..., 0])))
    assert there.pair.value.shape == (3, 6, 2)
    half = there.pair.value.astype(np.float32)
    back = bounds_of("DFT", [half], opset=20, onesided=1, inverse=1)
    assert np.allclose(back.pair.value, x, rtol=1e-4, atol=1e-4)
    assert back.accepts(np.fft.irfft(complexes(half))[..., None])


def test_the_axis_is_an_attribute_or_an_input_by_version(
    bounds_of: Callable[..., Any],
) -> None:
    x = numbers(3, 4, 6, 2)
    for got, right in (
        (bounds_of("DFT", [x], opset=19), 1),
        (bounds_of("DFT", [x], opset=19, axis=0), 0),
        (bounds_of("DFT", [x], opset=20), 1),
        (bounds_of("DFT", [x, None, np.array(0)], opset=20), 0),
    ):
        assert got.accepts(parts(np.fft.fft(complexes(x), axis=right)))


@pytest.mark.parametrize("length", [4, 9])
def test_a_signal_is_cut_or_filled_to_the_length(
    bounds_of: Callable[..., Any], length: int
) -> None:
    x = numbers(4, 1, 6, 2)
    made = bounds_of("DFT", [x, np.array(length)], opset=20)
    assert made.accepts(parts(np.fft.fft(complexes(x), length)))


def test_errors_of_the_input_pass_on() -> None:
    x = numbers(5, 1, 8, 2).astype(float)
    plain = transform(Pair(x, None, "float32"))
    moved = transform(Pair(x, np.full(x.shape, 0.5), "float32"))
    reached = np.abs(np.fft.fft(x[..., 0] * 0 + 0.5 + 0.5j)).max()
    assert (moved.errors() - plain.errors() >= reached).all()
    assert (moved.errors() - plain.errors() <= reached * 1.001).all()


def transform(x: Pair) -> Pair:
    def reference(values: Any) -> list[Any]:
        raise AssertionError(values)

    families.load()
    entry = find("DFT", 20)
    assert entry is not None
    (made,) = entry.rule(Step("DFT", "", 20, {}, arithmetic("fp32"), ("y",), reference), [x])
    assert isinstance(made, Pair)
    return made


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, onesided=st.booleans(), windowed=st.booleans())
def test_short_time_transforms_stay_within_the_bound(
    bounds_of: Callable[..., Any], seed: int, onesided: bool, windowed: bool
) -> None:
    x, window = numbers(seed, 2, 40, 1), np.hanning(12).astype(np.float32)
    given_ = [x, np.array(5), window if windowed else None, np.array(12)]
    made = bounds_of("STFT", given_, opset=17, onesided=int(onesided))
    frames = np.stack([x[:, k * 5 : k * 5 + 12, 0] for k in range(6)], axis=1)
    frames = frames * window if windowed else frames
    got = by_matrix(frames.astype(np.complex64), -1)
    got = got[..., :7] if onesided else got
    assert made.accepts(parts(got))
    assert not made.accepts(parts(np.roll(got, 1, axis=1)))


COSINES = {
    "HannWindow": ("0.5", "0.5", "0"),
    "HammingWindow": ("25/46", "21/46", "0"),
    "BlackmanWindow": ("0.42", "0.5", "0.08"),
}


@pytest.mark.parametrize("op", COSINES)
@pytest.mark.parametrize("periodic", [0, 1])
def test_windows_are_exact_far_below_the_bound(
    bounds_of: Callable[..., Any], op: str, periodic: int
) -> None:
    made = bounds_of(op, [np.array(37)], opset=17, periodic=periodic)
    first, second, third = (mpmath.mpf(mpmath.mpmathify(text)) for text in COSINES[op])
    length = 37 if periodic else 36
    for n in range(37):
        angle = mpmath.mpf(2 * n) / length
        right = first - second * mpmath.cospi(angle) + third * mpmath.cospi(2 * angle)
        assert abs(right - made.pair.value[n]) < made.pair.errors()[n] / 64


@pytest.mark.parametrize("op", COSINES)
def test_the_body_of_a_window_in_float32_stays_within_the_bound(
    bounds_of: Callable[..., Any], op: str
) -> None:
    made = bounds_of(op, [np.array(1001)], opset=17)
    one = np.float32
    first, second, third = (one(eval_ratio(text)) for text in COSINES[op])
    angle = np.arange(1001, dtype=one) * (one(6.2831855) / one(1001))
    got = first - second * np.cos(angle) + third * np.cos(angle * one(2))
    assert made.accepts(got)
    assert not made.accepts(np.roll(got, 1))


def eval_ratio(text: str) -> float:
    top, _, bottom = text.partition("/")
    return float(top) / float(bottom or 1)


def test_a_window_of_whole_numbers_is_cut_off(bounds_of: Callable[..., Any]) -> None:
    made = bounds_of("HannWindow", [np.array(4)], opset=17, output_datatype=6)
    assert made.accepts(np.array([0, 0, 1, 0], np.int32))
    assert made.accepts(np.array([0, 0, 0, 0], np.int32))
    assert not made.accepts(np.array([0, 1, 1, 0], np.int32))


def test_a_window_of_one_that_is_not_periodic_is_unknown(
    bounds_of: Callable[..., Any],
) -> None:
    made = bounds_of("HannWindow", [np.array(1)], opset=17, periodic=0).pair
    assert np.isinf(made.errors()).all()


def mel(low: float, high: float, bands: int = 8) -> list[Array]:
    edges = [np.array(v, np.float32) for v in (low, high)]
    return [np.array(bands), np.array(64), np.array(8000), *edges]


def test_the_mel_matrix_is_the_references(bounds_of: Callable[..., Any]) -> None:
    given_ = mel(0.0, 3990.0)
    made = bounds_of("MelWeightMatrix", given_, opset=17)
    node = helper.make_node("MelWeightMatrix", list("abcde"), ["y"])
    right = run_node(node, 17, given_)[0]
    assert made.accepts(right)
    assert not made.accepts(np.roll(right, 1, axis=0))
    assert made.pair.value.shape == (33, 8)


def test_an_edge_that_may_round_either_way_may(bounds_of: Callable[..., Any]) -> None:
    low = 8000 / 65 * 4
    near = [bounds_of("MelWeightMatrix", mel(low + d, 3990.0), opset=17) for d in (-1e-4, 1e-4)]
    values = [made.pair.value for made in near]
    assert (values[0] != values[1]).any()
    for made, other in zip(near, reversed(values), strict=True):
        assert made.accepts(other.astype(np.float32))
