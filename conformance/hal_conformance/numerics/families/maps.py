"""ai.onnx.ml with maps: ZipMap, DictVectorizer, CastMap; nothing is rounded but by a cast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hal import dtypes
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.contraction import held, needed
from hal_conformance.numerics.families.scores import AI_ONNX_ML
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hal_conformance.numerics.rules import Step, rule

EXACT = "ai.onnx.ml: keys are looked up; nothing is rounded"
TARGETS = {"TO_FLOAT": "float32", "TO_INT64": "int64", "TO_STRING": "string"}


@rule("ZipMap", source=EXACT, domain=AI_ONNX_ML)
def zip_map(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """A map a row, from the labels to the row's numbers."""
    x = held(step, needed(inputs))
    words = step.attributes.get("classlabels_strings")
    keys = (
        Pair.exact(np.array(words, object), "string")
        if words
        else Pair.exact(np.array(step.attributes["classlabels_int64s"], np.int64))
    )
    rows = x.moved(np.atleast_2d)
    count = int(np.shape(rows.value)[0])
    return [[Table(keys, _row(rows, row)) for row in range(count)]]


def _row(rows: Pair, row: int) -> Pair:
    return rows.moved(lambda array: array[row])


@rule("DictVectorizer", source=EXACT, domain=AI_ONNX_ML)
def dict_vectorizer(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The value of each word of the vocabulary; what has none is 0."""
    table = _table(inputs)
    words = step.attributes.get("string_vocabulary") or step.attributes["int64_vocabulary"]
    places = {key: place for place, key in enumerate(table.keys.value.tolist())}
    found = [places.get(word, -1) for word in words]
    values = _after(held(step, table.values) if table.values.is_float else table.values)
    return [values.moved(lambda array: array[found][None])]


@rule("CastMap", source=EXACT, domain=AI_ONNX_ML)
def cast_map(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The values by ascending keys, or each at its key's place among zeros.

    How a number is written as text is not said.
    """
    table = _table(inputs)
    order = np.argsort(table.keys.value, kind="stable")
    dtype = TARGETS[step.attributes["cast_to"]]
    cast = _cast(table.values.moved(lambda array: array[order]), dtype)
    cast = held(step, cast) if cast.is_float else cast
    cast = held(step, cast) if cast.is_float else cast
    if step.attributes["map_form"] == "DENSE":
        return [cast.moved(lambda array: array[None])]
    places = np.full(int(step.attributes["max_map"]), -1)
    places[table.keys.value[order]] = np.arange(len(order))
    return [_after(cast).moved(lambda array: array[places][None])]


def _cast(values: Pair, dtype: str) -> Pair:
    if dtype == values.dtype:
        return values
    kind: Any = np.float64 if dtype in FORMATS else dtypes.of_name(dtype).numpy
    numbers = values.value.astype(np.float64)
    if dtype == "string":
        text = np.array([f"{number:g}" for number in numbers.tolist()], object)
        return Pair(text, None, dtype).unknown()
    return Pair(numbers.astype(np.float32).astype(kind), None, dtype)


def _after(values: Pair) -> Pair:
    """The values, and a zero (or an empty text) as the last of them."""
    zero: Any = "" if values.dtype == "string" else 0

    def longer(array: Array) -> Array:
        last = np.array([0 if array.dtype.kind == "f" else zero], array.dtype)
        return np.concatenate([array, last])

    if values.error is None:
        return values.moved(longer)
    error = np.concatenate([values.error, [0.0]])
    return Pair(longer(values.value), error, values.dtype)


def _table(inputs: Sequence[Quantity]) -> Table:
    if not isinstance(inputs[0], Table):
        raise TypeError(f"a map is needed here, not {type(inputs[0]).__name__}")
    return inputs[0]
