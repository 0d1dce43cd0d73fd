"""Pools over windows and over everything: averages, maxima, norms, and MaxUnpool.

A window that `ceil_mode` adds reaches past the end, where PyTorch's definition, which the
standard refers to, counts nothing. Which of equal maxima an index names the standard leaves
open: each is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hal_conformance.numerics.algebra import one_of
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import (
    JEANNEROD_RUMP,
    by_reference,
    growth,
    held,
    needed,
    stored,
)
from hal_conformance.numerics.families.reduction import extreme, mean
from hal_conformance.numerics.functions import ulps
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import number_or_nan, undefined
from hal_conformance.numerics.windows import Windows, windows_of


@rule("AveragePool", source=JEANNEROD_RUMP)
def average_pool(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """A sum over each window and a division, or a product with the rounded 1 / n."""
    x = needed(inputs)
    windows = _windows(step, x)
    count = windows.counts(pads=bool(step.attributes.get("count_include_pad")))
    summing, kept = step.arithmetic.summing(x.dtype), held(step, x)

    def fold(array: Array) -> Array:
        return np.asarray(windows.slide(array, 0.0).sum(axis=windows.axes))

    with np.errstate(all="ignore"):
        total = fold(x.value)
        reach = fold(np.abs(x.value) + kept.errors())
        error = (fold(kept.errors()) + growth(count + 1, summing.unit) * reach) / count
        error = np.where(reach == 0, 0.0, error)
        error = np.where(reach > summing.largest, np.inf, error)
        error = np.where(np.isfinite(total), error, fold(x.errors()))
        value = total / count
    return [stored(step, Pair(value, error, x.dtype))]


@rule("GlobalAveragePool", source=JEANNEROD_RUMP)
def global_average_pool(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The mean over all spatial axes."""
    x = needed(inputs)
    return [stored(step, mean(step, x, tuple(range(2, np.ndim(x.value))), keepdims=True))]


