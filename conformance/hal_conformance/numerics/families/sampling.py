"""GridSample, Col2Im and ImageDecoder; AffineGrid follows its function body.

A grid point is a coordinate in float32, or in float64 where the image is too: its own error and
three roundings. What is interpolated is continuous in it, so that moving each coordinate by its
error, either way, shows how far a result may move (twice that is allowed, for what is not
linear); a nearest neighbour jumps, and each within reach is accepted. Coordinates are reflected
or clamped, and then each element's index is again, as the reference evaluator does it. PyTorch,
which the text refers to, and ONNX Runtime clamp only the indices of a cubic sample: with a
border either is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from hal_conformance.numerics.algebra import one_of, working
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.contraction import by_reference, held, needed
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

SOURCE = "ONNX GridSample-22; coordinates: 3 roundings; Keys, doi 10.1109/TASSP.1981.1163711"
COEFFICIENT = {"linear": 2, "cubic": 16}
"""Roundings of one interpolation weight, in units of the coordinate's roundoff."""


@dataclass(frozen=True)
class Grid:
    """How samples are taken: lengths of the image, and the operator's attributes."""

    lengths: tuple[int, ...]
    mode: str
    padding: str
    corners: bool
    clamped: bool = True

    def place(self, points: Array, axis: int) -> Array:
        """Normalised coordinates of an axis, in elements of the image."""
        length = self.lengths[axis]
        if self.corners:
            return (points + 1) / 2 * (length - 1)
        return ((points + 1) * length - 1) / 2

    def border(self, axis: int) -> tuple[float, float]:
        """Where an axis of the image begins and ends."""
        length = self.lengths[axis]
        return (0.0, length - 1.0) if self.corners else (-0.5, length - 0.5)

    def brought_in(self, at: Array, axis: int) -> Array:
        """Coordinates outside the image, clamped or reflected."""
        low, high = self.border(axis)
        outside = (at < low) | (at > high)
        if self.padding == "border":
            if not self.clamped:
                return at
            return np.where(outside, np.clip(at, 0, self.lengths[axis] - 1), at)
        if self.padding == "reflection":
            return np.where(outside, _reflected(at, low, high), at)
        return at

    def element(self, index: Array, axis: int) -> tuple[Array, Array]:
        """Indices within the image for any, and whether there is an element at all."""
        length = self.lengths[axis]
        inside = np.ones(index.shape, bool)
        if self.padding == "zeros":
            inside = (index >= 0) & (index < length)
        elif self.padding == "reflection":
            low, high = self.border(axis)
            outside = (index < low) | (index > high)
            index = np.where(outside, np.trunc(_reflected(index, low, high)), index)
        return np.clip(np.nan_to_num(index), 0, length - 1).astype(np.int64), inside


def _reflected(at: Array, low: float, high: float) -> Array:
    """Mirrored at both borders until inside."""
    wide = high - low
    if wide <= 0:
        return np.full(at.shape, low)
    with np.errstate(invalid="ignore"):
        along = np.mod(at - low, 2 * wide)
    return low + np.where(along > wide, 2 * wide - along, along)


def _weights(mode: str, fraction: Array) -> Iterator[tuple[int, Array]]:
    """Offsets from the floor and the weights there."""
    if mode == "linear":
        yield from ((0, 1 - fraction), (1, fraction))
        return
    a = -0.75
    for offset in (-1, 0, 1, 2):
        distance = np.abs(offset - fraction)
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        yield offset, np.where(distance <= 1, near, far)


@dataclass(frozen=True)
class Sample:
    """Interpolated values, the sums of their terms' sizes, and what is carried from before."""

    value: Array
    size: Array
    error: Array


