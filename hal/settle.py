"""What follows from a model's static shapes, written into it as constants.

For compilers whose front end wants a shape as a constant where the model works it out (Shape,
Gather, Concat, Reshape), which many exporters write. Only that is worked out here: what has
nothing to do with a shape is left for the device to compute.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hal.inspection import bodies
from hal.model import Model
from hal.specialize import graphs
from hal.tensor import Array

if TYPE_CHECKING:
    import onnx

ROUNDS = 8
"""How often to look for shapes that follow from what was found before."""

FOLDED = 64
"""How many integers a value may have that is worked out here."""

_NUMBERS: Mapping[str, tuple[str, str]] = {
    "value_float": ("f", "float32"),
    "value_floats": ("floats", "float32"),
    "value_int": ("i", "int64"),
    "value_ints": ("ints", "int64"),
}
"""Attribute of a Constant -> the field it lies in, and its type."""


def settled(model: Model) -> Model:
    """The model with what follows from its static shapes written as constants.

    A Shape or Size of a value whose shape is known becomes a Constant, and so do the few
    integers that are worked out from it and from constants, and a small ConstantOfShape of a
    shape that is known. Every Constant holds a tensor, whichever attribute it was given by.
    """
    proto = model.proto()
    for body in graphs(proto.graph):
        for node in body.node:
            held = _held(node) if node.op_type == "Constant" else None
            if held is not None:
                _replace(node, held)
    known = _Known(proto)
    for _ in range(ROUNDS):
        if not known.fold():
            break
    return Model(proto.SerializeToString(), folder=model.folder)


class _Known:
    """The small values of a graph that are known, those that come from shapes apart."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        from onnx import numpy_helper

        del proto.graph.value_info[:]  # what follows, and not what somebody wrote down
        self._proto = proto
        self._of_shapes: set[str] = set()
        tensors = {tensor.name: tensor for tensor in proto.graph.initializer}
        for node in proto.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                tensors[node.output[0]] = node.attribute[0].t
        self._values: dict[str, Array] = {
            name: numpy_helper.to_array(tensor)
            for name, tensor in tensors.items()
            if math.prod(tensor.dims) <= FOLDED and not tensor.external_data
        }

    def fold(self) -> bool:
        """Write what can be worked out now as constants; whether there was any."""
        shapes = self._shapes()
        found = False
        for node in self._proto.graph.node:
            value = self._value(node, shapes)
            if value is not None:
                self._values[node.output[0]] = value
                self._of_shapes.add(node.output[0])
                _replace(node, value)
                found = True
        return found

    def _shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes that are known whole."""
        from onnx import shape_inference

        graph = shape_inference.infer_shapes(self._proto, data_prop=True).graph
        shapes = {
            value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
            for value in (*graph.value_info, *graph.input)
            if value.type.tensor_type.HasField("shape")
            and all(dim.HasField("dim_value") for dim in value.type.tensor_type.shape.dim)
        }
        return shapes | {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}

    def _value(
        self, node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]
    ) -> Array | None:
        if node.domain not in ("", "ai.onnx") or len(node.output) != 1 or any(bodies(node)):
            return None
        if node.op_type in ("Shape", "Size") and node.input[0] in shapes:
            return _measured(node, shapes[node.input[0]])
        taken = [name for name in node.input if name]
        if node.op_type == "ConstantOfShape" and node.input[0] in self._values:
            return _filled(node, self._values[node.input[0]])
        if self._of_shapes.isdisjoint(taken) or not self._values.keys() >= set(taken):
            return None
        return self._computed(node, taken)

    def _computed(self, node: onnx.NodeProto, taken: Sequence[str]) -> Array | None:
        """What ONNX's reference gives for the node, where that is a few integers."""
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        given = {name: self._values[name] for name in taken}
        inputs = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in given.items()
        ]
        output = helper.make_empty_tensor_value_info(node.output[0])
        graph = helper.make_graph([node], "one", inputs, [output])
        one = helper.make_model(graph, opset_imports=list(self._proto.opset_import))
        try:
            evaluator: Any = ReferenceEvaluator(one)
            result = np.asarray(evaluator.run(None, given)[0])
        except Exception:  # noqa: BLE001  then it stays, for the vendor to judge
            return None
        small = result.ndim < 2 and result.size <= FOLDED
        return result if small and result.dtype.kind in "ib" else None


def _measured(node: onnx.NodeProto, shape: tuple[int, ...]) -> Array:
    if node.op_type == "Size":
        return np.array(math.prod(shape), np.int64)
    ends = {attribute.name: attribute.i for attribute in node.attribute}
    return np.array(shape[ends.get("start", 0) : ends.get("end")], np.int64)


def _filled(node: onnx.NodeProto, shape: Array) -> Array | None:
    from onnx import numpy_helper

    if math.prod(shape.tolist()) > FOLDED:
        return None
    value = numpy_helper.to_array(node.attribute[0].t) if node.attribute else np.zeros(1, "f4")
    return np.full(shape, value.reshape(()))


def _held(node: onnx.NodeProto) -> Array | None:
    """The value of a Constant that is given as numbers; None where it is something else."""
    for attribute in node.attribute:
        if attribute.name in _NUMBERS:
            field, dtype = _NUMBERS[attribute.name]
            return np.array(getattr(attribute, field), dtype)
    return None


def _replace(node: onnx.NodeProto, value: Array) -> None:
    """Turn the node into a Constant of the value."""
    from onnx import helper, numpy_helper

    tensor = numpy_helper.from_array(value)
    node.CopyFrom(
        helper.make_node("Constant", [], list(node.output), name=node.name, value=tensor)
    )
