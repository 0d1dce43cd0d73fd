"""Operands as a device of a lower arithmetic reads them."""

from __future__ import annotations

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import FORMATS, Format


def rounded(value: Value, to: Format) -> Value:
    """A tensor of a wider float type with its elements rounded to a format, ties to even."""
    if not isinstance(value, Tensor) or value.dtype.name not in FORMATS:
        return value
    own = FORMATS[value.dtype.name]
    if own.precision <= to.precision:
        return value
    wide = value.array.astype(np.float64)
    with np.errstate(all="ignore"):
        step = to.ulp(wide)
        near = np.rint(wide / step) * step
        near = np.where(np.abs(near) > to.largest, np.copysign(np.inf, wide), near)
        near = np.where(np.isfinite(wide), near, wide)
    return Tensor(near.astype(value.array.dtype), value.dtype)
