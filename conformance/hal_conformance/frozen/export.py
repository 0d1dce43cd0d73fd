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
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hal import dtypes, exchange
from hal.tensor import MapValue, Tensor, Value
from hal_conformance.frozen.question import Known, Question
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair, Quantity, Table

MODEL, CASE, BOUNDS = "model.onnx", "case.json", "bounds.npz"


def export(
    folder: Path,
    question: Question,
    known: Sequence[Known],
    arithmetic: str,
    forms: Sequence[str] = ("pb",),
) -> Path:
    """Write a case into a folder of its own; without what is known, its questions alone.

    `forms` are those of `hal.exchange`.

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
        "tier": known[0].tier if known else question.judged,
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
        inputs = question.facts.inputs
        exchange.write(data, "input", inputs, [feeds[spec.name] for spec in inputs], forms)
        if number < len(kept):
            _outputs(data, question, kept[number], forms)
    return place


def _outputs(data: Path, question: Question, known: Known, forms: Sequence[str]) -> None:
    values = [value_of(quantity) for quantity in known.expected]
    exchange.write(data, "output", question.facts.outputs, values, forms)
    arrays: dict[str, Array] = {}
    for number, quantity in enumerate(known.expected):
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
