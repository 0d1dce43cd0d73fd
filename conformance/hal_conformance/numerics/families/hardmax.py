"""Hardmax: a one where the first maximum is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import needed
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule


@rule("Hardmax", source="ONNX Hardmax-13: the first of equal maxima")
def hardmax(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """One where the first maximum is; any element whose interval reaches it may be that.

    Before version 13 all axes from `axis` on are one.
    """
    x = needed(inputs)
    shape = np.shape(x.value)
    if step.version >= 13:
        axis = step.attributes.get("axis", -1)
        return [
            _hardmax(x, lambda a: np.moveaxis(a, axis, -1), lambda a: np.moveaxis(a, -1, axis))
        ]
    axis = step.attributes.get("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    rows = (int(np.prod(shape[:axis])), int(np.prod(shape[axis:])))
    return [_hardmax(x, lambda a: a.reshape(rows), lambda a: a.reshape(shape))]


def _hardmax(
    x: Pair, to_rows: Callable[[Array], Array], back: Callable[[Array], Array]
) -> Pair:
    rows = to_rows(x.value)
    ones = np.zeros(rows.shape)
    if not rows.size:
        return Pair(back(ones), None, x.dtype)
    np.put_along_axis(ones, np.argmax(rows, axis=-1, keepdims=True), 1.0, axis=-1)
    if x.error is None:
        return Pair(back(ones), None, x.dtype)
    error = to_rows(x.error)
    with np.errstate(all="ignore"):
        surely = (rows - error).max(axis=-1, keepdims=True)
        reachable = ~(rows + error < surely)
    several = reachable & (reachable.sum(axis=-1, keepdims=True) > 1)

    def accepts(got: Array) -> Array:
        given = to_rows(got).astype(np.float64)
        single = (np.count_nonzero(given, axis=-1, keepdims=True) == 1) & (
            given.sum(axis=-1, keepdims=True) == 1
        )
        return back(single & ((given == 0) | reachable))

    return Pair(
        back(ones), back(several * 1.0), x.dtype, accepts, int(np.count_nonzero(several))
    )
