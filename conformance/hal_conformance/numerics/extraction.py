"""Parts of a model as models of their own: one node, or the nodes between cuts.

A part's inputs are the tensors that flow into it, with the very shapes they had; weights and
constants stay inside, as they were for the compiler of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hal.tensor import Tensor

NORMALISATIONS = frozenset(
    {
        "GroupNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "RMSNormalization",
        "Softmax",
    }
)
"""Operators after which a model is cut into segments, besides residual additions. Batch
normalisation is no cut: compilers fold it into the convolution before it."""


@dataclass(frozen=True)
class Part:
    """Some nodes of a model: `inputs` flow in, `outputs` are looked at."""

    name: str
    op: str
    nodes: tuple[onnx.NodeProto, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Whole:
    """A model that parts are taken from.

    Args:
        model: with its weights inside.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self.nodes: list[onnx.NodeProto] = []
        for node in model.graph.node:
            constant = _constant(node)
            if constant is None:
                self.nodes.append(node)
            else:
                self.weights[constant.name] = constant
        typed = onnx.shape_inference.infer_shapes(model).graph
        values = (*typed.value_info, *typed.output, *typed.input)
        self.types = {
            v.name: v.type.tensor_type.elem_type
            for v in values
            if v.type.HasField("tensor_type") and v.type.tensor_type.elem_type
        }

    def exposed(self) -> onnx.ModelProto:
        """The model with every intermediate tensor as an output."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self.model)
        known = {output.name for output in copy.graph.output}
        for node in self.nodes:
            for name in node.output:
                if name and name not in known and name in self.types:
                    info = helper.make_tensor_value_info(name, self.types[name], None)
                    copy.graph.output.append(info)
        return copy

    def single(self) -> list[Part]:
        """Every node that holds no subgraph, as a part."""
        return [
            self._part(node.name or f"{node.op_type}_{number}", node.op_type, [node])
            for number, node in enumerate(self.nodes)
            if not any(a.HasField("g") or a.graphs for a in node.attribute)
        ]

    def segments(self) -> list[Part]:
        """The nodes between residual additions, normalisations and the model's outputs."""
        cuts = [node for node in self.nodes if self._is_cut(node)]
        ends = [*(node.output[0] for node in cuts), *(o.name for o in self.model.graph.output)]
        found: list[Part] = []
        for end in dict.fromkeys(ends):
            nodes = self._behind(end, set(ends) - {end})
            if len(nodes) > 1 and not any(a.HasField("g") for n in nodes for a in n.attribute):
                part = self._part(f"up to {end}", f"{len(nodes)} nodes", nodes)
                found.append(Part(part.name, part.op, part.nodes, part.inputs, (end,)))
        return found

    def submodel(self, part: Part, values: Mapping[str, Tensor]) -> onnx.ModelProto:
        """The part as a model whose inputs have the shapes of these values."""
        inputs = [
            helper.make_tensor_value_info(n, values[n].dtype.number, values[n].shape)
            for n in part.inputs
        ]
        outputs = [
            helper.make_tensor_value_info(n, values[n].dtype.number, values[n].shape)
            for n in part.outputs
        ]
        read = {name for node in part.nodes for name in node.input}
        weights = [tensor for name, tensor in self.weights.items() if name in read]
        graph = helper.make_graph(list(part.nodes), "part", inputs, outputs, weights)
        return helper.make_model(
            graph,
            opset_imports=list(self.model.opset_import),
            functions=list(self.model.functions),
            ir_version=self.model.ir_version,
        )

    def _is_cut(self, node: onnx.NodeProto) -> bool:
        if node.op_type in NORMALISATIONS:
            return True
        return node.op_type == "Add" and not any(n in self.weights for n in node.input)

    def _behind(self, end: str, cuts: set[str]) -> list[onnx.NodeProto]:
        makers = {name: k for k, node in enumerate(self.nodes) for name in node.output if name}
        wanted, found = [end], set[int]()
        while wanted:
            number = makers.get(wanted.pop())
            if number is None or number in found:
                continue
            found.add(number)
            wanted += [name for name in self.nodes[number].input if name not in cuts]
        return [self.nodes[number] for number in sorted(found)]

    def _part(self, name: str, op: str, nodes: Sequence[onnx.NodeProto]) -> Part:
        made = {output for node in nodes for output in node.output}
        read = dict.fromkeys(name for node in nodes for name in node.input if name)
        inputs = [n for n in read if n not in made and n not in self.weights]
        outputs = [output for output in nodes[-1].output if output]
        return Part(name, op, tuple(nodes), tuple(inputs), tuple(outputs))


def _constant(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """The tensor of a Constant node that holds one."""
    if node.op_type != "Constant" or node.domain:
        return None
    (attribute,) = node.attribute
    kinds = {"value_float": np.float32, "value_int": np.int64}
    kinds |= {"value_floats": np.float32, "value_ints": np.int64}
    if attribute.name == "value":
        tensor = onnx.TensorProto()
        tensor.CopyFrom(attribute.t)
        tensor.name = node.output[0]
        return tensor
    if attribute.name in kinds:
        array = np.array(helper.get_attribute_value(attribute), kinds[attribute.name])
        return numpy_helper.from_array(array, node.output[0])
    return None
