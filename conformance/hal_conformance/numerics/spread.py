"""How far noisy passes lie from the reference, and the bound that follows from it."""

from __future__ import annotations

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair, Quantity, Table

WIDTH = 8.0
"""How many root mean squares a device may lie from the reference."""

FLOOR = 1.0
"""How much the mean square over the tensor counts beside an element's own."""


class Spread:
    """How far the passes lay from the reference: the mean squares of one output."""

    def __init__(self, reference: Quantity) -> None:
        self.reference = reference
        self._passes = 0
        self._items: list[Spread] = []
        if isinstance(reference, list):
            self._items = [Spread(item) for item in reference]
        if isinstance(reference, Table):
            self._items = [Spread(reference.values)]
        shape = np.shape(reference.value) if isinstance(reference, Pair) else ()
        self._squares = np.zeros(shape)

    def add(self, sample: Quantity) -> None:
        """Count one pass."""
        self._passes += 1
        inner = [sample.values] if isinstance(sample, Table) else sample
        if isinstance(inner, list):
            for item, value in zip(self._items, inner, strict=True):
                item.add(value)
        reference = self.reference
        if not isinstance(sample, Pair) or not isinstance(reference, Pair):
            return
        with np.errstate(all="ignore"):
            if _is_dense(reference):
                off = np.abs(sample.value - reference.value) ** 2
                same = (sample.value == reference.value) | np.isnan(reference.value)
                self._squares += np.where(same, 0.0, off)
            else:
                differs = np.asarray(sample.value != reference.value)
                self._squares += np.where(differs, np.inf, 0.0)

    def deviation(self, floor: float = FLOOR) -> Array:
        """sqrt((v + floor mean v) / (1 + floor)), v being the mean square of each element."""
        v = self._squares / max(1, self._passes)
        finite = v[np.isfinite(v)]
        pooled = float(finite.mean()) if finite.size else 0.0
        return np.sqrt((v + floor * pooled) / (1 + floor))

    def bound(self, width: float = WIDTH, floor: float = FLOOR) -> Quantity:
        """The reference with its bound; a discrete value that some pass changed is unknown."""
        reference = self.reference
        if isinstance(reference, list):
            return [item.bound(width, floor) for item in self._items]
        if isinstance(reference, Table):
            values = self._items[0].bound(width, floor)
            return Table(reference.keys, values) if isinstance(values, Pair) else None
        if not isinstance(reference, Pair):
            return None
        if not _is_dense(reference):
            error = self._squares if self._squares.any() else None
            return Pair(reference.value, error, reference.dtype)
        return Pair(reference.value, width * self.deviation(floor), reference.dtype)


def _is_dense(pair: Pair) -> bool:
    """Whether it holds real or complex numbers, between which there are others."""
    return pair.is_float or pair.dtype.startswith("complex")
