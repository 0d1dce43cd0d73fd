"""Numbers of every kind side by side, a slice along an axis each: none hides another.

What a slice holds is a maker for one dimension.
"""

from __future__ import annotations

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.entries import beside_nan, holding, reach, zeros
from hal_conformance.generated.values import Maker, Shape
from hal_conformance.numerics.arithmetic import FORMATS, Array

_ordinary = holding()


def _lowest(_draw: Draw, shape: Shape, _dtype: DType) -> Array:
    return np.full(shape, -np.inf)


def _subnormal(draw: Draw, shape: Shape, dtype: DType) -> Array:
    kind = FORMATS[dtype.name]
    steps = draw.integers(1, int(min(kind.tiny / kind.smallest, 2**20)), *shape)
    return np.where(np.arange(*shape) % 3 == 1, -1.0, 1.0) * steps * kind.smallest


def _near_subnormal(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Everyday numbers but for a subnormal one; and half of the smallest normal ones."""
    made = _subnormal(draw, shape, dtype)
    made[::2] = 0.0
    return made


def _some_zeros(draw: Draw, shape: Shape, dtype: DType) -> Array:
    made = _ordinary(draw, shape, dtype)
    made[1::2] = 0.0
    return made


def _far_apart(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Of either sign, from 2^-4 to 2^18, as far as the type reaches."""
    top = reach(dtype)
    exponents = draw.integers(-4, top, *shape).astype(np.int32)
    exponents[::4] = top
    signs = np.where(draw.bits(*shape) >> np.uint64(63) == 1, -1.0, 1.0)
    return np.asarray(signs * np.ldexp(1 + draw.unit(*shape), exponents))


def _huge(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """One of the largest numbers there are, half of it negative; the others everyday."""
    made = _ordinary(draw, shape, dtype)
    made[:1] = FORMATS[dtype.name].largest
    made[2:3] = -FORMATS[dtype.name].largest / 2
    return made


_KINDS: tuple[Maker, ...] = (
    _ordinary,
    beside_nan(1.0),
    beside_nan(-1.0),
    holding(np.inf),
    holding(-np.inf),
    holding(-np.inf, np.inf),
    _lowest,
    _subnormal,
    _near_subnormal,
    zeros,
    _some_zeros,
    _far_apart,
    _huge,
)
KINDS = len(_KINDS)
"""How many slices show every kind."""

SQUARED = KINDS - 1
"""How many show every kind whose squares are in range: all but the last."""


def kinds(axis: int = 0, start: int = 0) -> Maker:
    """From a place along an axis on, a slice of each kind; the others are everyday numbers."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        if not values.is_float(dtype):
            return values.any_(draw, shape, dtype)
        moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
        made = np.empty((shape[axis], int(np.prod(moved[1:]))))
        for place in range(shape[axis]):
            number = place - start
            kind = _KINDS[number] if 0 <= number < KINDS else _ordinary
            made[place] = kind(draw, made.shape[1:], dtype)
        return values.as_type(np.moveaxis(made.reshape(moved), 0, axis), dtype)

    return make
