"""A graph within a function of its model, or within both branches of an If."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from hal import dtypes
from hal.tensor import Tensor

FLAG = "flag"
"""The condition's name."""

DOMAIN = "local"


def truth(value: bool) -> Tensor:
    """A condition."""
    return Tensor(np.array(value), dtypes.of_name("bool"))


def in_function(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with all its nodes in one function; initializers are arguments."""
    graph = model.graph
    inputs = [value.name for value in graph.input]
    inputs += [tensor.name for tensor in graph.initializer]
    outputs = [value.name for value in graph.output]
    inner = {name: f"{name}_inside" for name in outputs}
    nodes = [_renamed(node, inner) for node in graph.node]
    function = helper.make_function(
        DOMAIN, "Pattern", inputs, list(inner.values()), nodes, list(model.opset_import)
    )
    wrapped = onnx.ModelProto()
    wrapped.CopyFrom(model)
    del wrapped.graph.node[:]
    wrapped.graph.node.append(helper.make_node("Pattern", inputs, outputs, domain=DOMAIN))
    wrapped.functions.append(function)
    wrapped.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return wrapped


def in_branches(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model in the first branch of an If; the second one negates its outputs."""
    graph = model.graph
    outputs = [value.name for value in graph.output]
    branches: list[onnx.GraphProto] = []
    for word in ("then", "else"):
        made = {name: f"{name}_{word}" for node in graph.node for name in node.output}
        nodes = [_renamed(node, made) for node in graph.node]
        results = [made[name] for name in outputs]
        if word == "else":
            negated = [f"{name}_negated" for name in results]
            nodes += [
                helper.make_node("Neg", [a], [b]) for a, b in zip(results, negated, strict=True)
            ]
            results = negated
        told = [onnx.ValueInfoProto(name=name) for name in results]
        branches.append(helper.make_graph(nodes, word, [], told))
    wrapped = onnx.ModelProto()
    wrapped.CopyFrom(model)
    del wrapped.graph.node[:]
    wrapped.graph.node.append(
        helper.make_node(
            "If", [FLAG], outputs, then_branch=branches[0], else_branch=branches[1]
        )
    )
    wrapped.graph.input.append(helper.make_tensor_value_info(FLAG, TensorProto.BOOL, []))
    return wrapped


def _renamed(node: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names.get(name, name) for name in node.output]
    return copy
