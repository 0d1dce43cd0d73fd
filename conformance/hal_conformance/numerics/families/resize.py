"""Resize and Upsample: separable interpolation at coordinates that devices compute in float32.

A coordinate is known to a few ULP of the terms it is made of, and exactly where the scale is a
power of two. Linear and cubic weights are Lipschitz in it, so that its error becomes an
error of the weights; nearest neighbours jump, and where the coordinate straddles the jump each
neighbour within reach is accepted. Values outside the tensor are those of its edge.

The text is followed where the reference evaluator differs: `align_corners` divides by the
length of the result less one, which is a whole number, and `pytorch_half_pixel` maps a single
element to 0. With whole numbers linear and cubic results may be rounded up or down, as the
operator does not say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from hal_conformance.numerics.algebra import one_of, working
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import held, needed
from hal_conformance.numerics.families.quantised import jumped, span
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

UNIT = 2.0**-24
"""Coordinates are float32 on every device seen, whatever the tensor's type."""

COORDINATE = 5
"""Roundings of a coordinate: the scale, a reciprocal, a product, a quotient, a sum."""

NEAREST: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda at: np.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""Which element a coordinate is nearest to."""

SOURCE = (
    "ONNX Resize-19; coordinates: 5 float32 roundings; Keys, doi 10.1109/TASSP.1981.1163711"
)


@dataclass(frozen=True)
class Axis:
    """One resized axis: lengths, the scale, and the region of interest."""

    number: int
    length: int
    size: int
    scale: float
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Places:
    """Where results lie in the original tensor, and how well a device knows it."""

    at: Array
    error: Array


@dataclass(frozen=True)
class Taps:
    """For each result the elements it is made of, their weights and the weights' errors.

    `inside` marks those that the interpolation itself names; the others are one step further,
    where an error of the coordinate may reach.
    """

    index: Array
    weight: Array
    error: Array
    inside: Array


def places(axis: Axis, mode: str) -> Places:
    """The original coordinates of an axis' results."""
    x, length, size = np.arange(axis.size, dtype=np.float64), axis.length, axis.size
    exact = _dyadic(axis.scale)
    with np.errstate(all="ignore"):
        if mode == "align_corners":
            ratio = (length - 1) / (size - 1) if size > 1 else 0.0
            at, reach, exact = x * ratio, x * ratio, float(np.float32(ratio)) == ratio
        elif mode == "asymmetric":
            at, reach = x / axis.scale, x / axis.scale
        elif mode == "tf_crop_and_resize":
            at, reach = _cropped(axis, x)
            exact = False
        else:
            middle = (x + 0.5) / axis.scale
            at, reach = middle - 0.5, middle + 0.5
            if mode == "pytorch_half_pixel" and size == 1:
                at, reach = np.zeros(1), np.zeros(1)
            if mode == "half_pixel_symmetric":
                offset = length / 2 * (1 - size / (axis.scale * length))
                at, reach = at + offset, reach + length / 2 + abs(offset)
                exact = exact and offset == 0
    return Places(at, np.zeros(size) if exact else COORDINATE * UNIT * np.abs(reach))


def _cropped(axis: Axis, x: Array) -> tuple[Array, Array]:
    last, wide = axis.length - 1, axis.end - axis.start
    if axis.size > 1:
        along = x * wide * last / (axis.size - 1)
        return axis.start * last + along, np.abs(axis.start * last) + np.abs(along)
    middle = np.full(axis.size, 0.5 * (axis.start + axis.end) * last)
    return middle, np.full(axis.size, 0.5 * (abs(axis.start) + abs(axis.end)) * last)


def _dyadic(scale: float) -> bool:
    return bool(np.frexp(scale)[0] == 0.5)


def nearest(where: Places, mode: str, length: int) -> tuple[Array, Array, Array]:
    """The nearest element by a mode, and the first and last within reach."""
    ends = (where.at, where.at - where.error, where.at + where.error)
    rounded = (NEAREST[mode](end) for end in ends)
    middle, low, high = (np.clip(t, 0, length - 1).astype(np.int64) for t in rounded)
    return middle, low, high


def taps(axis: Axis, where: Places, step: Step) -> Taps:
    """Linear or cubic weights, stretched where they smooth a reduction."""
    attributes = step.attributes
    cubic, a = attributes["mode"] == "cubic", float(attributes.get("cubic_coeff_a", -0.75))
    smooth = bool(attributes.get("antialias", 0))
    stretch = min(axis.scale, 1.0) if smooth else 1.0
    first = int(np.floor(-(2 if cubic else 1) / stretch)) + 1
    floor = np.floor(where.at)
    offsets = np.arange(first - 1, 3 - first)
    index = floor[:, None] + offsets
    distance = np.abs(index - where.at[:, None]) * stretch
    weight = _cubic(distance, a) if cubic else np.clip(1 - distance, 0, None)
    slope = max((a + 3) ** 2 / (3 * abs(a + 2) + 1e-30), abs(a), 1.0) if cubic else 1.0
    error = np.broadcast_to(slope * stretch * where.error[:, None], weight.shape)
    if cubic or smooth:
        error = error + (16 if cubic else 4) * UNIT * (np.abs(weight) > 0)
    elif where.error.any():
        error = error + UNIT * np.abs(weight)
    if attributes.get("exclude_outside", 0) or smooth:
        outside = (index < 0) | (index >= axis.length)
        if attributes.get("exclude_outside", 0):
            weight, error = np.where(outside, 0.0, weight), np.where(outside, 0.0, error)
        weight, error = _normalised(weight, error)
    clamped = np.clip(index, 0, axis.length - 1).astype(np.int64)
    inside = np.broadcast_to((offsets >= first) & (offsets <= 1 - first), weight.shape)
    return Taps(clamped, weight, np.asarray(error), inside)


