"""Conv, ConvTranspose and DeformConv: sums of products over windows.

Under `convolution: transformed` a Winograd or FFT algorithm is declared. Its rounding errors
are proportional to the largest input of the tile it works on, not to each term's own: |A| in
the accumulation's error is replaced by its maximum over the tiles of 16 that can hold the
window, and the count of roundings grows by the largest row sum of |A^T| (|G| . |B^T|) of
F(6, 3) an axis (Lavin and Gray, Fast algorithms for convolutional neural networks, 2016, as
cuDNN and oneDNN use it; Barabasz and others, Error analysis and improving the accuracy of
Winograd convolution, ACM Trans. Math. Softw. 46(4), 2020): 39.6 in one dimension, 1565 in two.
A whole-image FFT is not covered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import (
    JEANNEROD_RUMP,
    biased,
    held,
    needed,
    plus,
    product,
    started,
    stored,
)
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.windows import Index, Windows, windows_of

AMPLIFICATION = 356 / 9
"""The growth of F(6, 3) an axis: the largest of |A^T| |G| |B^T| summed, 39.56."""

TILE = 16
"""The largest tile that Winograd and tiled FFT convolutions work on."""


@rule("Conv", source=JEANNEROD_RUMP)
def conv(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """C / group times the kernel's size products an element; padding adds exact zeros."""
    x, w = needed(inputs), needed(inputs, 1)
    kernel = np.shape(w.value)[2:]
    windows = windows_of(step.attributes, np.shape(x.value)[2:], kernel)
    group = step.attributes.get("group", 1)
    terms = int(np.prod(np.shape(w.value)[1:]))

    pads = list(zip(windows.begins, windows.ends, strict=True))
    size = tuple(n + sum(pad) for n, pad in zip(windows.size, pads, strict=True))
    none = (0,) * len(pads)
    padded = replace(windows, size=size, begins=none, ends=none)

    def convolve(image: Array, weights: Array) -> Array:
        inside = windows if image.shape[2:] == windows.size else padded
        return correlate(image, weights, inside, group)

    return [_biased(step, _summed(step, x, w, convolve, terms, pads), inputs, terms)]