@rule("MaxPool", source="selection: 1-Lipschitz; every element that may be largest is an index")
def max_pool(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The largest of each window, pads aside, and where it is."""
    x = needed(inputs)
    windows = _windows(step, x)
    x = held(step, x) if x.is_float else x
    real = Pair(x.value.astype(np.float64), x.error, x.dtype)
    largest = extreme(real, lambda array: _maximum(windows.slide(array, -np.inf), windows))
    doubtful = windows.slide(np.isnan(real.value), fill=False).any(axis=windows.axes)
    made = largest
    if not x.is_float:
        made = replace(largest, value=largest.value.astype(x.value.dtype))
    made = undefined(made, np.asarray(doubtful), _nan)
    if len(step.outputs) < 2 or step.outputs[1] is None:
        return [made]
    return [made, _indices(step, real, windows)]


@rule("GlobalMaxPool", source="selection: 1-Lipschitz")
def global_max_pool(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The largest over all spatial axes."""
    x = held(step, needed(inputs))
    axes = tuple(range(2, np.ndim(x.value)))
    made = extreme(x, lambda array: np.asarray(array.max(axis=axes, keepdims=True)))
    known = np.fmax.reduce(x.value, axis=axes, keepdims=True)
    return [number_or_nan(made, np.isnan(made.value), [known])]


@rule("LpPool", source=JEANNEROD_RUMP + "; pow and sqrt: OpenCL C 3.0 table 38")
def lp_pool(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The p-norm of each window; pads are zeros.

    A window that `ceil_mode` adds reaches past the end. The document sums what is there; the
    reference, as PyTorch, averages it and multiplies by the kernel's size: either is right.
    """
    x = needed(inputs)
    windows = _windows(step, x)
    terms = int(np.prod(windows.kernel))

    def fold(array: Array) -> Array:
        return np.asarray(windows.slide(array, 0.0).sum(axis=windows.axes))

    made = _norm(step, x, fold, terms)
    share = (terms / windows.counts(pads=True)) ** (1 / float(step.attributes.get("p", 2)))
    if (share == 1).all():
        return [made]
    averaged = step.rounded(made.value * share, made.errors() * share, x.dtype, 2.0)
    return [one_of([made, averaged])]


@rule("GlobalLpPool", source=JEANNEROD_RUMP + "; pow and sqrt: OpenCL C 3.0 table 38")
def global_lp_pool(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The p-norm over all spatial axes."""
    x = needed(inputs)
    axes = tuple(range(2, np.ndim(x.value)))
    terms = int(np.prod(np.shape(x.value)[2:]))
    return [
        _norm(step, x, lambda array: np.asarray(array.sum(axis=axes, keepdims=True)), terms)
    ]


@rule("MaxUnpool", source="movement: ONNX MaxUnpool-11")
def max_unpool(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Each element goes where its index says; of two for one place either is right.

    Indices count in the shape that the attributes imply, and a larger `output_shape` has zeros
    after it: so the standard's own case. Or they count in `output_shape`, which the document
    says as well ("in the range [0, N x C x D1 x ... x Dn)"; onnx/onnx#5398).
    """
    x, at = held(step, needed(inputs)), needed(inputs, 1)
    if not at.is_exact:
        return [
            value.unknown() for value in by_reference(step, inputs) if isinstance(value, Pair)
        ]
    attributes, rank = step.attributes, np.ndim(x.value) - 2
    strides = attributes.get("strides") or [1] * rank
    pads = attributes.get("pads") or [0] * 2 * rank
    implied = [
        (n - 1) * s - pads[axis] - pads[axis + rank] + k
        for axis, (n, s, k) in enumerate(
            zip(np.shape(x.value)[2:], strides, attributes["kernel_shape"], strict=True)
        )
    ]
    implied = [*np.shape(x.value)[:2], *implied]
    given = inputs[2] if len(inputs) > 2 else None
    shape = given.value.astype(int).tolist() if isinstance(given, Pair) else implied
    places = at.value.astype(np.int64).ravel()
    made = _unpooled(x, places, implied, shape)
    if shape == implied or places.max(initial=0) >= np.prod(shape):
        return [made]
    return [one_of([made, _unpooled(x, places, shape, shape)])]


def _unpooled(x: Pair, places: Array, counted: Sequence[int], shape: Sequence[int]) -> Pair:
    """Elements at their places in one shape, which lies at the start of another."""

    def put(array: Array) -> Array:
        flat = np.zeros(int(np.prod(counted)))
        flat[places] = array.ravel()
        result = np.zeros(shape)
        within = tuple(slice(0, min(a, b)) for a, b in zip(counted, shape, strict=True))
        result[within] = flat.reshape(counted)[within]
        return result

    made = x.moved(put)
    seen = np.bincount(places, minlength=1)
    if seen.max(initial=0) > 1:
        twice = put(np.where(seen[places] > 1, np.inf, 0.0))
        made = replace(made, error=made.errors() + twice)
    return made


def _windows(step: Step, x: Pair) -> Windows:
    size = np.shape(x.value)[2:]
    return windows_of(step.attributes, size, step.attributes["kernel_shape"])


def _maximum(slid: Array, windows: Windows) -> Array:
    """The largest of each window; NaN only where there is nothing else."""
    return np.asarray(np.fmax.reduce(slid, axis=windows.axes))


def _indices(step: Step, x: Pair, windows: Windows) -> Pair:
    """The index of the first largest element; NaN, and what may be as large, count too."""
    count, channels = np.shape(x.value)[:2]
    area = int(np.prod(windows.size))
    inner = np.arange(area).reshape(windows.size)
    if step.attributes.get("storage_order"):
        inner = np.arange(area).reshape(windows.size[::-1]).T
    outer: Array = area * np.arange(count * channels, dtype=np.int64)
    outer = np.reshape(outer, (count, channels, *[1] * len(windows.size)))
    names = windows.slide(outer + inner, -1)
    shape = (*names.shape[:2], *windows.output, -1)
    names = names.reshape(shape)
    values = windows.slide(x.value, -np.inf).reshape(shape)
    errors = windows.slide(x.errors(), 0.0).reshape(shape)
    with np.errstate(all="ignore"):
        surely = np.fmax.reduce(values - errors, axis=-1, keepdims=True)
        reachable = ((values + errors >= surely) | np.isnan(values)) & (names >= 0)
    ordered = np.where(np.isnan(values) | (names < 0), -np.inf, values)
    first = np.argmax(ordered, axis=-1)[..., None]
    value = np.take_along_axis(names, first, -1)[..., 0]
    several = reachable.sum(axis=-1) > 1
    if not several.any():
        return Pair(value, None, "int64")
    distance = np.where(reachable, np.abs(names - value[..., None]), 0).max(axis=-1)

    def accepts(got: Array) -> Array:
        return np.asarray((reachable & (names == got[..., None])).any(axis=-1))

    error = np.where(several, distance, 0).astype(np.float64)
    return Pair(value, error, "int64", accepts, int(np.count_nonzero(several)))


def _norm(step: Step, x: Pair, fold: Callable[[Array], Array], terms: int) -> Pair:
    """(Σ |x|^p)^(1/p): its change is at most the p-norm of the errors.

    The powers are exact for p = 1 and within u for p = 2, else as accurate as pow; a device
    that splits the operator stores them and their sum. What underflows is absolute.
    """
    p = float(step.attributes.get("p", 2))
    summing, kept, given = step.arithmetic.summing(x.dtype), step.stored(x.dtype), held(step, x)
    inner = summing if step.primitive else kept
    root, pow_ = (ulps(f, kept, primitive=step.primitive) for f in ("Sqrt", "Pow"))
    power = {1.0: 0.0, 2.0: inner.unit}.get(p, 2 * pow_ * inner.unit)
    with np.errstate(all="ignore"):
        sums = fold(np.abs(x.value) ** p)
        value = sums ** (1 / p)
        moved = fold(given.errors() ** p) ** (1 / p)
        relative = power + inner.unit + growth(terms - 1, summing.unit)
        floor = inner.tiny if step.arithmetic.flushes(x.dtype) else inner.smallest
        lost = 0.0 if p == 1 else terms * floor
        slack = relative * (value + moved) ** p + lost * (sums > 0)
        above = (sums + slack) ** (1 / p) - value
        below = value - np.maximum(sums - slack, 0.0) ** (1 / p)
        error = moved + np.maximum(above, below)
        high = fold((np.abs(x.value) + given.errors()) ** p) * (1 + relative)
        error = np.where((high > inner.largest) | np.isnan(error), np.inf, error)
        error = np.where(np.isfinite(value), error, fold(x.errors()))
    return step.rounded(value, error, x.dtype, {1.0: 0.5, 2.0: root}.get(p, pow_))


def _nan(got: Array) -> Array:
    return np.asarray(np.isnan(got.astype(np.float64)))
