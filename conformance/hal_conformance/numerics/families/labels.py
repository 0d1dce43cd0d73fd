"""LabelEncoder and CategoryMapper (ai.onnx.ml): dictionaries, exact where their keys are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from hal import dtypes
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.contraction import held, needed
from hal_conformance.numerics.families.scores import AI_ONNX_ML
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

EXACT = "ai.onnx.ml: a dictionary; nothing is rounded"
KINDS = {"strings": "string", "int64s": "int64", "floats": "float32"}
DEFAULTS: dict[str, tuple[str, Any]] = {
    "string": ("default_string", "_Unused"),
    "int64": ("default_int64", -1),
    "float32": ("default_float", -0.0),
}


def listed(attributes: Mapping[str, Any], name: str) -> tuple[list[Any], str]:
    """The keys or values of a map, and their type."""
    for suffix, dtype in KINDS.items():
        if attributes.get(f"{name}_{suffix}"):
            return list(attributes[f"{name}_{suffix}"]), dtype
    tensor = attributes[f"{name}_tensor"]
    dtype = dtypes.of_number(tensor.data_type).name
    return [_plain(item) for item in numpy_helper.to_array(tensor).ravel().tolist()], dtype


def _plain(item: Any) -> Any:
    return item.decode() if isinstance(item, bytes) else item


def default_of(attributes: Mapping[str, Any], dtype: str) -> Any:
    """What stands for a key that is not there."""
    tensor = attributes.get("default_tensor")
    if isinstance(tensor, onnx.TensorProto):
        return _plain(numpy_helper.to_array(tensor).ravel().tolist()[0])
    name, otherwise = DEFAULTS.get(dtype, ("", -1 if dtype not in FORMATS else -0.0))
    return attributes.get(name, otherwise)


def looked_up(x: Pair, table: Mapping[Any, Any], otherwise: Any, dtype: str) -> Pair:
    """Each element's value; unknown where the keys are not exact. A NaN is a key like any."""
    found = [table.get(_key(item), otherwise) for item in np.ravel(x.value).tolist()]
    value: Array = np.empty(len(found), object)
    value[:] = found
    kind = np.float64 if dtype in FORMATS else dtypes.of_name(dtype).numpy
    made = Pair(value.reshape(np.shape(x.value)).astype(kind), None, dtype)
    return made if x.is_exact else made.unknown()


def _key(item: Any) -> Any:
    return "nan" if isinstance(item, float) and np.isnan(item) else item


def _table(keys: Sequence[Any], values: Sequence[Any]) -> dict[Any, Any]:
    table: dict[Any, Any] = {}
    for key, value in zip(keys, values, strict=False):
        table[_key(key)] = value  # the last of equal keys counts
    return table


@rule("LabelEncoder", source=EXACT, domain=AI_ONNX_ML, since=2)
def label_encoder(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Keys and values of any of the types, in lists or tensors."""
    keys, _ = listed(step.attributes, "keys")
    values, dtype = listed(step.attributes, "values")
    table = _table(keys, values)
    found = looked_up(needed(inputs), table, default_of(step.attributes, dtype), dtype)
    return [held(step, found) if found.is_float else found]


@rule("LabelEncoder", source=EXACT, domain=AI_ONNX_ML)
def label_encoder_1(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Strings to their places in the list, or places to strings."""
    x, words = needed(inputs), list(step.attributes["classes_strings"])
    return [_either_way(step, x, words, list(range(len(words))))]


@rule("CategoryMapper", source=EXACT, domain=AI_ONNX_ML)
def category_mapper(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Strings to whole numbers, or back."""
    words, numbers = step.attributes["cats_strings"], step.attributes["cats_int64s"]
    return [_either_way(step, needed(inputs), list(words), list(numbers))]


def _either_way(step: Step, x: Pair, words: list[str], numbers: list[int]) -> Pair:
    if x.dtype == "string":
        otherwise = default_of(step.attributes, "int64")
        return looked_up(x, _table(words, numbers), otherwise, "int64")
    otherwise = default_of(step.attributes, "string")
    return looked_up(x, _table(numbers, words), otherwise, "string")
