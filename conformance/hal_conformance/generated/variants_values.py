"""What one operand of a variant holds: everyday numbers with a few that go wrong first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.entries import reach
from hal_conformance.numerics.arithmetic import FORMATS, Array

Kind = Callable[[Draw, Array, DType], Array]


def _one(value: Callable[[DType], float]) -> Kind:
    """One element, a third of the way in."""

    def make(_draw: Draw, given: Array, dtype: DType) -> Array:
        made = given.copy()
        made.reshape(-1)[given.size // 3 : given.size // 3 + 1] = value(dtype)
        return made

    return make


def _subnormal(draw: Draw, given: Array, dtype: DType) -> Array:
    kind = FORMATS[dtype.name]
    top = int(min(kind.tiny / kind.smallest, 2**20))
    steps = draw.integers(1, max(top, 2), given.size).reshape(given.shape)
    return np.where(given < 0, -1.0, 1.0) * steps * kind.smallest


def _wide(draw: Draw, given: Array, dtype: DType) -> Array:
    """Up to 2^18 times as large, as far as the type reaches."""
    drawn = draw.normal(given.size).reshape(given.shape)
    return np.asarray(np.ldexp(drawn, reach(dtype)))


KINDS: Mapping[str, Kind] = {
    "nan": _one(lambda _: float("nan")),
    "inf": _one(lambda _: float("inf")),
    "minus_inf": _one(lambda _: float("-inf")),
    "largest": _one(lambda d: FORMATS[d.name].largest),
    "minus_largest": _one(lambda d: -FORMATS[d.name].largest),
    "one_subnormal": _one(lambda d: FORMATS[d.name].tiny * 0.5),
    "subnormal": _subnormal,
    "wide": _wide,
    "all_minus_inf": lambda _draw, given, _dtype: np.full_like(given, -np.inf),
    "zero": lambda _draw, given, _dtype: np.zeros_like(given),
}
