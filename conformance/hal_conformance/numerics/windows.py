"""Sliding windows: the geometry that convolutions and pools share, and views by it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hal_conformance.numerics.arithmetic import Array

Index: TypeAlias = "tuple[slice | EllipsisType | int, ...]"


@dataclass(frozen=True, slots=True)
class Windows:
    """Where windows lie, an entry a spatial axis; `begins` and `ends` are pads."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def spans(self) -> tuple[int, ...]:
        """How far a window reaches: the dilated kernel."""
        pairs = zip(self.kernel, self.dilations, strict=True)
        return tuple((k - 1) * d + 1 for k, d in pairs)

    @property
    def axes(self) -> tuple[int, ...]:
        """The kernel's axes in what `slide` returns."""
        count = len(self.kernel)
        return tuple(range(-count, 0))

    def slide(self, array: Array, fill: float | bool) -> Array:
        """The windows of an array (N, C, spatial): (N, C, output, kernel); `fill` outside."""
        rank = len(self.kernel)
        leading = [(0, 0)] * (array.ndim - rank)
        reach = [
            (count - 1) * stride + span
            for count, stride, span in zip(self.output, self.strides, self.spans, strict=True)
        ]
        pads = [
            (begin, max(0, need - begin - size))
            for begin, need, size in zip(self.begins, reach, self.size, strict=True)
        ]
        padded = np.pad(array, [*leading, *pads], constant_values=fill)
        within: Index = (..., *[slice(0, need) for need in reach])
        padded = padded[within]
        windows = sliding_window_view(padded, self.spans, axis=tuple(range(-rank, 0)))
        steps = [slice(None, None, stride) for stride in self.strides]
        holes = [slice(None, None, dilation) for dilation in self.dilations]
        taken: Index = (..., *steps, *holes)
        return np.asarray(windows[taken])

    def counts(self, *, pads: bool) -> Array:
        """How many elements of each window lie in the input, or in the input and its pads."""
        total = np.ones((1,) * len(self.kernel))
        for axis, kernel in enumerate(self.kernel):
            places = np.arange(self.output[axis])[:, None] * self.strides[axis]
            places = places + np.arange(kernel) * self.dilations[axis] - self.begins[axis]
            before = self.begins[axis] if pads else 0
            after = self.ends[axis] if pads else 0
            inside = (places >= -before) & (places < self.size[axis] + after)
            shape = [1] * len(self.kernel)
            shape[axis] = -1
            total = total * inside.sum(axis=1).reshape(shape)
        return total

    def positions(self) -> Iterator[tuple[int, ...]]:
        """Every position in the kernel."""
        return itertools.product(*map(range, self.kernel))


def windows_of(
    attributes: Mapping[str, Any], size: Sequence[int], kernel: Sequence[int]
) -> Windows:
    """The windows of a Conv or a pool over an input of spatial shape `size`.

    SAME_UPPER and SAME_LOWER give ceil(size / stride) windows and pad what that needs, the odd
    one at the end or at the beginning; `ceil_mode` keeps a last window that starts inside.
    """
    rank = len(kernel)
    strides = tuple(attributes.get("strides") or [1] * rank)
    dilations = tuple(attributes.get("dilations") or [1] * rank)
    pads = list(attributes.get("pads") or [0] * 2 * rank)
    mode = attributes.get("auto_pad", "NOTSET")
    begins, ends, output = list[int](), list[int](), list[int]()
    for axis in range(rank):
        span = (kernel[axis] - 1) * dilations[axis] + 1
        begin, end = pads[axis], pads[axis + rank]
        if mode.startswith("SAME"):
            count = -(-size[axis] // strides[axis])
            missing = max(0, (count - 1) * strides[axis] + span - size[axis])
            begin = missing // 2 if mode == "SAME_UPPER" else missing - missing // 2
            end = missing - begin
        else:
            begin, end = (0, 0) if mode == "VALID" else (begin, end)
            free = size[axis] + begin + end - span
            ceil = bool(attributes.get("ceil_mode")) and mode != "VALID"
            count = _count(free, strides[axis], size[axis] + begin, ceil)
        begins, ends, output = [*begins, begin], [*ends, end], [*output, count]
    return Windows(
        tuple(size),
        tuple(kernel),
        strides,
        dilations,
        tuple(begins),
        tuple(ends),
        tuple(output),
    )


def _count(free: int, stride: int, limit: int, ceil: bool) -> int:
    if not ceil:
        return max(0, free // stride + 1)
    count = -(-free // stride) + 1
    return count - 1 if (count - 1) * stride >= limit else count
