"""From a written graph to a case: the model, typed and checked by onnx, and its feeds."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import TensorProto, checker, helper, shape_inference

from hal_conformance.generated.graphs.wrapping import FLAG, in_branches, in_function, truth
from hal_conformance.generated.graphs.writing import Graph
from hal_conformance.generated.source import Relation, Source

FLOATS = frozenset(
    {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
)


class Same(Exception):
    """The twist changes nothing of this graph: there is no such case."""


def source_of(graph: Graph, label: str, relations: Sequence[Relation] = ()) -> Source:
    """The case.

    Raises:
        Same: the graph's twist has nothing to act on.
        ValueError: onnx refuses the model; the pattern is wrong.
    """
    try:
        model = model_of(graph)
    except Same:
        raise
    except Exception as error:
        raise ValueError(f"{graph.id}: {error}") from error
    branches = graph.twist.wrapped == "branches"
    feeds = [
        {
            feed.name: feed.value((graph.id, number), number if graph.twist.symbolic else 0)
            for feed in graph.feeds
        }
        | ({FLAG: truth(number == 0)} if branches else {})
        for number in range(2 if graph.twist.symbolic or branches else 1)
    ]
    elements = max((v.array.size for data in feeds for v in data.values()), default=0)
    return Source(
        graph.id,
        model.SerializeToString(deterministic=True),
        feeds,
        f"sampled {elements}",
        "values",
        label,
        {"T": graph.t},
        relations,
    )


def model_of(graph: Graph) -> onnx.ModelProto:
    """The model of a graph, with its twist.

    Raises:
        Same: the twist has nothing to act on.
    """
    _check_twist(graph)
    model = typed(_assembled(graph))
    twist = graph.twist
    if twist.exposed:
        inner = _inner(model)
        if not inner or (twist.exposed == "last" and len(inner) == 1):
            raise Same
        model.graph.output.append(inner[0 if twist.exposed == "first" else -1])
    elif twist.reused:
        _reuse(model)
    elif twist.wrapped:
        del model.graph.value_info[:]
        wrap = in_function if twist.wrapped == "function" else in_branches
        model = typed(wrap(model))
    del model.graph.value_info[:]
    checker.check_model(model, full_check=True)  # pyright: ignore[reportUnknownMemberType]  # PathLike, no parameter
    return model


def typed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the types of all its values."""
    return shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def _check_twist(graph: Graph) -> None:
    twist = graph.twist
    symbols = any(isinstance(dim, str) for feed in graph.feeds for dim in feed.dims)
    if twist.symbolic and not symbols:
        raise Same
    if twist.weights == "fed" and not graph.has_weights:
        raise Same
    if twist.weights == "nodes" and not graph.has_constants:
        raise Same
    if twist.weights == "overridable" and not graph.weights:
        raise Same
    if twist.swapped and not graph.swaps:
        raise Same


def _assembled(graph: Graph) -> onnx.ModelProto:
    inputs = [feed.declared(symbolic=graph.twist.symbolic) for feed in graph.feeds]
    weights = list(graph.weights.values())
    if graph.twist.weights == "overridable":
        inputs += [
            helper.make_tensor_value_info(w.name, w.data_type, list(w.dims)) for w in weights
        ]
    outputs = [
        graph.declared.get(name, onnx.ValueInfoProto(name=name)) for name in graph.outputs
    ]
    made = helper.make_graph(graph.nodes, "case", inputs, outputs, weights)
    opsets = {"": graph.opset, **graph.domains}
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    ir = helper.find_min_ir_version_for(imports, ignore_unknown=True)
    model = helper.make_model(made, opset_imports=imports, ir_version=max(ir, 8))
    model.producer_name = "onnx-hal"
    return model


def _inner(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The floating-point values that one node of the graph hands to another, in order."""
    graph = model.graph
    read = {name for node in graph.node for name in node.input}
    fixed = {node.output[0] for node in graph.node if node.op_type == "Constant"}
    outputs = {value.name for value in graph.output}
    types = {value.name: value for value in graph.value_info}
    made = [name for node in graph.node for name in node.output]
    return [
        types[name]
        for name in made
        if name in types
        and name in read - fixed - outputs
        and types[name].type.tensor_type.elem_type in FLOATS
    ]


def _reuse(model: onnx.ModelProto) -> None:
    """Give the value in the middle a second reader, whose result is an output."""
    inner = _inner(model)
    if not inner:
        raise Same
    value = inner[len(inner) // 2]
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    copy.name = f"{value.name}_negated"
    model.graph.node.append(helper.make_node("Neg", [value.name], [copy.name]))
    model.graph.output.append(copy)
