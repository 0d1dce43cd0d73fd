"""A value with what may be wrong with it.

Every tensor of a graph is a Pair: the reference in float64 (or exactly, where it is not
floating point), and a bound on how far a correct device's value may lie from it. Where a
discontinuous operator may jump either way, `accepts` says which values are right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, Union

import numpy as np

from hal import dtypes
from hal_conformance.numerics.arithmetic import FORMATS, Array, Format

Accepts: TypeAlias = Callable[[Array], Array]
"""Given a device's array, which of its elements are right; for values that may jump."""


@dataclass(frozen=True)
class Pair:
    """A tensor: `value`, the `error` a correct device may make, and its ONNX type.

    `value` is float64 (complex128 for complex types) for floating point, and the array itself
    for whole numbers, booleans and text. `error` has its shape, or is None where the value is
    exact; infinity says that nothing can be said. Whole numbers and truth values (0 and 1) may
    carry an error too, once something jumped. `accepts` replaces the comparison for a result
    that may jump, and `ambiguous` counts the elements that do; `error` is set as well, and is
    what moves on. `growth` is the n u of the sum of products that it is: what is added next may
    be where a device's accumulator starts, and is then rounded as often.
    """

    value: Array
    error: Array | None
    dtype: str
    accepts: Accepts | None = None
    ambiguous: int = 0
    growth: float = 0.0

    @classmethod
    def exact(cls, array: Array, dtype: str | None = None) -> Pair:
        """A value that every correct device holds exactly: an input, a weight."""
        name = dtype or dtypes.of_array(array).name
        if name in FORMATS:
            with np.errstate(invalid="ignore"):  # signalling NaN
                array = np.asarray(array).astype(np.float64)
        return cls(array, None, name)

    @property
    def is_float(self) -> bool:
        """Whether it holds real floating-point numbers."""
        return self.dtype in FORMATS

    @property
    def is_exact(self) -> bool:
        """Whether every correct device holds these very values."""
        return self.error is None and self.accepts is None

    @property
    def format(self) -> Format:
        """The format of its own type."""
        return FORMATS[self.dtype]

    def errors(self) -> Array:
        """The error as an array; zeros where the value is exact."""
        if self.error is None:
            return np.zeros(np.shape(self.value), np.float64)
        return self.error

    def moved(self, move: Callable[[Array], Array]) -> Pair:
        """The same elements elsewhere: what Reshape, Transpose and Slice do."""
        error = None if self.error is None else move(self.error)
        return replace(self, value=move(self.value), error=error, accepts=None)

    def unknown(self) -> Pair:
        """The same value, of whose error nothing can be said."""
        return replace(self, error=np.full(np.shape(self.value), np.inf), accepts=None)


@dataclass(frozen=True)
class Table:
    """An ONNX map (ai.onnx.ml): `keys` and `values` are 1-D pairs of one length."""

    keys: Pair
    values: Pair

    def unknown(self) -> Table:
        """The same keys; of the values nothing can be said."""
        return Table(self.keys, self.values.unknown())


Quantity: TypeAlias = Union["Pair", "Table", "list[Quantity]", None]
"""What a name in a graph stands for: a tensor, a map, a sequence, or an absent optional."""
