"""Scatter, ScatterElements, ScatterND: updates put into a copy, or combined with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

UFUNCS: dict[str, Any] = {
    "add": np.add,
    "mul": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
}


@rule("Scatter", "ScatterElements", "ScatterND", source="ONNX documents; Higham ASNA 3.1, 4.2")
def scatter(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Moved without a reduction; with one, sums and products of m updates in any order."""
    data, indices, updates = (value for value in inputs if isinstance(value, Pair))
    places = _elements(step, data, indices) if step.op != "ScatterND" else _nd(data, indices)
    reduction = step.attributes.get("reduction", "none")
    value = _put(data.value, places, updates.value, reduction)
    made = Pair(value, None, data.dtype)
    if not indices.is_exact:
        return [made.unknown()]
    if not data.is_float or reduction == "none":
        if data.is_exact and updates.is_exact:
            return [made]
        if not data.is_float and reduction != "none":
            return [made.unknown()]
        return [Pair(value, _put(data.errors(), places, updates.errors()), data.dtype)]
    return [_reduced(step, data, updates, places, reduction, made)]


def _reduced(
    step: Step, data: Pair, updates: Pair, places: tuple[Array, ...], reduction: str, made: Pair
) -> Pair:
    count = _put(np.zeros(data.value.shape), places, np.ones(updates.value.shape), "add")
    with np.errstate(all="ignore"):
        errors = _put(data.errors(), places, updates.errors(), "add")
        if reduction in ("max", "min"):
            return Pair(made.value, errors if errors.any() else None, data.dtype)
        sizes = np.abs(data.value), np.abs(updates.value)
        reach = [
            size + pair.errors() for size, pair in zip(sizes, (data, updates), strict=True)
        ]
        size = _put(reach[0], places, reach[1], reduction)
        if reduction == "mul":
            errors = size - _put(sizes[0], places, sizes[1], "mul")
        kept = step.stored(data.dtype)
        before = np.maximum(count - 1, 0) * (kept.unit * size + kept.smallest / 2)
        error = np.where(np.isnan(errors), np.inf, errors) + before
    done = step.rounded(made.value, error, data.dtype, own=float(count.max(initial=1.0)))
    same = count == 0
    return Pair(
        np.where(same, made.value, done.value),
        np.where(same, data.errors(), done.errors()),
        data.dtype,
    )


def _put(
    data: Array, places: tuple[Array, ...], updates: Array, reduction: str = "none"
) -> Array:
    result = np.array(data)
    if reduction == "none":
        result[places] = updates
    else:
        UFUNCS[reduction].at(result, places, updates)
    return result


def _elements(step: Step, data: Pair, indices: Pair) -> tuple[Array, ...]:
    axis = int(step.attributes.get("axis", 0))
    grid: list[Array] = list(np.indices(np.shape(indices.value), sparse=True))
    grid[axis] = indices.value
    return tuple(np.broadcast_arrays(*grid)) if np.ndim(data.value) else ()


def _nd(data: Pair, indices: Pair) -> tuple[Array, ...]:
    depth = np.shape(indices.value)[-1]
    if depth > np.ndim(data.value):
        raise ValueError(f"ScatterND: {depth} coordinates for {np.ndim(data.value)} axes")
    return tuple(np.moveaxis(indices.value, -1, 0))
