"""Batches whose entries are numbers of another kind each, so that none hides another.

What is computed of an entry of a batch depends on that entry alone, for convolutions, pooling,
sampling and transforms. `FINITE` are kinds of numbers, `OTHER` those with NaN and infinities in
few places; a batch of `EVERY` has them all, and then an entry of everyday numbers.
"""

from __future__ import annotations

from math import prod

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.values import Maker, Shape
from hal_conformance.numerics.arithmetic import FORMATS, Array


def holding(*some: float) -> Maker:
    """Everyday numbers, the first of which are these."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        made = draw.normal(prod(shape))
        made[: len(some)] = some[: made.size]
        return values.as_type(made, dtype).reshape(shape)

    return make


def beside_nan(sign: float) -> Maker:
    """One NaN; all others on one side of zero, so that a NaN which becomes zero shows."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        made = sign * np.abs(draw.normal(prod(shape)))
        made[:1] = np.nan
        return values.as_type(made, dtype).reshape(shape)

    return make


def subnormal(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Subnormal numbers of either sign."""
    kind = FORMATS[dtype.name]
    most = int(min(kind.tiny / kind.smallest, 2**20))
    steps = draw.integers(1 - most, most, prod(shape)).astype(np.float64)
    return values.as_type(steps * kind.smallest, dtype).reshape(shape)


def reach(dtype: DType) -> int:
    """An exponent of large numbers: 18, or half of the largest that the type has."""
    return min(18, (int(np.frexp(FORMATS[dtype.name].largest)[1]) - 1) // 2)


def apart(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """From 2^-4 to 2^18: some are beyond the range of float16."""
    exponents = draw.integers(-4, 18, prod(shape)).astype(np.int32)
    exponents[::5] = 18
    return values.as_type(np.ldexp(draw.normal(prod(shape)), exponents), dtype).reshape(shape)


def zeros(_draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Zeros."""
    return values.as_type(np.zeros(shape), dtype)


FINITE: tuple[Maker, ...] = (values.any_, subnormal, apart, zeros)
OTHER: tuple[Maker, ...] = (
    beside_nan(-1.0),
    *(holding(*some) for some in ((np.inf,), (-np.inf,), (-np.inf, np.inf), ())),
)
ONE = OTHER[:3]
"""With NaN or one infinity: none meets another, nor the zero that weighs what is left out."""
EVERY = FINITE + OTHER


def entries(*makers: Maker, axis: int = 0) -> Maker:
    """Along an axis, what each maker makes."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        each = (*shape[:axis], *shape[axis + 1 :])
        made = [makers[k % len(makers)](draw, each, dtype) for k in range(shape[axis])]
        return np.stack(made, axis)

    return make


every = entries(*EVERY)
BATCH = len(EVERY)
"""The entries of a batch that shows every kind."""
