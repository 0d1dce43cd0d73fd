"""Numbers of every kind side by side, a slice along an axis each: none hides another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.values import Maker, Shape
from hal_conformance.numerics.arithmetic import FORMATS, Array

_Kind = Callable[[Draw, int, DType], Array]


def _ordinary(draw: Draw, count: int, _: DType) -> Array:
    return np.asarray(draw.normal(count))


def _with(*given: float) -> _Kind:
    """Everyday numbers, some of which are these."""

    def make(draw: Draw, count: int, dtype: DType) -> Array:
        made = _ordinary(draw, count, dtype)
        made[: len(given)] = given[:count]
        return made

    return make


def _beyond(sign: float) -> _Kind:
    """One NaN; all others on one side of zero."""

    def make(draw: Draw, count: int, dtype: DType) -> Array:
        made = sign * np.abs(_ordinary(draw, count, dtype))
        made[:1] = np.nan
        return made

    return make


def _all(value: float) -> _Kind:
    return lambda _draw, count, _dtype: np.full(count, value)


def _subnormal(draw: Draw, count: int, dtype: DType) -> Array:
    kind = FORMATS[dtype.name]
    steps = draw.integers(1, int(min(kind.tiny / kind.smallest, 2**20)), count)
    return np.where(np.arange(count) % 3 == 1, -1.0, 1.0) * steps * kind.smallest


def _near_subnormal(draw: Draw, count: int, dtype: DType) -> Array:
    """Everyday numbers but for a subnormal one; and half of the smallest normal ones."""
    made = _subnormal(draw, count, dtype)
    made[::2] = 0.0
    return made


def _some_zeros(draw: Draw, count: int, dtype: DType) -> Array:
    made = _ordinary(draw, count, dtype)
    made[1::2] = 0.0
    return made


def _far_apart(draw: Draw, count: int, dtype: DType) -> Array:
    """Of either sign, from 2^-4 to 2^18, as far as the type reaches."""
    top = min(18, (int(np.frexp(FORMATS[dtype.name].largest)[1]) - 1) // 2)
    exponents = draw.integers(-4, top, count).astype(np.int32)
    exponents[::4] = top
    signs = np.where(draw.bits(count) >> np.uint64(63) == 1, -1.0, 1.0)
    return np.asarray(signs * np.ldexp(1 + draw.unit(count), exponents))


def _huge(draw: Draw, count: int, dtype: DType) -> Array:
    """One of the largest numbers there are, half of it negative; the others everyday."""
    made = _ordinary(draw, count, dtype)
    made[:1] = FORMATS[dtype.name].largest
    made[2:3] = -FORMATS[dtype.name].largest / 2
    return made


_INF = float("inf")
_KINDS: tuple[_Kind, ...] = (
    _ordinary,
    _beyond(1.0),
    _beyond(-1.0),
    _with(_INF),
    _with(-_INF),
    _with(-_INF, _INF),
    _all(-_INF),
    _subnormal,
    _near_subnormal,
    _all(0.0),
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
            made[place] = kind(draw, made.shape[1], dtype)
        return values.as_type(np.moveaxis(made.reshape(moved), 0, axis), dtype)

    return make