@rule("ConvTranspose", source=JEANNEROD_RUMP)
def conv_transpose(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The scatter of the kernel scaled by each input; where windows overlap they are summed."""
    x, w = needed(inputs), needed(inputs, 1)
    group = step.attributes.get("group", 1)
    windows = _transposed(step.attributes, np.shape(x.value)[2:], np.shape(w.value)[2:])

    def spread(image: Array, weights: Array) -> Array:
        return scatter(image, weights, windows, group)

    ones = np.ones((1, 1, *windows.output)), np.ones((1, 1, *windows.kernel))
    terms = scatter(*ones, windows, 1) * (np.shape(x.value)[1] // group)
    return [_biased(step, _summed(step, x, w, spread, terms), inputs, terms)]


@rule("DeformConv", source=JEANNEROD_RUMP + "; TorchVision's definition of deform_conv2d")
@np.errstate(all="ignore")
def deform_conv(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Conv over samples between pixels, whose error the coordinates' own rounding dominates."""
    x, w, offset = needed(inputs), needed(inputs, 1), needed(inputs, 2)
    kernel = np.shape(w.value)[2:]
    windows = windows_of(step.attributes, np.shape(x.value)[2:], kernel)
    samples = sample(step, x, _places(step, windows, offset))
    mask = inputs[4] if len(inputs) > 4 else None
    if isinstance(mask, Pair):
        samples = _masked(step, samples, mask, windows)
    group = step.attributes.get("group", 1)
    terms = int(np.prod(np.shape(w.value)[1:]))

    def convolve(columns: Array, weights: Array) -> Array:
        return _columns(columns, weights, group, windows.output)

    return [_biased(step, product(step, samples, w, convolve, terms), inputs, terms)]


def correlate(image: Array, weights: Array, windows: Windows, group: int) -> Array:
    """A grouped convolution of (N, C, spatial) with (M, C / group, kernel)."""
    slid = windows.slide(image, 0.0)
    rank = len(windows.kernel)
    kernel_first = np.moveaxis(slid, range(-rank, 0), range(2, 2 + rank))
    count, channels = np.shape(image)[:2]
    size = int(np.prod(windows.kernel))
    columns = kernel_first.reshape(count, channels, size, int(np.prod(windows.output)))
    return _columns(columns, weights, group, windows.output)


def _columns(columns: Array, weights: Array, group: int, output: tuple[int, ...]) -> Array:
    """Weights times windows laid out as (N, C, kernel positions, output positions)."""
    count, _, _, places = np.shape(columns)
    made = np.shape(weights)[0]
    rows = int(np.prod(np.shape(weights)[1:]))
    left = weights.reshape(group, made // max(group, 1), rows)
    right = columns.reshape(count, group, rows, places)
    return np.asarray(np.matmul(left, right)).reshape(count, made, *output)


def scatter(image: Array, weights: Array, windows: Windows, group: int) -> Array:
    """The transpose of `correlate`: (N, C, spatial) with weights (C, M / group, kernel)."""
    count, channels = np.shape(image)[:2]
    made = np.shape(weights)[1]
    wide = made * int(np.prod(windows.kernel))
    left = np.moveaxis(weights.reshape(group, channels // group, wide), 1, 2)
    right = image.reshape(count, group, channels // group, int(np.prod(windows.output)))
    parts = np.matmul(left, right)
    parts = parts.reshape(count, group * made, *windows.kernel, *windows.output)
    full = [
        (n - 1) * s + span if n else span
        for n, s, span in zip(windows.output, windows.strides, windows.spans, strict=True)
    ]
    length = [
        max(f, begin + size)
        for f, begin, size in zip(full, windows.begins, windows.size, strict=True)
    ]
    result = np.zeros((count, group * made, *length))
    for position in windows.positions():
        steps = zip(position, windows.dilations, windows.output, windows.strides, strict=True)
        place: Index = (
            ...,
            *[slice(p * d, p * d + (n - 1) * s + 1 if n else 0, s) for p, d, n, s in steps],
        )
        part: Index = (slice(None), slice(None), *position)
        result[place] += parts[part]
    crop: Index = (
        ...,
        *[slice(b, b + n) for b, n in zip(windows.begins, windows.size, strict=True)],
    )
    return np.asarray(result[crop])


def _transposed(attributes: Any, output: tuple[int, ...], kernel: tuple[int, ...]) -> Windows:
    """The windows of the convolution that a ConvTranspose transposes; its `size` is the result.

    With `output_shape` or SAME the pads follow from the shape (ConvTranspose-22); a shape
    larger than the scatter reaches is filled with zeros at its end.
    """
    rank = len(kernel)
    strides = tuple(attributes.get("strides") or [1] * rank)
    dilations = tuple(attributes.get("dilations") or [1] * rank)
    extra = list(attributes.get("output_padding") or [0] * rank)
    pads = list(attributes.get("pads") or [0] * 2 * rank)
    mode = attributes.get("auto_pad", "NOTSET")
    full = [
        (n - 1) * s + e + (k - 1) * d + 1
        for n, s, e, k, d in zip(output, strides, extra, kernel, dilations, strict=True)
    ]
    wanted = list(attributes.get("output_shape") or [])[-rank:]
    if not wanted and mode.startswith("SAME"):
        wanted = [n * s for n, s in zip(output, strides, strict=True)]
    if wanted:
        missing = [max(0, f - w) for f, w in zip(full, wanted, strict=True)]
        upper = mode == "SAME_UPPER"
        begins = [m // 2 if upper else m - m // 2 for m in missing]
    else:
        pads = [0] * 2 * rank if mode == "VALID" else pads
        begins = pads[:rank]
        wanted = [f - b - e for f, b, e in zip(full, begins, pads[rank:], strict=True)]
    return Windows(
        tuple(wanted), tuple(kernel), strides, dilations, tuple(begins), (0,) * rank, output
    )


def _summed(
    step: Step,
    x: Pair,
    w: Pair,
    convolve: Callable[[Array, Array], Array],
    terms: Array | float,
    pads: Sequence[tuple[int, int]] = (),
) -> Pair:
    """`pads` are those among which a tile of a transform may lie, window and all."""
    if step.arithmetic.convolution == "direct":
        return product(step, x, w, convolve, terms)
    rank = np.ndim(x.value) - 2
    reach = np.where(np.isfinite(x.value), np.abs(x.value) + x.errors(), 0.0)
    if pads:
        reach = np.pad(reach, [(0, 0), (0, 0), *pads])
    reach *= 1 + step.arithmetic.operand(x.dtype).unit
    for axis in range(2, 2 + rank):
        reach = _highest(reach, axis)
    sums = product(step, x, w, convolve, np.asarray(terms + AMPLIFICATION**rank), spread=reach)
    return replace(sums, error=np.where(_wild(step, x, w, rank), np.inf, sums.errors()))


def _wild(step: Step, x: Pair, w: Pair, rank: int) -> Array:
    """Which images a transform may fill with NaN: it adds what is infinite or overflows."""
    largest = step.stored(x.dtype).largest / AMPLIFICATION**rank
    with np.errstate(invalid="ignore"):
        tame_x, tame_w = np.abs(x.value) < largest, np.abs(w.value) < largest
    images = tame_x.all(axis=tuple(range(1, rank + 2))) & tame_w.all()
    return np.asarray(~images.reshape(-1, *[1] * (rank + 1)))


def _highest(array: Array, axis: int) -> Array:
    """The maximum over the tiles that can hold each element, along an axis."""
    pads = [(0, 0)] * array.ndim
    pads[axis] = (TILE - 1, TILE - 1)
    padded = np.pad(array, pads)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * TILE - 1, axis=axis)
    return np.asarray(windows.max(axis=-1))


def _biased(step: Step, summed: Pair, inputs: Sequence[Quantity], terms: Array | float) -> Pair:
    """With the bias, before which a device may store the sum, or from which it may start."""
    bias = inputs[_BIAS.get(step.op, 2)] if len(inputs) > _BIAS.get(step.op, 2) else None
    if not isinstance(bias, Pair):
        return started(step, stored(step, summed), terms)
    shape = (-1, *[1] * (np.ndim(summed.value) - 2))
    shaped = held(step, bias).moved(lambda array: array.reshape(shape))
    return started(step, biased(step, summed, shaped, terms), terms)


_BIAS = {"DeformConv": 3}


def _places(step: Step, windows: Windows, offset: Pair) -> Pair:
    """Where each sample is taken: (N, offset groups, axes, kernel positions, output positions).

    The coordinates are sums rounded to the type of the offsets.
    """
    rank = len(windows.kernel)
    size = int(np.prod(windows.kernel))
    count = np.shape(offset.value)[0]
    groups = np.shape(offset.value)[1] // (size * rank)
    moved = offset.moved(
        lambda array: np.moveaxis(
            array.reshape(count, groups, size, rank, *windows.output), 3, 2
        )
    )
    base = np.stack(
        [_base(windows, axis).reshape(size, *windows.output) for axis in range(rank)]
    )
    shape = (count, groups, rank, size, int(np.prod(windows.output)))
    made = plus(step, moved, Pair.exact(base, offset.dtype))
    return made.moved(lambda array: array.reshape(shape))


def _base(windows: Windows, axis: int) -> Array:
    """The undisturbed coordinates along an axis, (kernel, output)."""
    rank = len(windows.kernel)
    at_kernel = np.arange(windows.kernel[axis]) * windows.dilations[axis]
    at_output = np.arange(windows.output[axis]) * windows.strides[axis] - windows.begins[axis]
    inner = [1] * 2 * rank
    inner[axis] = -1
    outer = [1] * 2 * rank
    outer[rank + axis] = -1
    total = at_kernel.reshape(inner) + at_output.reshape(outer)
    return np.broadcast_to(total, (*windows.kernel, *windows.output)).astype(np.float64)


def sample(step: Step, x: Pair, places: Pair) -> Pair:
    """Multilinear samples of (N, C, spatial), zero outside: (N, C, kernel, output positions).

    A coordinate that is d wrong moves a sample by at most d times the difference of
    neighbouring pixels, here twice the largest of the pixels about. 2^axes products a sample,
    each of axes + 1 factors, every factor a rounded difference.
    """
    count, channels = np.shape(x.value)[:2]
    size = np.shape(x.value)[2:]
    rank = len(size)
    groups = np.shape(places.value)[1]
    unit = max(step.arithmetic.summing(x.dtype).unit, step.stored(x.dtype).unit)
    arrays = np.stack([x.value, np.abs(x.value) + x.errors(), x.errors()])
    arrays = arrays.reshape(3, count, groups, channels // groups, *size)
    low = np.floor(places.value)
    part = places.value - low
    result = np.zeros((3, count, groups, channels // groups, *np.shape(places.value)[3:]))
    peak = np.zeros(result.shape[1:])
    for corner in np.ndindex(*[4] * rank):
        shift = np.asarray(corner).reshape(rank, 1, 1) - 1
        pixels = _pixels(arrays, (low + shift).astype(np.int64))
        peak = np.maximum(peak, pixels[1])
        if all(c in (1, 2) for c in corner):
            weights = np.where(shift == 0, 1 - part, part).prod(axis=2)
            result += weights[None, :, :, None] * pixels
    doubt = places.errors().sum(axis=2)[:, :, None]
    moved = np.where(doubt < 1, 2 * doubt * peak, np.inf)
    error = result[2] + moved + (2**rank + 3 * rank + 1) * unit * result[1]
    shape = (count, channels, *np.shape(places.value)[3:])
    return replace(x, value=result[0].reshape(shape), error=error.reshape(shape))


def _pixels(arrays: Array, at: Array) -> Array:
    """The pixels at whole coordinates (N, groups, axes, ...), zero outside."""
    size = arrays.shape[4:]
    count, groups = at.shape[:2]
    axes = [at[:, :, axis] for axis in range(len(size))]
    inside = np.ones(axes[0].shape, bool)
    for axis, limit in zip(axes, size, strict=True):
        inside &= (axis >= 0) & (axis < limit)
    held_in = [
        np.clip(axis, 0, max(0, limit - 1)) for axis, limit in zip(axes, size, strict=True)
    ]
    n, g, *_ = np.indices((count, groups, 1, 1), sparse=True)
    picked = np.stack([np.moveaxis(array, 2, -1)[(n, g, *held_in)] for array in arrays])
    return np.asarray(np.moveaxis(np.where(inside[None, ..., None], picked, 0.0), -1, 3))


def _masked(step: Step, samples: Pair, mask: Pair, windows: Windows) -> Pair:
    """Samples times the mask of their offset group."""
    count, channels = np.shape(samples.value)[:2]
    size = int(np.prod(windows.kernel))
    groups = np.shape(mask.value)[1] // size
    shape = (count, groups, size, int(np.prod(windows.output)))
    folded = mask.moved(lambda array: array.reshape(shape))
    whole = folded.moved(lambda array: np.repeat(array, channels // groups, axis=1))
    value = samples.value * whole.value
    error = samples.errors() * (np.abs(whole.value) + whole.errors())
    error = error + np.abs(samples.value) * whole.errors()
    return step.rounded(value, error, samples.dtype)
