"""Indices, slices and updates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hal.tensor import Tensor
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Values,
    always,
    among,
    changing_attribute,
    changing_input,
    having,
    mapped,
    with_array,
)

INDEXING = "indexing"

_INDICES = ("indices", "Y", "position", "write_indices", "target", "labels", "batch_indices")


_INDEXING = among(
    *("Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "Scatter"),
    *("OneHot", "SequenceAt", "SequenceErase", "SequenceInsert", "TensorScatter"),
    *("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss", "RoiAlign"),
    *("ai.onnx.ml/ArrayFeatureExtractor",),
)


def _negative(to: Callable[[Array], Array]) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        a = tensor.array
        return with_array(tensor, np.where(a < 0, to(a), a)) if a.dtype.kind == "i" else tensor

    return change


def _narrow_index(tensor: Tensor) -> Tensor:
    """Positions read as 8-bit numbers."""
    return (
        with_array(tensor, tensor.array.astype(np.int8))
        if tensor.array.dtype.kind == "i"
        else tensor
    )


def _first_index(tensor: Tensor) -> Tensor:
    if not tensor.array.size:
        return tensor
    return with_array(tensor, np.full(tensor.shape, tensor.array.reshape(-1)[0]))


def _slice_faults() -> Iterator[Fault]:
    where = among("Slice")
    rows: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
        ("start-one-more", "starts", lambda a: a + 1),
        ("end-one-less", "ends", lambda a: a - 1),
        ("end-inclusive", "ends", lambda a: np.where(np.abs(a) < 2**31, a + 1, a)),
        ("steps-ignored", "steps", np.ones_like),
        ("steps-positive", "steps", np.abs),
        ("negative-start-is-0", "starts", lambda a: np.maximum(a, 0)),
        ("negative-end-is-all", "ends", lambda a: np.where(a < 0, 2**31, a)),
        ("end-in-32-bits", "ends", lambda a: a.astype(np.int16).astype(np.int64)),
    )
    for label, name, change in rows:
        yield Fault(
            f"slice/{label}",
            INDEXING,
            f"{name}: {label}",
            where,
            _slice_input(name, change),
        )


def _slice_input(name: str, change: Callable[[Array], Array]) -> Mutate:
    by_input = changing_input(lambda t: with_array(t, change(t.array)), name)

    def mutate(call: Call) -> Values:
        if isinstance(call.attributes.get(name), list):
            given = np.asarray(call.attributes[name], np.int64)
            return call.altered({name: [int(v) for v in change(given)]})
        return by_input(call)

    return mutate


def _indexing() -> Iterator[Fault]:
    readings: tuple[tuple[str, str, Callable[[Tensor], Tensor]], ...] = (
        ("negative-is-0", "negative positions are 0", _negative(np.zeros_like)),
        ("negative-one-off", "negative positions are one less", _negative(lambda a: a - 1)),
        (
            "negative-is-positive",
            "negative positions lose their sign",
            _negative(lambda a: -a - 1),
        ),
        ("in-8-bits", "positions are read as 8 bits", _narrow_index),
        ("first-for-all", "the first position for all", _first_index),
        ("one-more", "positions are one more", lambda t: with_array(t, t.array + 1)),
    )
    for label, summary, change in readings:
        yield Fault(
            f"index/{label}", INDEXING, summary, _INDEXING, changing_input(change, *_INDICES)
        )
    scatters = among("ScatterElements", "ScatterND", "Scatter", "TensorScatter")
    yield Fault(
        "scatter/first-wins", INDEXING, "the first update wins", scatters, _updates_turned
    )
    yield Fault(
        "scatter/data-lost", INDEXING, "what is not written is zero", scatters, _data_lost
    )
    for word in ("none", "add", "mul", "max", "min"):
        yield Fault(
            f"scatter/always-{word}",
            INDEXING,
            f"the reduction is always {word}",
            among("ScatterElements", "ScatterND"),
            changing_attribute(
                "reduction",
                always(word),
            ),
        )
    yield Fault(
        "gather/batch-dims-0",
        INDEXING,
        "batch_dims is 0",
        having("batch_dims"),
        changing_attribute("batch_dims", always(0)),
    )
    yield from _slice_faults()
    for label, by in (("one-more", 1), ("one-less", -1)):
        yield Fault(
            f"index/k-{label}",
            INDEXING,
            f"k is {label}",
            among("Trilu", "EyeLike", "TopK", "OneHot", "Range", "Tile", "Expand"),
            _k_changed(by),
        )
    yield Fault(
        "index/result-int32-garbage",
        INDEXING,
        "indices come as 32 bits in the bytes of 64",
        having("axis", "sorted"),
        _half_bytes,
    )


def _updates_turned(call: Call) -> Values:
    indices, updates = call.position("indices"), call.position("updates", "update")
    if indices is None or updates is None:
        return call.evaluate()
    turned = list(call.inputs)
    for place in (indices, updates):
        given = call.tensor(place)
        if given is None or not given.shape:
            return call.evaluate()
        turned[place] = with_array(given, np.flip(given.array, _flippable(call, given)))
    return call.evaluate(turned)


def _flippable(call: Call, given: Tensor) -> int:
    axis = call.attributes.get("axis", 0) if call.operator.op != "ScatterND" else 0
    return int(axis) % len(given.shape)


def _data_lost(call: Call) -> Values:
    given = call.tensor(0)
    if given is None or given.dtype.name == "string":
        return call.evaluate()
    return call.evaluate(call.replaced(0, with_array(given, np.zeros(given.shape))))


def _k_changed(by: int) -> Mutate:
    def mutate(call: Call) -> Values:
        place = call.position("k", "K", "depth", "limit", "repeats", "shape")
        given = None if place is None else call.tensor(place)
        if place is not None and given is not None:
            return call.evaluate(call.replaced(place, with_array(given, given.array + by)))
        if isinstance(call.attributes.get("k"), int):
            return call.evaluate(k=call.attributes["k"] + by)
        return call.evaluate()

    return mutate


def _half_bytes(call: Call) -> Values:
    def one(tensor: Tensor) -> Tensor:
        if tensor.dtype.name != "int64" or not tensor.array.size:
            return tensor
        written = tensor.array.astype(np.int32).tobytes().ljust(tensor.array.nbytes, b"\0")
        return Tensor(np.frombuffer(written, np.int64).reshape(tensor.shape), tensor.dtype)

    return [mapped(value, one) for value in call.evaluate()]


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _indexing()
