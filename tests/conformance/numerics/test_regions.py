"""Pools over regions, against plain loops in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)
ONE = np.float32


def numbers(seed: int, *shape: int) -> Array:
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=shape), np.float32)


def regions(seed: int, count: int) -> Array:
    """x1, y1, x2, y2, some of them off the image or empty."""
    random = np.random.default_rng(seed)
    first = random.uniform(-3, 9, (count, 2))
    return np.concatenate([first, first + random.uniform(0, 9, (count, 2))], 1).astype("f4")


def pixels(at: Any, limit: int) -> tuple[int, int, Any] | None:
    """The pixels that a coordinate lies between, by the operator's test."""
    if at < -1 or at > limit:
        return None
    at = max(at, ONE(0))
    low = int(at)
    if low >= limit - 1:
        return limit - 1, limit - 1, ONE(0)
    return low, low + 1, at - ONE(low)


def align(
    x: Array, roi: Array, size: tuple[int, int], grid: int, mode: str, half: bool
) -> Array:
    """One region of one image (C, H, W), every operation in float32."""
    shift = ONE(0.5) if half else ONE(0)
    ends = roi - shift
    extent = [ends[2 + k] - ends[k] for k in (0, 1)]
    extent = extent if half else [max(e, ONE(1)) for e in extent]
    result = np.zeros((len(x), *size), np.float32)
    for row, column in np.ndindex(*size):
        taken = list[Array]()
        for i, j in np.ndindex(grid, grid):
            at = [
                ends[axis]
                + ONE(place) * (extent[axis] / ONE(size[1 - axis]))
                + (ONE(k) + ONE(0.5)) * (extent[axis] / ONE(size[1 - axis])) / ONE(grid)
                for axis, place, k in ((1, row, i), (0, column, j))
            ]
            taken.append(sample(x, at, mode))
        stack = np.stack(taken)
        result[:, row, column] = stack.max(0) if mode == "max" else stack.mean(0, dtype=ONE)
    return result


def sample(x: Array, at: list[Any], mode: str) -> Array:
    rows, columns = (pixels(a, n) for a, n in zip(at, x.shape[1:], strict=True))
    if rows is None or columns is None:
        return np.zeros(len(x), np.float32)
    parts = np.stack(
        [
            x[:, rows[i], columns[j]]
            * (
                (rows[2] if i else ONE(1) - rows[2])
                * (columns[2] if j else ONE(1) - columns[2])
            )
            for i, j in np.ndindex(2, 2)
        ]
    )
    return np.asarray(parts.max(0) if mode == "max" else parts.sum(0, dtype=ONE))


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    grid=st.integers(1, 3),
    mode=st.sampled_from(["avg", "max"]),
    half=st.booleans(),
)
def test_aligned_regions_stay_within_the_bound(
    bounds_of: Callable[..., Any], seed: int, grid: int, mode: str, half: bool
) -> None:
    x, rois = numbers(seed, 2, 3, 9, 8), regions(seed, 4)
    made = bounds_of(
        "RoiAlign",
        [x, rois, np.array([0, 1, 1, 0])],
        opset=16,
        mode=mode,
        sampling_ratio=grid,
        output_height=3,
        output_width=2,
        coordinate_transformation_mode="half_pixel" if half else "output_half_pixel",
    )
    images = zip((0, 1, 1, 0), rois, strict=True)
    got = np.stack([align(x[image], roi, (3, 2), grid, mode, half) for image, roi in images])
    within = np.abs(got - made.pair.value) <= made.pair.errors()
    assert within.all()
    if mode == "avg":
        assert np.median(made.pair.errors()) < 1e-3
        return
    moved = got + np.float32(0.01)
    if made.pair.accepts is None:  # the readings agree, which they may with one sample a bin
        assert grid == 1
        assert not (np.abs(moved - made.pair.value) <= made.pair.errors()).all()
        return
    assert made.pair.accepts(got).all()
    assert not made.pair.accepts(moved).all()


