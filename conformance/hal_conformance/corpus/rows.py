"""What a model exercises, node by node: the rows of `index.jsonl`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
from onnx import defs, shape_inference

from hal import dtypes
from hal.inspection import bodies

MAX_LIST = 64
"""Attributes with more elements than this are named by their type and length."""

_Types = dict[str, tuple[str, str]]
"""By name of a value: its type in words, with the shape and without."""

_CONTAINERS = {
    "sequence_type": ("sequence", "elem_type"),
    "optional_type": ("optional", "elem_type"),
    "map_type": ("map", "value_type"),
}


def row_of(model: onnx.ModelProto, suite: str) -> dict[str, Any]:
    """An IndexRow as plain data, without the case's id and hash."""
    opsets = {_domain(entry.domain): entry.version for entry in model.opset_import}
    inferred = shape_inference.infer_shapes(model, data_prop=True)
    nodes = list(_nodes(inferred.graph, opsets, {}))
    return {"suite": suite, "opset": opsets.get(""), "nodes": nodes}


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _nodes(
    graph: onnx.GraphProto, opsets: Mapping[str, int], outer: _Types
) -> Iterator[dict[str, Any]]:
    types = {**outer, **_declared(graph)}
    for node in graph.node:
        yield _node(node, opsets, types)
        for _, inner in bodies(node):
            yield from _nodes(inner, opsets, types)


def _declared(graph: onnx.GraphProto) -> _Types:
    types: _Types = {}
    for tensor in graph.initializer:
        name = dtypes.of_number(tensor.data_type).name
        types[tensor.name] = (f"{name}[{','.join(map(str, tensor.dims))}]", name)
    for value in (*graph.value_info, *graph.output, *graph.input):
        if value.type.WhichOneof("value"):
            types[value.name] = (type_text(value.type), type_text(value.type, shape=False))
    return types


def _node(node: onnx.NodeProto, opsets: Mapping[str, int], types: _Types) -> dict[str, Any]:
    domain = _domain(node.domain)
    schema = _schema(node.op_type, domain, opsets.get(domain, 0))
    return {
        "op": node.op_type,
        "domain": domain,
        "version": schema.since_version if schema else opsets.get(domain, 0),
        "types": _bindings(node, schema, types) if schema else {},
        "attributes": {a.name: plain_attribute(a) for a in node.attribute},
        "inputs": [_text(name, types) for name in node.input],
        "outputs": [_text(name, types) for name in node.output],
    }


@lru_cache(maxsize=4096)
def _schema(op: str, domain: str, opset: int) -> defs.OpSchema | None:
    try:
        return defs.get_schema(op, opset, domain)
    except defs.SchemaError:
        return None


def _bindings(node: onnx.NodeProto, schema: defs.OpSchema, types: _Types) -> dict[str, str]:
    """The type that each type parameter of the operator stands for here."""
    bound: dict[str, str] = {}
    for names, formals in zip((node.input, node.output), _parameters(schema), strict=True):
        for name, parameter in zip(names, _stretched(formals, len(names)), strict=False):
            if parameter and name in types:
                bound.setdefault(parameter, types[name][1])
    return bound


@lru_cache(maxsize=4096)
def _parameters(schema: defs.OpSchema) -> tuple[list[str | None], list[str | None]]:
    """The type parameter of each formal input and output; None for one of a fixed type."""
    known = {constraint.type_param_str for constraint in schema.type_constraints}
    inputs, outputs = (
        [formal.type_str if formal.type_str in known else None for formal in formals]
        for formals in (schema.inputs, schema.outputs)
    )
    return inputs, outputs


def _stretched(formals: list[str | None], length: int) -> list[str | None]:
    """One for each value: the last formal of a variadic operator stands for all that follow."""
    return formals + formals[-1:] * (length - len(formals))


def _text(name: str, types: _Types) -> str | None:
    """The type of a value in words: None where it is left out, "?" where it is not known."""
    if not name:
        return None
    return types[name][0] if name in types else "?"


def type_text(proto: onnx.TypeProto, shape: bool = True) -> str:
    """A type in words: "float32[2,n]", "sequence(int64[?])", "float32" without its shape."""
    kind = proto.WhichOneof("value")
    if kind in _CONTAINERS:
        word, field = _CONTAINERS[kind]
        return f"{word}({type_text(getattr(getattr(proto, kind), field), shape)})"
    tensor = proto.tensor_type if kind == "tensor_type" else proto.sparse_tensor_type
    name = dtypes.of_number(tensor.elem_type).name if tensor.elem_type else "?"
    if not shape or not tensor.HasField("shape"):
        return name
    dims = (
        d.dim_param or (str(d.dim_value) if d.HasField("dim_value") else "?")
        for d in tensor.shape.dim
    )
    return f"{name}[{','.join(dims)}]"


def plain_attribute(attribute: onnx.AttributeProto) -> Any:
    """An attribute's value as JSON; tensors by their type, graphs by the word."""
    if attribute.ref_attr_name:
        return f"@{attribute.ref_attr_name}"
    return _plain(onnx.helper.get_attribute_value(attribute))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float):
        return _short(value)
    if isinstance(value, (int, str)):
        return value
    if isinstance(value, onnx.TensorProto):
        dims = ",".join(map(str, value.dims))
        return f"{dtypes.of_number(value.data_type).name}[{dims}]"
    if isinstance(value, onnx.TypeProto):
        return type_text(value)
    if isinstance(value, onnx.GraphProto):
        return "graph"
    if isinstance(value, onnx.SparseTensorProto):
        return "sparse"
    items = list(value)
    if len(items) > MAX_LIST:
        return f"{len(items)} x {type(items[0]).__name__}"
    return [_plain(item) for item in items]


def _short(value: float) -> float | str:
    """A float32 in as few digits as tell it apart; JSON has no inf and no nan."""
    short = float(str(np.float32(value)))
    return short if np.isfinite(short) else str(short)
