"""Arithmetic as a correct device may do it: roundings, orders of sums, errors of functions.

A `Machine` has one arithmetic and one seed; each sum and each product it makes is done in one
of the ways that hardware and libraries have: in sequence, in blocks, split over K, as a tree,
with fused multiply-adds, in an accumulator wider than it need be. Values travel as float64
arrays that hold numbers of the format they are said to have.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from hal_conformance.numerics.arithmetic import FORMATS, NO_INFINITY, Arithmetic, Array, Format

T = TypeVar("T")

_SMALL = 1 << 20
"""The products up to which a contraction may be made one step of K at a time."""


def nearest(values: Array, kept: Format) -> Array:
    """Rounded to nearest, ties to even (IEEE 754, 4.3.1), in any format."""
    values = np.asarray(values, np.float64)
    if kept.name == "float64":
        return values
    with np.errstate(all="ignore"):
        step = kept.ulp(values)
        near = np.where(np.isfinite(values), np.rint(values / step) * step, values)
        over = np.nan if kept.name in NO_INFINITY else np.copysign(np.inf, near)
        return np.where(np.abs(near) > kept.largest, over, near)


class Machine:
    """One correct device of an arithmetic.

    Args:
        arithmetic: what it computes in.
        seed: what its choices are drawn from.
        lean: the sign of its functions' errors: 1, -1, or 0 for each by itself.
    """

    def __init__(self, arithmetic: Arithmetic, seed: int = 0, lean: int = 0) -> None:
        self.arithmetic = arithmetic
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.lean = lean

    def one_of(self, choices: Sequence[T]) -> T:
        """One of these, at random."""
        return choices[int(self.random.integers(len(choices)))]

    def store(self, values: Array, dtype: str) -> Array:
        """A result of that type as it is kept; subnormals may become zero where declared."""
        kept = self.arithmetic.stored(dtype)
        near = nearest(values, kept)
        if self.arithmetic.flushes(dtype):
            near = np.where(np.abs(near) < kept.tiny, near * 0.0, near)
        return near

    def operand(self, values: Array, dtype: str) -> Array:
        """A value as a contraction reads it."""
        return nearest(values, self.arithmetic.operand(dtype))

    def work(self, values: Array, dtype: str) -> Array:
        """An intermediate value inside a composed operator: float32, or float64 for doubles."""
        return nearest(values, FORMATS[self.inner(dtype)])

    def inner(self, dtype: str) -> str:
        """The type that intermediate values have."""
        wide = dtype == "float64" or self.arithmetic.accumulator.name == "float64"
        return "float64" if wide else "float32"

    def inexact(self, values: Array, dtype: str, ulps: float) -> Array:
        """A function's result, off by up to `ulps` units in the last place as it is stored."""
        kept = self.arithmetic.stored(dtype)
        near = nearest(values, kept)
        most = int(ulps - 0.5)
        if kept.name == "float64" or most < 1:
            return near
        steps = self.random.integers(-most, most + 1, np.shape(values))
        if self.lean:
            steps = np.full(np.shape(values), self.lean * most)
        with np.errstate(all="ignore"):
            ulp = kept.ulp(values)
            moved = nearest(near + steps * ulp, kept)
            legal = (np.abs(moved - values) <= ulps * ulp) & np.isfinite(moved)
            return np.where(legal & np.isfinite(near), moved, near)

    def total(self, values: Array, axes: tuple[int, ...], dtype: str) -> Array:
        """The sum along axes, which stay as 1, in the accumulator's format."""
        kind = self._summing(dtype)
        axes = tuple(axis % values.ndim for axis in axes)
        rest = [axis for axis in range(values.ndim) if axis not in axes]
        shape = [1 if axis in axes else size for axis, size in enumerate(values.shape)]
        rows = np.transpose(values, [*rest, *axes])
        count = int(np.prod([values.shape[axis] for axis in axes], initial=1))
        rows = rows.reshape(*[values.shape[axis] for axis in rest], count)
        rows = rows[..., self.random.permutation(rows.shape[-1])]
        with np.errstate(all="ignore"):
            folded = self._folded(rows, kind).astype(np.float64)
        return folded.reshape(shape)

    def _folded(self, rows: Array, kind: Any) -> Array:
        way = self.one_of(("sequence", "tree", "blocks", "wide"))
        if way == "wide" or not rows.shape[-1]:
            return np.asarray(np.sum(rows, axis=-1)).astype(kind)
        rows = rows.astype(kind)
        if way != "tree":
            length: int = rows.shape[-1]
            width = length if way == "sequence" else int(self.random.integers(1, length + 1))
            sums: Array = np.add.accumulate(_padded(rows, width), axis=-1, dtype=kind)
            rows = sums[..., -1]
        while rows.shape[-1] > 1:
            rows = _padded(rows, 2)
            rows = rows[..., 0] + rows[..., 1]
        return np.asarray(rows[..., 0])

    def contract(self, a: Array, b: Array, dtype: str) -> Array:
        """The matrix product of operands, (..., M, K) by (..., K, N), in the accumulator."""
        kind = self._summing(dtype)
        order = self.random.permutation(a.shape[-1])
        a, b = a[..., order], b[..., order, :]
        size = a.size * b.shape[-1]
        slow = ("sequence", "fused") if size <= _SMALL else ()
        way = self.one_of(("wide", "split", "blocks", *slow))
        with np.errstate(all="ignore"):
            if way in ("sequence", "fused"):
                return self._stepwise(a, b, kind, fused=way == "fused").astype(np.float64)
            if way == "wide" or not a.shape[-1]:
                return np.asarray(np.matmul(a, b)).astype(kind).astype(np.float64)
            parts = int(self.random.integers(1, 5)) if way == "split" else a.shape[-1] // 16
            return self._parts(a, b, kind, max(1, parts)).astype(np.float64)

    def _parts(self, a: Array, b: Array, kind: Any, parts: int) -> Array:
        """Parts of K as a library makes them, added in the accumulator."""
        inner = np.float32 if kind == np.float16 else kind
        edges = [a.shape[-1] * part // parts for part in range(parts + 1)]
        sums: Array = np.zeros((), kind)
        for low, high in pairwise(edges):
            left, right = a[..., low:high].astype(inner), b[..., low:high, :].astype(inner)
            sums = sums + np.matmul(left, right).astype(kind)
        return sums

    def _stepwise(self, a: Array, b: Array, kind: Any, *, fused: bool) -> Array:
        """One step of K after the other; fused products are not rounded by themselves."""
        sums: Array = np.zeros((), kind)
        for k in range(a.shape[-1]):
            products = a[..., :, k, None] * b[..., None, k, :]
            if fused:
                sums = (sums.astype(np.float64) + products).astype(kind)
            else:
                sums = sums + products.astype(kind)
        shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
        return np.broadcast_to(sums, shape)

    def gathered(self, parts: Sequence[Array], dtype: str) -> Array:
        """Partial results, each in the accumulator's format, added one after the other."""
        kind = self._summing(dtype)
        with np.errstate(all="ignore"):
            sums = parts[0].astype(kind)
            for part in parts[1:]:
                sums = sums + part.astype(kind)
        return np.asarray(sums.astype(np.float64))

    def _summing(self, dtype: str) -> Any:
        return np.dtype(self.arithmetic.summing(dtype).name)


def _padded(rows: Array, width: int) -> Array:
    """The last axis in rows of `width`, zeros at its end: (..., n) to (..., rows, width)."""
    short = -rows.shape[-1] % width
    zeros = np.zeros((*rows.shape[:-1], short), rows.dtype)
    padded = np.concatenate([rows, zeros], -1)
    return padded.reshape(*rows.shape[:-1], padded.shape[-1] // width, width)
