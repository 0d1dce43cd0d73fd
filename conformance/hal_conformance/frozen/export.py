"""A case as a folder that any language can read, in the classic layout, with its bounds.

    ops/Add/14/float32/plain/
        model.onnx
        test_data_set_0/input_0.pb, output_0.pb     as onnx's own suite has them
        test_data_set_0/bounds.npz                  output_0, bound_0, primitive_0: float64
        case.json                                   id, hash, arithmetic, tier, relations, ...

`output_0.pb` is the reference rounded to the output's type; `output_0` in bounds.npz is not
rounded. An answer d is right where |d - output| <= bound, where both are NaN or the
same infinity, and where d is infinite and |output| + bound passes the largest number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from hal import dtypes
from hal.tensor import MapValue, Tensor, Value
from hal_conformance.frozen.question import Known, Question
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair, Quantity, Table

MODEL, CASE, BOUNDS = "model.onnx", "case.json", "bounds.npz"


def export(folder: Path, question: Question, known: Sequence[Known], arithmetic: str) -> Path:
    """Write a case into a folder of its own.

    Returns:
        That folder.
    """
    place = folder / question.id
    place.mkdir(parents=True, exist_ok=True)
    (place / MODEL).write_bytes(question.model)
    kept = [known_of for known_of in known if known_of.expected]
    told = {
        "id": question.id,
        "hash": question.hash,
        "arithmetic": arithmetic,
        "judged": question.judged,
        "tier": known[0].tier if known else "refusal",
        "vacuous": next((each.vacuous for each in known if each.vacuous), None),
        "evidence": question.evidence,
        "inputs": [value.name for value in question.facts.inputs],
        "outputs": question.names,
        "relations": [[r.kind, r.left, r.right] for r in question.relations],
        "data_sets": len(question.datasets),
    }
    (place / CASE).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    for number, feeds in enumerate(question.datasets):
        data = place / f"test_data_set_{number}"
        data.mkdir(exist_ok=True)
        _inputs(data, question, feeds)
        if number < len(kept):
            _outputs(data, question, kept[number])
    return place


def _inputs(data: Path, question: Question, feeds: Mapping[str, Value]) -> None:
    for number, spec in enumerate(question.facts.inputs):
        message = message_of(feeds[spec.name], spec.name)
        (data / f"input_{number}.pb").write_bytes(message.SerializeToString())


def _outputs(data: Path, question: Question, known: Known) -> None:
    arrays: dict[str, Array] = {}
    for number, (name, quantity) in enumerate(zip(question.names, known.expected, strict=True)):
        message = message_of(value_of(quantity), name)
        (data / f"output_{number}.pb").write_bytes(message.SerializeToString())
        arrays |= dict(_arrays("output", "bound", number, quantity))
        if known.primitive is not None:
            tight = _arrays("output", "primitive", number, known.primitive[number])
            arrays |= {key: array for key, array in tight if key.startswith("primitive")}
    np.savez(data / BOUNDS, allow_pickle=False, **arrays)


def _arrays(
    value: str, bound: str, number: int | str, quantity: Quantity
) -> Iterator[tuple[str, Array]]:
    """The arrays of an output; those of a sequence are numbered on: output_0_1."""
    if isinstance(quantity, list):
        for place, item in enumerate(quantity):
            yield from _arrays(value, bound, f"{number}_{place}", item)
    if isinstance(quantity, Pair) and quantity.dtype != "string":
        yield f"{value}_{number}", np.asarray(_plain(quantity.value))
        yield f"{bound}_{number}", quantity.errors()


def _plain(array: Array) -> Array:
    """An array of a type that every NumPy reads."""
    return array if array.dtype.isbuiltin == 1 else array.astype(np.int64)


def value_of(quantity: Quantity) -> Value:
    """The reference rounded to its own type."""
    if quantity is None:
        return None
    if isinstance(quantity, list):
        return [value_of(item) for item in quantity]
    if isinstance(quantity, Table):
        keys, values = value_of(quantity.keys), value_of(quantity.values)
        assert isinstance(keys, Tensor)
        assert isinstance(values, Tensor)
        return MapValue(keys, values)
    own = dtypes.BY_NAME[quantity.dtype]
    if own.name == "string":
        return Tensor(np.asarray(quantity.value, dtype=object), own)
    with np.errstate(all="ignore"):
        return Tensor(np.asarray(quantity.value).astype(own.numpy), own)


def message_of(value: Value, name: str) -> Any:
    """A value as the protobuf message that onnx's suite keeps it in."""
    if isinstance(value, Tensor):
        return _tensor(value, name)
    if isinstance(value, list):
        sequence = onnx.SequenceProto(name=name, elem_type=onnx.SequenceProto.TENSOR)
        for item in value:
            if not isinstance(item, Tensor):
                raise TypeError(f"{name} is a sequence of other things than tensors")
            sequence.tensor_values.append(_tensor(item, ""))
        return sequence
    if isinstance(value, MapValue):
        message = onnx.MapProto(name=name, key_type=value.keys.dtype.number)
        keys = value.keys.array.ravel().tolist()
        if value.keys.dtype.name == "string":
            message.string_keys.extend(str(key).encode() for key in keys)
        else:
            message.keys.extend(keys)
        message.values.tensor_values.append(_tensor(value.values, ""))
        message.values.elem_type = onnx.SequenceProto.TENSOR
        return message
    return onnx.OptionalProto(name=name)


def _tensor(value: Tensor, name: str) -> TensorProto:
    if value.dtype.name == "string":
        texts = [str(item).encode() for item in value.array.ravel().tolist()]
        return TensorProto(
            name=name, data_type=TensorProto.STRING, dims=value.shape, string_data=texts
        )
    return numpy_helper.from_array(value.array, name)