def test_a_sloping_image_is_sampled_where_the_regions_lie(
    bounds_of: Callable[..., Any],
) -> None:
    x = np.broadcast_to(np.arange(16, dtype=np.float32), (1, 1, 16, 16))
    rois = np.array([[2, 2, 10, 6]], np.float32)
    made = bounds_of(
        "RoiAlign", [x, rois, np.array([0])], opset=16, output_height=1, output_width=4
    )
    assert made.accepts(np.array([[[[2.5, 4.5, 6.5, 8.5]]]], np.float32))
    assert not made.accepts(np.array([[[[3, 5, 7, 9]]]], np.float32))


def test_version_10_does_not_shift_by_half_a_pixel(bounds_of: Callable[..., Any]) -> None:
    x = np.broadcast_to(np.arange(16, dtype=np.float32), (1, 1, 16, 16))
    rois = np.array([[2, 2, 10, 6]], np.float32)
    made = bounds_of(
        "RoiAlign", [x, rois, np.array([0])], opset=10, output_height=1, output_width=4
    )
    assert made.accepts(np.array([[[[3, 5, 7, 9]]]], np.float32))


@pytest.mark.parametrize(("extent", "known"), [(8.0, True), (8.3, True), (9.0 - 3e-7, False)])
def test_a_count_of_samples_that_rounding_decides_is_unknown(
    bounds_of: Callable[..., Any], extent: float, known: bool
) -> None:
    start = 1 / 3
    rois = np.array([[start, start, start + extent, start + extent]], np.float32)
    made = bounds_of(
        "RoiAlign",
        [numbers(1, 1, 1, 12, 12), rois, np.array([0])],
        opset=16,
        output_height=3,
        output_width=3,
    ).pair
    assert np.isfinite(made.errors()).all() == known


def test_largest_pixels_of_regions(bounds_of: Callable[..., Any]) -> None:
    x = numbers(2, 1, 2, 8, 8)
    rois = np.array([[0, 1, 0, 6, 3]], np.float32)
    made = bounds_of("MaxRoiPool", [x, rois], opset=21, pooled_shape=[2, 3])
    for row, column in np.ndindex(2, 3):
        part = x[0, :, 2 * row : 2 * row + 2, 1 + 2 * column : 3 + 2 * column]
        assert np.array_equal(made.pair.value[0, :, row, column], part.max(axis=(1, 2)))
    assert made.pair.is_exact


def test_bins_that_rounding_decides_may_hold_one_pixel_more(
    bounds_of: Callable[..., Any],
) -> None:
    x = np.arange(49, dtype=np.float32).reshape(1, 1, 7, 7)
    rois = np.array([[0, 0, 0, 6, 6]], np.float32)
    made = bounds_of("MaxRoiPool", [x, rois], opset=21, pooled_shape=[1, 7]).pair
    assert made.is_exact
    wide = np.arange(210, dtype=np.float32).reshape(1, 1, 1, 210)
    rois = np.array([[0, 0, 0, 209, 0]], np.float32)
    many = bounds_of("MaxRoiPool", [wide, rois], opset=21, pooled_shape=[1, 9]).pair
    assert many.errors().ravel()[2] == 1
    assert many.value.ravel()[2] == 69


def test_a_coordinate_near_a_half_may_round_either_way(bounds_of: Callable[..., Any]) -> None:
    x = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8)
    sure, unsure = (
        bounds_of(
            "MaxRoiPool",
            [x, np.array([[0, 0, 0, end, 0]], np.float32)],
            opset=21,
            pooled_shape=[1, 1],
        ).pair
        for end in (4.25, 4.5)
    )
    assert sure.value.item() == 4
    assert sure.is_exact
    assert unsure.errors().item() == 1


def test_errors_of_pixels_pass_on(bounds_of: Callable[..., Any]) -> None:
    x = Pair(np.arange(8.0).reshape(1, 1, 1, 8), np.full((1, 1, 1, 8), 0.25), "float32")
    rois = np.array([[0, 0, 0, 7, 0]], np.float32)
    made = bounds_of("MaxRoiPool", [x, rois], opset=21, pooled_shape=[1, 2]).pair
    assert made.errors().ravel().tolist() == [0.25, 0.25]