def _cubic(distance: Array, a: float) -> Array:
    """The kernel of Keys, with the parameter a."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def _normalised(weight: Array, error: Array) -> tuple[Array, Array]:
    """Weights over their sum; unknown where the sum may vanish."""
    whole = weight.sum(axis=1, keepdims=True)
    doubt = error.sum(axis=1, keepdims=True) + weight.shape[1] * UNIT * np.abs(weight).sum(
        axis=1, keepdims=True
    )
    with np.errstate(all="ignore"):
        scaled = np.where(whole == 0, weight, weight / whole)
        spread = (error + np.abs(scaled) * doubt) / (np.abs(whole) - doubt) + UNIT * np.abs(
            scaled
        )
        spread = np.where(np.abs(whole) <= doubt, np.inf, spread)
        spread = np.where((whole == 0) & (doubt == 0), 0.0, spread)
    return scaled, np.asarray(spread)


def interpolated(step: Step, x: Pair, axis: Axis, found: Taps) -> Pair:
    """Weighted sums along one axis."""
    lead = np.moveaxis(x.value, axis.number, -1)
    value = lead[..., found.index]
    error = np.moveaxis(x.errors(), axis.number, -1)[..., found.index]
    unit = step.arithmetic.summing(x.dtype).unit + step.stored(x.dtype).unit
    with np.errstate(all="ignore"):
        finite = np.isfinite(value)
        products = np.where(found.weight == 0, 0.0, found.weight * value)
        size = np.abs(value) + error
        moved = np.where(found.weight == 0, 0.0, np.abs(found.weight) * error)
        moved = moved + np.where(found.error == 0, 0.0, found.error * size)
        moved = np.where(~finite & (found.weight == 0) & found.inside, np.inf, moved)
        terms = np.count_nonzero(np.abs(found.weight) + found.error, axis=1) - 1
        growth = np.maximum(terms, 0) * unit * np.abs(products).sum(axis=-1)
        kept = step.stored(x.dtype)
        floor = kept.tiny if step.arithmetic.flushes(x.dtype) else kept.smallest / 2
        weighed = np.count_nonzero(products, axis=-1)  # each of these products may underflow
        growth = growth + np.where(terms > 0, floor * weighed, 0.0)
        total = products.sum(axis=-1)
        wrong = np.nan_to_num(moved.sum(axis=-1) + growth, nan=np.inf, posinf=np.inf)
        certain = ~np.isfinite(total) & ~np.isinf(moved).any(axis=-1)
    made = Pair(total, np.where(certain, 0.0, wrong), x.dtype)
    return made.moved(lambda array: np.moveaxis(array, -1, axis.number))


def chosen(x: Pair, axes: Sequence[Axis], picks: Sequence[tuple[Array, Array, Array]]) -> Pair:
    """Nearest neighbours along all axes; where a coordinate straddles, either one."""
    middle = _picked(x, axes, [pick[0] for pick in picks])
    unsure = [bool((low != high).any()) for _, low, high in picks]
    if not any(unsure):
        return middle
    ways = [
        (low, high) if doubt else (at,)
        for (at, low, high), doubt in zip(picks, unsure, strict=True)
    ]
    options = [_picked(x, axes, way) for way in product(*ways)]
    return one_of([middle, *options])


def _picked(x: Pair, axes: Sequence[Axis], indices: Sequence[Array]) -> Pair:
    def move(array: Array) -> Array:
        for axis, index in zip(axes, indices, strict=True):
            array = np.take(array, index, axis=axis.number)
        return array

    return x.moved(move)


def resized(step: Step, x: Pair, axes: Sequence[Axis], transform: str) -> Pair:
    """The result along all axes that change."""
    where = [places(axis, transform) for axis in axes]
    if step.attributes["mode"] == "nearest":
        mode = str(step.attributes.get("nearest_mode", "floor"))
        picks = [nearest(at, mode, axis.length) for at, axis in zip(where, axes, strict=True)]
        result = chosen(x, axes, picks)
    else:
        inner = "float64" if not x.is_float else working(x.dtype)
        given = Pair(np.asarray(x.value, np.float64), x.error, inner)
        made = held(step, given) if x.is_float else given
        for axis, at in zip(axes, where, strict=True):
            made = interpolated(step, made, axis, taps(axis, at, step))
        result = _finished(step, made, x)
    if transform == "tf_crop_and_resize":
        result = _extrapolated(step, result, axes, where)
    return result


def _finished(step: Step, made: Pair, x: Pair) -> Pair:
    """Rounded to the tensor's type; unrounded where every result is one element of it."""
    if not x.is_float:
        low, high = span(x.dtype)
        ends = np.floor(made.value - made.errors()), np.ceil(made.value + made.errors())
        clipped = [np.clip(end, low, high) for end in (*ends, np.trunc(made.value))]
        return jumped(clipped[0], clipped[1], clipped[2], x.dtype)
    if made.error is not None and not made.error.any() and x.error is None:
        return Pair(made.value, None, x.dtype)
    return step.rounded(made.value, made.errors(), x.dtype)