def sampled(x: Pair, grid: Grid, at: Sequence[Array], doubt: float) -> Sample:
    """Interpolate each image of a batch at coordinates (batch, ...), one array an axis.

    `doubt` is what each weight may be off by.
    """
    axes = range(len(at))
    moved = [grid.brought_in(points, axis) for axis, points in zip(axes, at, strict=True)]
    floors = [np.floor(points) for points in moved]
    options = [
        list(_weights(grid.mode, points - floor))
        for points, floor in zip(moved, floors, strict=True)
    ]
    shape = (*np.shape(x.value)[:2], *at[0].shape[1:])
    value, size, error = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for corner in product(*options):
        weight, reach = np.ones(at[0].shape), np.ones(at[0].shape)
        indices: list[Array] = []
        inside = np.ones(at[0].shape, bool)
        for axis, (offset, part) in zip(axes, corner, strict=True):
            index, there = grid.element(floors[axis] + offset, axis)
            indices.append(index)
            inside &= there
            weight, reach = weight * part, reach * (np.abs(part) + doubt)
        element, carried = _gathered(x, indices, inside)
        wide = reach[:, None]
        with np.errstate(all="ignore"):
            value += np.where(weight[:, None] == 0, 0.0, weight[:, None] * element)
            size += np.where(wide == 0, 0.0, wide * np.abs(element))
            error += wide * carried + np.where(
                wide > np.abs(weight[:, None]),
                (wide - np.abs(weight[:, None])) * np.abs(element),
                0,
            )
    return Sample(value, size, error)


def _gathered(x: Pair, indices: Sequence[Array], inside: Array) -> tuple[Array, Array]:
    """Elements (batch, channel, ...) at indices (batch, ...), zero where there is none."""
    shape = (-1, *[1] * (indices[0].ndim - 1))
    batch = np.reshape(np.arange(np.shape(x.value)[0], dtype=np.int64), shape)
    picked = [
        np.moveaxis(np.moveaxis(array, 1, -1)[(batch, *indices)], -1, 1)
        for array in (x.value, x.errors())
    ]
    wide = inside[:, None]
    return np.where(wide, picked[0], _nothing(picked[0])), np.where(wide, picked[1], 0.0)


