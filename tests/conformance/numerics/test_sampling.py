"""Interpolation at coordinates that devices compute in float32, one way or another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st


class Bounded(Protocol):
    pair: Pair
    others: tuple[Pair, ...]

    def accepts(self, got: Array, output: int = 0) -> bool: ...


Bounds = Callable[..., Bounded]

SEEDS = st.integers(0, 2**32 - 1)
TRANSFORMS = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
F = np.float32


def numbers(seed: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def coordinates(length: int, size: int, transform: str, reciprocal: bool) -> Array:
    """Original coordinates in float32, dividing by the scale or multiplying by its inverse."""
    x = np.arange(size, dtype=np.float32)
    scale, inverse = F(size) / F(length), F(length) / F(size)
    if transform == "align_corners":
        if size == 1:
            return np.zeros(1, np.float32)
        ratio = F(length - 1) / F(size - 1)
        return x * ratio if reciprocal else x * F(length - 1) / F(size - 1)
    if transform == "asymmetric":
        return x * inverse if reciprocal else x / scale
    if transform == "pytorch_half_pixel" and size == 1:
        return np.zeros(1, np.float32)
    middle = x + F(0.5)
    return (middle * inverse if reciprocal else middle / scale) - F(0.5)


def picked(at: Array, mode: str, length: int) -> Array:
    table: dict[str, Array] = {
        "round_prefer_floor": np.ceil(at - F(0.5)),
        "round_prefer_ceil": np.floor(at + F(0.5)),
        "floor": np.floor(at),
        "ceil": np.ceil(at),
    }
    return np.clip(table[mode], 0, length - 1).astype(np.int64)


def cubic(distance: Array, a: np.float32) -> Array:
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.asarray(np.where(distance <= 1, near, np.where(distance < 2, far, 0)), np.float32)


def interpolated(x: Array, at: Array, mode: str) -> Array:
    """The last axis at coordinates, in float32."""
    floor = np.floor(at)
    fraction = at - floor
    total = np.zeros((*x.shape[:-1], len(at)), np.float32)
    for offset in (0, 1) if mode == "linear" else (-1, 0, 1, 2):
        distance = np.abs(fraction - F(offset))
        weight = F(1) - distance if mode == "linear" else cubic(distance, F(-0.75))
        index = np.clip(floor + offset, 0, x.shape[-1] - 1).astype(np.int64)
        total = total + weight * x[..., index]
    return total


@settings(max_examples=120, deadline=None)
@given(
    seed=SEEDS,
    length=st.integers(1, 24),
    size=st.integers(1, 40),
    transform=st.sampled_from(TRANSFORMS),
    mode=st.sampled_from(["linear", "cubic", *NEAREST]),
    reciprocal=st.booleans(),
)
def test_no_way_to_compute_a_coordinate_is_accused(
    bounds_of: Bounds,
    seed: int,
    length: int,
    size: int,
    transform: str,
    mode: str,
    reciprocal: bool,
) -> None:
    x, at = numbers(seed, (2, length)), coordinates(length, size, transform, reciprocal)
    attributes = {"coordinate_transformation_mode": transform, "axes": [1]}
    if mode in NEAREST:
        got = x[:, picked(at, mode, length)]
        attributes |= {"mode": "nearest", "nearest_mode": mode}
    else:
        got = interpolated(x, at, mode)
        attributes |= {"mode": mode}
    bounded = bounds_of("Resize", [x, None, None, np.array([size])], **attributes)
    assert bounded.accepts(got)


def test_nearest_modes_differ_where_the_scale_is_a_power_of_two(bounds_of: Bounds) -> None:
    x = np.arange(6, dtype=np.float32)[None]
    scales = np.array([1, 0.5], np.float32)
    answers: dict[str, Array] = {}
    for mode in NEAREST:
        answers[mode] = x[:, picked(coordinates(6, 3, "half_pixel", False), mode, 6)]
    for mode in NEAREST:
        bounded = bounds_of("Resize", [x, None, scales], mode="nearest", nearest_mode=mode)
        assert bounded.pair.ambiguous == 0
        right = {other for other, got in answers.items() if bounded.accepts(got)}
        assert right == {o for o in NEAREST if np.array_equal(answers[o], answers[mode])}


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_another_transformation_of_coordinates_is_seen(bounds_of: Bounds, mode: str) -> None:
    x = numbers(1, (2, 9))
    for wrong in ("asymmetric", "align_corners"):
        got = interpolated(x, coordinates(9, 17, wrong, False), mode)
        bounded = bounds_of("Resize", [x, None, None, np.array([2, 17])], mode=mode)
        assert not bounded.accepts(got)


def test_an_antialiased_reduction_averages_all_it_covers(bounds_of: Bounds) -> None:
    x = numbers(2, (1, 8))
    at = (np.arange(2) + 0.5) * 4 - 0.5
    weight = np.clip(1 - np.abs(np.arange(-8, 16) - at[:, None]) / 4, 0, None)
    weight /= weight.sum(1, keepdims=True)
    got = (weight * x[0, np.clip(np.arange(-8, 16), 0, 7)]).sum(1)[None].astype(np.float32)
    sizes = np.array([1, 2])
    smooth = bounds_of("Resize", [x, None, None, sizes], mode="linear", antialias=1)
    assert smooth.accepts(got)
    assert not bounds_of("Resize", [x, None, None, sizes], mode="linear").accepts(got)


def test_outside_a_cropped_region_is_the_extrapolation_value(bounds_of: Bounds) -> None:
    x, roi = np.arange(4, dtype=np.float32), np.array([-0.5, 1.5], np.float32)
    attributes = {
        "mode": "linear",
        "coordinate_transformation_mode": "tf_crop_and_resize",
        "extrapolation_value": 9.0,
    }
    bounded = bounds_of("Resize", [x, roi, None, np.array([5])], **attributes)
    assert bounded.accepts(np.array([9, 0, 1.5, 3, 9], np.float32))
    assert not bounded.accepts(np.array([9, 0.1, 1.5, 3, 9], np.float32))
    assert not bounded.accepts(np.array([0, 0, 1.5, 3, 9], np.float32))


def test_whole_numbers_may_be_rounded_either_way(bounds_of: Bounds) -> None:
    x = np.array([[0, 5]], np.uint8)
    bounded = bounds_of("Resize", [x, None, np.array([1, 2], np.float32)], mode="linear")
    assert bounded.accepts(np.array([[0, 1, 3, 5]], np.uint8))
    assert bounded.accepts(np.array([[0, 2, 4, 5]], np.uint8))
    assert not bounded.accepts(np.array([[0, 3, 4, 5]], np.uint8))


def test_the_first_upsample_has_its_scales_in_an_attribute(bounds_of: Bounds) -> None:
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    got = x.repeat(2, 2).repeat(2, 3)
    scales = [1.0, 1.0, 2.0, 2.0]
    assert bounds_of("Upsample", [x], opset=7, scales=scales).accepts(got)
    given_ = [x, np.array(scales, np.float32)]
    for op, opset in (("Upsample", 9), ("Resize", 10)):
        assert bounds_of(op, given_, opset=opset).accepts(got)
        assert not bounds_of(op, given_, opset=opset).accepts(got[..., ::-1])


def sampled(x: Array, grid: Array, mode: str, corners: bool) -> Array:
    """Grid samples of one channel with zeros outside, in float32."""
    lengths = x.shape[2:]
    at: list[Array] = []
    for axis, length in enumerate(lengths):
        n = grid[0, ..., -1 - axis]
        if corners:
            at.append((n + F(1)) * F(0.5) * F(length - 1))
        else:
            at.append(((n + F(1)) * F(length) - F(1)) * F(0.5))
    offsets = {"nearest": (0,), "linear": (0, 1), "cubic": (-1, 0, 1, 2)}[mode]
    floors = [np.rint(a) if mode == "nearest" else np.floor(a) for a in at]
    total = np.zeros(at[0].shape, np.float32)
    for i in offsets:
        for j in offsets:
            weight: Array = np.ones(at[0].shape, np.float32)
            inside = np.ones(at[0].shape, bool)
            index: list[Array] = []
            for a, floor, offset, length in zip(at, floors, (i, j), lengths, strict=True):
                distance = np.abs(a - floor - F(offset))
                if mode != "nearest":
                    part = F(1) - distance if mode == "linear" else cubic(distance, F(-0.75))
                    weight = weight * part
                inside &= (floor + offset >= 0) & (floor + offset < length)
                index.append(np.clip(floor + offset, 0, length - 1).astype(np.int64))
            total = total + np.where(inside, weight * x[0, 0, index[0], index[1]], F(0))
    return total[None, None]


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    mode=st.sampled_from(["nearest", "linear", "cubic"]),
    corners=st.booleans(),
    spread=st.sampled_from([0.5, 1.5]),
)
def test_no_grid_sample_in_float32_is_accused(
    bounds_of: Bounds, seed: int, mode: str, corners: bool, spread: float
) -> None:
    x, grid = numbers(seed, (1, 1, 7, 5)), numbers(seed + 1, (1, 6, 4, 2)) * F(spread)
    bounded = bounds_of("GridSample", [x, grid], mode=mode, align_corners=int(corners))
    assert bounded.accepts(sampled(x, grid, mode, corners))
    if mode != "nearest":
        assert not bounded.accepts(sampled(x, grid[..., ::-1], mode, corners))


def test_halfway_grid_points_go_to_the_even_element(bounds_of: Bounds) -> None:
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
    grid = np.array([[[[-0.5, 0.0], [0.0, 0.0], [0.5, 0.0]]]], np.float32)
    bounded = bounds_of("GridSample", [x, grid], mode="nearest")
    assert bounded.accepts(np.array([[[[0, 2, 2]]]], np.float32))
    assert not bounded.accepts(np.array([[[[1, 2, 3]]]], np.float32))


@pytest.mark.parametrize("padding", ["border", "reflection"])
def test_padding_brings_grid_points_back_inside(bounds_of: Bounds, padding: str) -> None:
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
    grid = np.array([[[[-1.5, 0.0], [1.25, 0.0]]]], np.float32)
    expected = {"border": [0.0, 3.0], "reflection": [0.5, 3.0]}[padding]
    got = np.array([[[expected]]], np.float32)
    assert bounds_of("GridSample", [x, grid], padding_mode=padding).accepts(got)
    assert not bounds_of("GridSample", [x, grid]).accepts(got)


def test_a_border_may_clamp_a_cubic_sample_or_its_elements_alone(bounds_of: Bounds) -> None:
    x = np.array([0, 1, 4, 9], np.float32).reshape(1, 1, 1, 4)
    grid = np.array([[[[1.125, 0.0]]]], np.float32)  # at 3.75, where the last element is 3
    bounded = bounds_of("GridSample", [x, grid], mode="cubic", padding_mode="border")
    weights = cubic(np.array([1.75, 0.75, 0.25, 1.25], F), F(-0.75))
    loose = (x[0, 0, 0, [2, 3, 3, 3]] * weights).sum()
    assert bounded.pair.ambiguous == 1
    assert bounded.accepts(np.array([[[[loose]]]], np.float32))
    assert bounded.accepts(np.array([[[[9.0]]]], np.float32))
    assert not bounded.accepts(np.array([[[[(9.0 + loose) / 2]]]], np.float32))


def test_overlapping_blocks_are_added_and_lone_ones_moved(bounds_of: Bounds) -> None:
    x = numbers(3, (1, 3, 4))
    got = np.zeros((1, 1, 6), np.float32)
    for k in range(3):
        for block in range(4):
            got[0, 0, block + k] += x[0, k, block]
    shapes = np.array([6]), np.array([3])
    bounded = bounds_of("Col2Im", [x, *shapes])
    assert bounded.accepts(got)
    assert bounded.pair.errors()[0, 0, 0] == 0
    assert not bounded.accepts(got * F(1.00001))


def test_affine_grids_follow_their_body(bounds_of: Bounds) -> None:
    theta = numbers(4, (2, 2, 3))
    size = np.array([2, 1, 3, 5])
    rows, columns = (2 * np.arange(3) + 1) / 3 - 1, (2 * np.arange(5) + 1) / 5 - 1
    base = np.stack([*np.meshgrid(columns, rows), np.ones((3, 5))], -1).astype(np.float32)
    got = np.einsum("nij,hwj->nhwi", theta, base).astype(np.float32)
    assert bounds_of("AffineGrid", [theta, size]).accepts(got)
    assert not bounds_of("AffineGrid", [theta, size], align_corners=1).accepts(got)