def _extrapolated(
    step: Step, result: Pair, axes: Sequence[Axis], where: Sequence[Places]
) -> Pair:
    """The extrapolation value where a coordinate lies outside; either where it may."""
    value, error = result.value.astype(np.float64), result.errors()
    outside = float(step.attributes.get("extrapolation_value", 0.0))
    unsure, beyond = np.zeros(value.shape, bool), np.zeros(value.shape, bool)
    for axis, at in zip(axes, where, strict=True):
        shape = [-1 if k == axis.number else 1 for k in range(value.ndim)]
        last = axis.length - 1
        beyond |= ((at.at < 0) | (at.at > last)).reshape(shape)
        maybe = (np.abs(at.at) <= at.error) | (np.abs(at.at - last) <= at.error)
        unsure |= (maybe & (at.error > 0)).reshape(shape)

    def taken(there: Array) -> Pair:
        numbers = np.where(there, outside, value)
        kind = numbers if result.is_float else numbers.astype(result.value.dtype)
        return replace(result, value=kind, error=np.where(there, 0.0, error), accepts=None)

    return one_of([taken(beyond), taken(beyond ^ unsure)])


@rule("Resize", source=SOURCE, since=11)
def resize(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """By scales or by sizes, over all axes or those named."""
    x = needed(inputs)
    transform = str(step.attributes["coordinate_transformation_mode"])
    axes = _axes(step, x, inputs)
    return [resized(step, x, axes, transform)]


def _axes(step: Step, x: Pair, inputs: Sequence[Quantity]) -> list[Axis]:
    """The axes that change, with their lengths before and after."""
    shape, rank = np.shape(x.value), np.ndim(x.value)
    named = [int(axis) % rank for axis in step.attributes.get("axes", range(rank))]
    roi, scales, sizes = (_numbers(inputs, index) for index in (1, 2, 3))
    if scales is not None:
        factors = [float(scale) for scale in scales]
        made = [int(shape[axis] * scale) for axis, scale in zip(named, factors, strict=True)]
    elif sizes is not None:
        made = [int(size) for size in sizes]
        factors = [size / max(1, shape[axis]) for axis, size in zip(named, made, strict=True)]
        policy = step.attributes.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            scale = min(factors) if policy == "not_larger" else max(factors)
            made = [int(np.floor(scale * shape[axis] + 0.5)) for axis in named]
            factors = [scale] * len(named)
    else:
        raise ValueError("Resize needs scales or sizes")
    regions = roi if roi is not None else np.repeat((0.0, 1.0), len(named))
    every = [
        Axis(axis, shape[axis], size, factor, float(regions[k]), float(regions[k + len(named)]))
        for k, (axis, size, factor) in enumerate(zip(named, made, factors, strict=True))
    ]
    cropping = step.attributes["coordinate_transformation_mode"] == "tf_crop_and_resize"
    still = [
        a for a in every if (a.scale, a.start, a.end) != (1.0, 0.0, 1.0) or a.size != a.length
    ]
    return still if cropping else [a for a in still if a.scale != 1.0 or a.size != a.length]


def _numbers(inputs: Sequence[Quantity], index: int) -> Array | None:
    value = inputs[index] if index < len(inputs) else None
    return value.value if isinstance(value, Pair) and np.size(value.value) else None


@rule("Resize", source=SOURCE, since=10)
def resize_10(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The first Resize is Upsample with any scales."""
    return [_upsampled(step, inputs)]


@rule("Upsample", source=SOURCE, since=7)
def upsample(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Nearest by the floor, or linear, at x / scale."""
    return [_upsampled(step, inputs)]


def _upsampled(step: Step, inputs: Sequence[Quantity]) -> Pair:
    x = needed(inputs)
    scales = _numbers(inputs, 1)
    factors = step.attributes["scales"] if scales is None else scales
    shape = np.shape(x.value)
    axes = [
        Axis(axis, shape[axis], int(np.floor(shape[axis] * float(scale))), float(scale))
        for axis, scale in enumerate(factors)
        if scale != 1
    ]
    return resized(step, x, axes, "asymmetric")
