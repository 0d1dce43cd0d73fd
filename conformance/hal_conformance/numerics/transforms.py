"""Convolutions by Winograd's and by Fourier's transform, as devices make them in float32.

`convolved` takes the place of a direct convolution where the declared arithmetic allows it:
strides and dilations of 1; F(2, 3) and F(4, 3) for kernels of 3, and tiles of 16 for FFT. Each
axis is transformed by itself, and every sum is rounded to float32.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.windows import Index, Windows

FFT_TILE = 16
"""The length of a Fourier transform."""

F23 = (
    np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
    np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
    np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
)
F43 = (
    np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    ),
    np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    ),
    np.array(
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    ),
)
WINOGRAD: Mapping[str, tuple[Array, Array, Array]] = {"F(2, 3)": F23, "F(4, 3)": F43}
"""B^T, G and A^T (Lavin and Gray 2016)."""


def is_transformable(windows: Windows) -> bool:
    """Whether there is a transform for it: steps of 1, and a kernel that fits its tile."""
    ones = all(step == 1 for step in (*windows.strides, *windows.dilations))
    return ones and all(1 <= k <= FFT_TILE // 2 for k in windows.kernel) and all(windows.output)


def convolved(machine: Machine, x: Array, w: Array, windows: Windows, group: int) -> Array:
    """x (N, C, spatial) with w (M, C / group, kernel), in one of the ways there are."""
    pads = [(0, 0), (0, 0), *zip(windows.begins, windows.ends, strict=True)]
    padded = np.pad(x.astype(np.float32), pads)
    ways = ["fft", *(WINOGRAD if set(windows.kernel) == {3} else ())]
    way = machine.one_of(ways)
    inputs = np.split(padded, group, axis=1)
    weights = np.split(w.astype(np.float32), group, axis=0)
    made = [
        _fourier(a, b, windows) if way == "fft" else _winograd(a, b, windows, WINOGRAD[way])
        for a, b in zip(inputs, weights, strict=True)
    ]
    return np.concatenate(made, axis=1).astype(np.float64)


def _tiles(x: Array, length: int, step: int, counts: tuple[int, ...]) -> Array:
    """Overlapping tiles of every spatial axis: (N, C, tiles, length)."""
    rank = len(counts)
    needs = [(count - 1) * step + length for count in counts]
    short = [(0, max(0, n - s)) for n, s in zip(needs, x.shape[2:], strict=True)]
    padded = np.pad(x, [(0, 0), (0, 0), *short])
    slid = sliding_window_view(padded, (length,) * rank, axis=tuple(range(2, 2 + rank)))
    taken = tuple(slice(0, (count - 1) * step + 1, step) for count in counts)
    return np.asarray(slid[(slice(None), slice(None), *taken)])


def _winograd(
    x: Array, w: Array, windows: Windows, matrices: tuple[Array, Array, Array]
) -> Array:
    entering, weighting, leaving = (matrix.astype(np.float32) for matrix in matrices)
    size, rank = len(leaving), len(windows.output)
    counts = tuple(-(-count // size) for count in windows.output)
    tiles = _every(_tiles(x, len(entering), size, counts), entering, rank)
    products = _summed(tiles, _every(w, weighting, rank), rank)
    return _joined(_every(products, leaving, rank), windows)


def _fourier(x: Array, w: Array, windows: Windows) -> Array:
    rank = len(windows.output)
    step = FFT_TILE - max(windows.kernel) + 1
    counts = tuple(-(-count // step) for count in windows.output)
    axes = tuple(range(-rank, 0))
    tiles = np.fft.fftn(_tiles(x, FFT_TILE, step, counts), axes=axes).astype(np.complex64)
    spectrum = np.fft.fftn(w, s=(FFT_TILE,) * rank, axes=axes).astype(np.complex64)
    back = np.fft.ifftn(_summed(tiles, np.conj(spectrum), rank), axes=axes).astype(np.complex64)
    inner: Index = (..., *[slice(0, step)] * rank)
    return _joined(back.real[inner], windows)


def _every(array: Array, matrix: Array, rank: int) -> Array:
    """The last `rank` axes, each multiplied by a matrix in the array's own arithmetic."""
    for axis in range(-rank, 0):
        moved = np.moveaxis(array, axis, -1)
        array = np.moveaxis(np.einsum("ij,...j->...i", matrix, moved), -1, axis)
    return array


def _summed(tiles: Array, weights: Array, rank: int) -> Array:
    """Products of transforms, summed over the channels: (N, M, tiles, length)."""
    letters, inner = "pqr"[:rank], "xyz"[:rank]
    return np.asarray(
        np.einsum(f"nc{letters}{inner},mc{inner}->nm{letters}{inner}", tiles, weights)
    )


def _joined(parts: Array, windows: Windows) -> Array:
    """Tiles side by side, and no more than the output has."""
    rank = len(windows.output)
    order = [0, 1, *[k for axis in range(rank) for k in (2 + axis, 2 + rank + axis)]]
    moved = np.transpose(parts, order)
    sizes = [parts.shape[2 + axis] * parts.shape[2 + rank + axis] for axis in range(rank)]
    whole = moved.reshape(*parts.shape[:2], *sizes)
    within: Index = (..., *[slice(0, count) for count in windows.output])
    return np.asarray(whole[within])
