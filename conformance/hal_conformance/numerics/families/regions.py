"""Pools over regions of interest: RoiAlign and MaxRoiPool.

Where a coordinate's rounding decides (the edge of the image, the pixel that a bin ends with),
every outcome a device may reach lies within the error; where it decides how many samples there
are, nothing is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.algebra import one_of
from hal_conformance.numerics.arithmetic import Array, Format
from hal_conformance.numerics.families.contraction import growth, held, needed
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

Range: TypeAlias = "tuple[int, int]"

COORDINATE = 8.0
"""Roundings of a sample's coordinate: scale, offset, extent, bin, two products, two sums."""

NEAR = 2
"""How far from a sample a pixel may lie that a slightly other coordinate would use."""


@dataclass(frozen=True)
class Samples:
    """Where an axis is sampled, `count` times a bin: two pixels, and the upper one's weight.

    `inside` is 0 for samples off the image, which count as zeros; `doubt` is how far a device's
    coordinate may lie from these, and 1 more where it may fall off the image.
    """

    count: int
    low: Array
    high: Array
    part: Array
    inside: Array
    doubt: Array


@rule("RoiAlign", source="ONNX RoiAlign-16 and its test; IEEE 754 for coordinates and sums")
@np.errstate(all="ignore")
def roi_align(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The mean of bilinear samples, or the largest.

    The document takes the largest sample; its test, and ONNX Runtime, the largest of the pixels
    times their weights (microsoft/onnxruntime#6146): either is right.
    """
    mode = str(step.attributes.get("mode", "avg"))
    if mode == "max":
        return [one_of([_regions(step, inputs, way) for way in ("pixels", "samples")])]
    return [_regions(step, inputs, "mean")]


@np.errstate(all="ignore")
def _regions(step: Step, inputs: Sequence[Quantity], way: str) -> Pair:
    x, rois, batch = held(step, needed(inputs)), needed(inputs, 1), needed(inputs, 2)
    size = tuple(int(step.attributes.get(f"output_{name}", 1)) for name in ("height", "width"))
    limits = np.shape(x.value)[2:]
    values = np.zeros((len(rois.value), np.shape(x.value)[1], *size))
    errors = np.full_like(values, np.inf)
    nearby = _nearby(np.abs(x.value) + x.errors())
    for index in range(len(rois.value)):
        roi, doubt = rois.value[index], rois.errors()[index]
        rows, columns = (
            _samples(step, roi[k::2], doubt[k::2], (limits[1 - k], size[1 - k]), rois.dtype)
            for k in (1, 0)
        )
        if rows is not None and columns is not None and batch.is_exact:
            image = int(batch.value.ravel()[index])
            stack = np.stack([x.value[image], x.errors()[image]])
            places = rows, columns
            pooled = _aligned(step, x.dtype, (stack, nearby[image]), places, size, way)
            values[index], errors[index] = pooled
    return step.rounded(values, errors, x.dtype)


@rule("MaxRoiPool", source="Girshick, Fast R-CNN, 2015: ROIPooling of its Caffe")
@np.errstate(all="ignore")
def max_roi_pool(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The largest pixel of each bin between whole coordinates; an empty bin is 0."""
    x, rois = held(step, needed(inputs)), needed(inputs, 1)
    size = [int(n) for n in step.attributes["pooled_shape"]]
    scale = float(step.attributes.get("spatial_scale", 1.0))
    limits = np.shape(x.value)[2:]
    values = np.zeros((len(rois.value), np.shape(x.value)[1], *size))
    errors = np.zeros_like(values)
    kept = step.stored(rois.dtype)
    for index, (roi, doubt) in enumerate(zip(rois.value, rois.errors(), strict=True)):
        image = int(roi[0])
        tall, wide = (
            _bins(roi[k::2] * scale, doubt[k::2] * scale, (limits[2 - k], size[2 - k]), kept)
            for k in (2, 1)
        )
        for row, column in itertools.product(range(size[0]), range(size[1])):
            options = [
                _largest(x.value[image], x.errors()[image], rows, columns)
                for rows, columns in itertools.product(tall[row], wide[column])
            ]
            middle = options[0][1]
            values[index, :, row, column] = middle
            ends = [np.abs(end - middle) for low, _, high in options for end in (low, high)]
            errors[index, :, row, column] = _apart(
                np.max(ends, axis=0), [m for _, m, _ in options]
            )
    if not errors.any():
        return [Pair(values, None, x.dtype)]
    return [Pair(values, errors, x.dtype)]


def _apart(errors: Array, options: Sequence[Array]) -> Array:
    """How far options lie apart; open where they differ in infinity, or one is no number.

    Whether NaN is the largest of a bin is not said.
    """
    same = np.all([m == options[0] for m in options], axis=0)
    return np.where(np.isnan(errors), np.where(same, 0.0, np.inf), errors)


def _samples(
    step: Step, ends: Array, doubts: Array, sizes: tuple[int, int], dtype: str
) -> Samples | None:
    """The samples along an axis; None where their number is not certain."""
    limit, bins = sizes
    kept = step.stored(dtype)
    scale = float(step.attributes.get("spatial_scale", 1.0))
    mode = step.attributes.get("coordinate_transformation_mode", "output_half_pixel")
    start, end = ends * scale - (0.5 if mode == "half_pixel" else 0.0)
    extent = end - start if mode == "half_pixel" else max(end - start, 1.0)
    exact = all(_fits(kept, v) for v in (*(ends * scale), start, end, extent, extent / bins))
    slack = float(doubts.sum()) * scale
    slack += 0.0 if exact else COORDINATE * kept.unit * (abs(start) + abs(end) + 1)
    count = int(step.attributes.get("sampling_ratio", 0))
    if count <= 0:
        count, least, most = (int(np.ceil((extent + k * slack) / bins)) for k in (0, -1, 1))
        if least != most:
            return None
    count = max(count, 0)
    inner = (np.arange(bins)[:, None] + (np.arange(count) + 0.5) / max(count, 1)).ravel()
    at = start + inner * extent / bins
    doubt = slack + COORDINATE * kept.unit * (abs(start) + np.abs(at) + abs(extent))
    edge = (np.abs(at + 1) <= doubt) | (np.abs(at - limit) <= doubt)
    at, inside = np.maximum(at, 0.0), ((at >= -1) & (at <= limit)) * 1.0
    low = np.minimum(at.astype(np.int64), limit - 1)
    part = np.where(low >= limit - 1, 0.0, at - low)
    return Samples(count, low, np.minimum(low + 1, limit - 1), part, inside, doubt + edge)


def _aligned(
    step: Step,
    dtype: str,
    image: tuple[Array, Array],
    places: tuple[Samples, Samples],
    size: tuple[int, ...],
    way: str,
) -> tuple[Array, Array]:
    """Value and error of one region; the image comes with its errors (2, C, H, W)."""
    (stack, nearby), (rows, columns) = image, places
    unit = max(step.arithmetic.summing(dtype).unit, step.stored(dtype).unit)
    channels = np.shape(stack)[1]
    shape = (channels, size[0], rows.count, size[1], columns.count)
    if not rows.count * columns.count:
        return np.zeros((channels, *size)), np.zeros((channels, *size))
    parts = list[Array]()
    for y, wy in ((rows.low, 1 - rows.part), (rows.high, rows.part)):
        for x, wx in ((columns.low, 1 - columns.part), (columns.high, columns.part)):
            weight = (wy * rows.inside)[:, None] * (wx * columns.inside)
            parts.append(stack[:, :, y[:, None], x] * weight)
    doubt = rows.doubt[:, None] + columns.doubt + rows.doubt[:, None] * columns.doubt
    moved = (2 * doubt + 8 * unit) * nearby[:, rows.low[:, None], columns.low]
    corners = np.stack(parts)
    if way == "pixels":
        value = corners[:, 0].max(axis=0).reshape(shape).max(axis=(2, 4))
        error = (corners[:, 1].max(axis=0) + moved).reshape(shape).max(axis=(2, 4))
        return value, error
    count = rows.count * columns.count
    if way == "samples":
        sums, moves = corners[:, 0].sum(axis=0), corners[:, 1].sum(axis=0) + moved
        return sums.reshape(shape).max(axis=(2, 4)), moves.reshape(shape).max(axis=(2, 4))
    value = corners[:, 0].sum(axis=0).reshape(shape).sum(axis=(2, 4)) / count
    reach = (np.abs(corners[:, 0]) + corners[:, 1]).sum(axis=0).reshape(shape)
    error = (corners[:, 1].sum(axis=0) + moved).reshape(shape).sum(axis=(2, 4)) / count
    rounding = growth(4 * count + 2, step.arithmetic.summing(dtype).unit)
    return value, error + rounding * reach.sum(axis=(2, 4)) / count


def _nearby(reach: Array) -> Array:
    """The largest pixel around each one."""
    width = 2 * NEAR + 1
    padded = np.pad(reach, [(0, 0), (0, 0), (NEAR, NEAR), (NEAR, NEAR)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (width, width), axis=(2, 3))
    return np.asarray(windows.max(axis=(-2, -1)))


def _bins(
    ends: Array, doubts: Array, sizes: tuple[int, int], kept: Format
) -> list[list[Range]]:
    """For every bin of an axis the ranges of pixels it may be, the exact one first."""
    limit, bins = sizes
    found: list[list[Range]] = [[] for _ in range(bins)]
    starts, stops = (_whole(v, d, kept) for v, d in zip(ends, doubts, strict=True))
    for start, stop in itertools.product(starts, stops):
        length = max(stop - start + 1, 1)
        exact = _fits(kept, length / bins)
        for index in range(bins):
            low, high = (index * length) // bins, -(-(index + 1) * length // bins)
            lows, highs = [low], [high]
            if not exact:
                lows += [low - 1] if index and index * length % bins == 0 else []
                highs += [high + 1] if (index + 1) * length % bins == 0 else []
            found[index] += [
                (min(max(a + start, 0), limit), min(max(b + start, 0), limit))
                for a, b in itertools.product(lows, highs)
            ]
    return found


def _whole(value: float, doubt: float, kept: Format) -> list[int]:
    """A coordinate rounded, halves away from zero; near a half, the other way too."""
    slack = doubt + kept.unit * abs(value)
    nearest = int(np.copysign(np.floor(abs(value) + 0.5), value))
    others = {int(np.ceil(value - 0.5 - slack)), int(np.floor(value + 0.5 + slack))}
    return [nearest, *sorted(others - {nearest})]


def _largest(
    image: Array, error: Array, rows: Range, columns: Range
) -> tuple[Array, Array, Array]:
    """The largest pixel of a range, and how low and how high it may be; 0 of none."""
    within = (slice(None), slice(*rows), slice(*columns))
    if rows[1] <= rows[0] or columns[1] <= columns[0]:
        nothing = np.zeros(len(image))
        return nothing, nothing, nothing
    pixels, slack = image[within], error[within]
    low, middle, high = (np.asarray((pixels + k * slack).max(axis=(1, 2))) for k in (-1, 0, 1))
    return low, middle, high


def _fits(kept: Format, value: float) -> bool:
    """Whether a number is one of the format."""
    steps = float(value) / float(kept.ulp(np.asarray(value)))
    return steps == int(steps)