@rule("GridSample", source=SOURCE, since=16)
def grid_sample(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Linear, cubic or nearest samples of the spatial axes at the points of a grid."""
    x, points = needed(inputs), needed(inputs, 1)
    mode = str(step.attributes["mode"]).removeprefix("bi")
    lengths = tuple(np.shape(x.value)[2:])
    corners = bool(step.attributes["align_corners"])
    grid = Grid(lengths, mode, step.attributes["padding_mode"], corners)
    wide = points.dtype == "float64" and x.dtype == "float64"
    unit = FORMATS["float64" if wide else "float32"].unit
    at: list[Array] = []
    errors: list[Array] = []
    kept = held(step, points) if points.is_float else points
    for axis, length in enumerate(lengths):
        normal, doubt = points.value[..., -1 - axis], kept.errors()[..., -1 - axis]
        place = grid.place(normal, axis)
        at.append(place)
        rounding = 3 * unit * ((np.abs(normal) + 1) * length + 1) / 2
        rounding = rounding + unit * np.abs(normal) * length / 2 * (points.dtype == "float64")
        errors.append(doubt * length / 2 + np.where(_short(normal, length), 0.0, rounding))
    if mode == "nearest":
        return [_nearest(x, grid, at, errors)]
    if not x.is_float:
        return by_reference(step, inputs)
    made = _smooth(step, x, grid, (at, errors), unit)
    if mode == "cubic" and grid.padding == "border":
        loose = replace(grid, clamped=False)
        made = one_of([made, _smooth(step, x, loose, (at, errors), unit)])
    return [made]


def _short(normal: Array, length: int) -> Array:
    """Whether a coordinate has so few bits that every form of its formula is exact."""
    short = (np.rint(normal * 1024) == normal * 1024) & (np.abs(normal) <= 8)
    return np.asarray(short & (length <= 1024))


def _smooth(
    step: Step, x: Pair, grid: Grid, where: tuple[list[Array], list[Array]], unit: float
) -> Pair:
    at, errors = where
    given = held(step, x)
    doubt = COEFFICIENT[grid.mode] * unit
    middle = sampled(given, grid, at, doubt)
    error = middle.error
    for axis, wrong in enumerate(errors):
        apart = np.zeros(middle.value.shape)
        for sign in (-1.0, 1.0):
            shifted = [*at[:axis], at[axis] + sign * wrong, *at[axis + 1 :]]
            moved = sampled(given, grid, shifted, 0.0)
            apart = np.maximum(apart, np.abs(moved.value - middle.value))
        error = error + 2 * apart
    terms = (2 if grid.mode == "linear" else 4) ** len(at)
    summing, kept = step.arithmetic.summing(x.dtype), step.stored(working(x.dtype))
    growth = (terms * summing.unit + len(at) * kept.unit) * middle.size
    error = np.where(np.isfinite(middle.value), error + growth, np.inf)
    return step.rounded(middle.value, error, x.dtype)


def _nearest(x: Pair, grid: Grid, at: list[Array], errors: list[Array]) -> Pair:
    """The nearest element, ties to even; each within reach where a coordinate straddles."""
    options: list[Pair] = []
    for signs in product((0.0, -1.0, 1.0), repeat=len(at)):
        indices: list[Array] = []
        inside = np.ones(at[0].shape, bool)
        for axis, (points, wrong, sign) in enumerate(zip(at, errors, signs, strict=True)):
            near = np.rint(points + sign * wrong)
            index, there = grid.element(grid.brought_in(near, axis), axis)
            indices.append(index)
            inside &= there
        value, error = _gathered(x, indices, inside)
        options.append(Pair(value, None if x.error is None else error, x.dtype))
    return one_of(options)


@rule("Col2Im", source="sums of overlapping blocks: (n - 1) u Σ|x|", since=18)
def col2im(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Elements of blocks added where they overlap; moved, where they do not."""
    x = needed(inputs)
    shapes = [needed(inputs, 1).value, needed(inputs, 2).value]

    def fold(array: Array) -> Array:
        return np.asarray(step.reference([array, *shapes])[0])

    count = fold(np.ones(np.shape(x.value)))
    if not x.is_float:
        if (count > 1).any():
            return by_reference(step, inputs)
        numbered = fold(np.arange(1.0, x.value.size + 1).reshape(np.shape(x.value)))
        return [x.moved(_taking(numbered.astype(np.int64)))]
    given = held(step, x)
    value, error = fold(x.value), fold(given.errors())
    unit = step.arithmetic.summing(x.dtype).unit
    with np.errstate(invalid="ignore"):
        growth = np.maximum(count - 1, 0) * unit * fold(np.abs(given.value) + given.errors())
        added = step.rounded(value, error + np.nan_to_num(growth, nan=0.0, posinf=0.0), x.dtype)
    alone = (count <= 1) & np.isfinite(value)
    return [replace(added, error=np.where(alone, error, added.errors()))]


def _nothing(array: Array) -> Array:
    """Zero, false or no text."""
    return np.asarray("" if array.dtype == object else array.dtype.type(), array.dtype)


def _taking(numbered: Array) -> Callable[[Array], Array]:
    """Elements by their number from 1 on; zero, false or no text where that is 0."""
    return lambda array: np.where(
        numbered > 0,
        array.ravel()[numbered - 1],
        _nothing(array),
    )


@rule(
    "ImageDecoder",
    source="lossless formats are exact; JPEG's IDCT is free within 2 levels",
    since=20,
)
def image_decoder(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Pixels. JPEG fixes its inverse transform only to within a level (ISO/IEC 10918-2), before
    the conversion of colours: 4 levels are allowed. Lossy WebP and JPEG 2000 are left unknown.
    """
    data = needed(inputs).value.tobytes()
    image = Pair.exact(np.asarray(step.reference([needed(inputs).value])[0]))
    if data[:2] == b"\xff\xd8":
        return [replace(image, error=np.full(np.shape(image.value), 4.0))]
    lossy = (data[8:12] == b"WEBP" and b"VP8L" not in data[:32]) or b"jP  " in data[:16]
    return [image.unknown() if lossy else image]
