"""Sequences and optionals: what holds tensors, and hands them on unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.control import unknown
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

DOCUMENTS = "ONNX operator documents: elements are handed on, not computed"


def _items(value: Quantity) -> list[Quantity]:
    if not isinstance(value, list):
        raise TypeError(f"a sequence is needed here, not a {type(value).__name__}")
    return value


def _tensor(value: Quantity) -> Pair:
    if not isinstance(value, Pair):
        raise TypeError(f"a tensor is needed here, not a {type(value).__name__}")
    return value


@rule("SequenceEmpty", source=DOCUMENTS)
def empty(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:  # noqa: ARG001  # rules take it
    """No elements."""
    return [[]]


@rule("SequenceConstruct", source=DOCUMENTS)
def construct(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:  # noqa: ARG001  # rules take it
    """The inputs, in order."""
    return [list(inputs)]


@rule("SequenceLength", source=DOCUMENTS)
def length(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:  # noqa: ARG001  # rules take it
    """How many there are."""
    return [Pair.exact(np.array(len(_items(inputs[0])), np.int64))]


@rule("SequenceAt", "SequenceInsert", "SequenceErase", source=DOCUMENTS)
def edit(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """One element read, put in or taken out; negative places count from the end."""
    items = list(_items(inputs[0]))
    place = inputs[2 if step.op == "SequenceInsert" else 1 : None]
    at = _tensor(place[0]) if place and place[0] is not None else None
    sure = at is None or at.is_exact
    end = len(items) if step.op == "SequenceInsert" else len(items) - 1
    index = end if at is None else int(at.value.item())
    index += len(items) if index < 0 else 0
    result: Quantity = items
    if step.op == "SequenceAt":
        result = items[index]
    elif step.op == "SequenceInsert":
        items.insert(index, inputs[1])
    else:
        del items[index]
    return [result if sure else unknown(result)]


@rule("ConcatFromSequence", source=DOCUMENTS)
def joined(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Elements side by side, along an axis they have or a new one."""
    pairs = [_tensor(item) for item in _items(inputs[0])]
    axis = int(step.attributes["axis"])
    join = np.stack if step.attributes.get("new_axis") else np.concatenate
    value: Array = join([pair.value for pair in pairs], axis)
    if all(pair.error is None for pair in pairs):
        return [Pair(value, None, pairs[0].dtype)]
    return [Pair(value, join([pair.errors() for pair in pairs], axis), pairs[0].dtype)]


@rule("SplitToSequence", source=DOCUMENTS)
def split(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Slices along an axis: of the lengths asked for, or of one element each."""
    data = _tensor(inputs[0])
    axis = int(step.attributes.get("axis", 0))
    size = np.shape(data.value)[axis]
    asked = inputs[1] if len(inputs) > 1 else None
    if asked is None:
        ends = list(range(1, size + 1))
    else:
        lengths = np.asarray(_tensor(asked).value)
        even = int(lengths.item()) if lengths.ndim == 0 else 0
        ends = [*range(even, size, even), size] if even else np.cumsum(lengths).tolist()
    squeezed = asked is None and not step.attributes.get("keepdims", 1)
    parts = [slice(low, high) for low, high in zip([0, *ends[:-1]], ends, strict=True)]
    results: list[Quantity] = [
        data.moved(partial(_cut, part=part, axis=axis, squeezed=squeezed)) for part in parts
    ]
    sure = asked is None or _tensor(asked).is_exact
    return [results if sure else unknown(results)]


def _cut(array: Array, *, part: slice, axis: int, squeezed: bool) -> Array:
    taken = np.moveaxis(np.moveaxis(array, axis, 0)[part], 0, axis)
    return np.asarray(np.squeeze(taken, axis)) if squeezed else taken


@rule("Optional", "OptionalGetElement", source=DOCUMENTS)
def optional(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:  # noqa: ARG001  # rules take it
    """The same thing, wrapped or not; an optional without an element is None."""
    return [inputs[0] if inputs else None]


@rule("OptionalHasElement", source=DOCUMENTS)
def has_element(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:  # noqa: ARG001  # rules take it
    """Whether there is an element."""
    there = bool(inputs) and inputs[0] is not None
    return [Pair.exact(np.array(there))]
