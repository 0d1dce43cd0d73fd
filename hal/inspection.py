"""Reading a model's graph: what it declares, node by node, and where its weights lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from hal import dtypes
from hal.errors import InputError
from hal.spec import Container, Dim, ModelFacts, NodeFacts, TensorSpec

if TYPE_CHECKING:
    import onnx

# AttributeProto.AttributeType
_GRAPH, _GRAPHS, _TENSOR, _TENSORS, _SPARSE_TENSOR, _SPARSE_TENSORS = 5, 10, 4, 9, 11, 12


def parse(data: bytes, origin: str) -> onnx.ModelProto:
    """The message in `data`; `origin` names it in errors.

    Raises:
        InputError: these are not the bytes of an ONNX model.
    """
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise InputError(f"{origin} is not an ONNX model: {error}") from error
    if not model.HasField("graph") or not model.opset_import:
        missing = "graph" if not model.HasField("graph") else "opset import"
        raise InputError(f"{origin} is not an ONNX model: it has no {missing}")
    return model


def facts_of(model: onnx.ModelProto) -> ModelFacts:
    """What the message declares; function bodies and subgraphs are read too.

    Raises:
        InputError: a name in it is not text, or is given a value twice.
    """
    opsets = {_domain(entry.domain): entry.version for entry in model.opset_import}
    graph = model.graph
    initialised = {tensor.name for tensor in graph.initializer}
    nodes = list(_nodes(graph.node, opsets, ""))
    for function in model.functions:
        local = {_domain(entry.domain): entry.version for entry in function.opset_import}
        nodes += _nodes(function.node, local, f"{function.domain}.{function.name}/")
    return ModelFacts(
        ir_version=model.ir_version,
        opsets=opsets,
        inputs=tuple(_spec(value) for value in graph.input if value.name not in initialised),
        outputs=tuple(_spec(value) for value in graph.output),
        nodes=tuple(nodes),
        dtypes=frozenset(_dtypes(model)),
        external=tuple(sorted(set(_external(model)))),
    )


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _nodes(
    nodes: Iterable[onnx.NodeProto], opsets: dict[str, int], owner: str
) -> Iterator[NodeFacts]:
    made: set[str] = set()
    for own, node in identified(nodes):
        _once(node, made)
        op, domain = _text(node.op_type), _domain(_text(node.domain))
        yield NodeFacts(owner + own, op, domain, _since(op, domain, opsets.get(domain, 0)))
        for name, graph in bodies(node):
            yield from _nodes(graph.node, opsets, f"{owner}{own}/{name}/")


def bodies(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    """The graphs among the node's attributes, each with the attribute's name."""
    for attribute in node.attribute:
        if attribute.type == _GRAPH:
            yield attribute.name, attribute.g
        elif attribute.type == _GRAPHS:
            for graph in attribute.graphs:
                yield attribute.name, graph


def identified(nodes: Iterable[onnx.NodeProto]) -> Iterator[tuple[str, onnx.NodeProto]]:
    """The nodes of one graph, each with its id there: its name, or its place as "#3".

    Raises:
        InputError: a name is not text.
    """
    seen: set[str] = set()
    for index, node in enumerate(nodes):
        name = _text(node.name)
        own = name if name and name not in seen else f"#{index}"
        seen.add(own)
        yield own, node


def _once(node: onnx.NodeProto, made: set[str]) -> None:
    """Names of a graph are assigned once; some runtimes take the first value, some the last."""
    for name in node.output:
        if name and name in made:
            raise InputError(
                f"not an ONNX model: two nodes make the value {name!r}; rename one of them"
            )
        made.add(name)


@lru_cache(maxsize=4096)
def _since(op: str, domain: str, opset: int) -> int:
    """The version of the operator that this opset means; the opset itself where unknown."""
    from onnx import defs

    try:
        return int(defs.get_schema(op, opset, domain).since_version)
    except (defs.SchemaError, TypeError):  # TypeError: a version no C int holds
        return opset


def _text(found: object) -> str:
    """Protobuf gives bytes where a name is not UTF-8."""
    if not isinstance(found, str):
        raise InputError(f"not an ONNX model: it holds a name that is not UTF-8: {found!r}")
    return found


def _spec(value: onnx.ValueInfoProto) -> TensorSpec:
    dtype, shape, containers = _type(value.type)
    return TensorSpec(_text(value.name), dtype, shape, containers)


def _type(
    proto: onnx.TypeProto,
) -> tuple[str, tuple[Dim, ...] | None, tuple[Container, ...]]:
    kind = proto.WhichOneof("value")
    if kind == "sequence_type":
        dtype, shape, inner = _type(proto.sequence_type.elem_type)
        return dtype, shape, ("sequence", *inner)
    if kind == "optional_type":
        dtype, shape, inner = _type(proto.optional_type.elem_type)
        return dtype, shape, ("optional", *inner)
    if kind == "map_type":
        dtype, shape, inner = _type(proto.map_type.value_type)
        return dtype, shape, ("map", *inner)
    tensor = proto.tensor_type if kind == "tensor_type" else proto.sparse_tensor_type
    number = tensor.elem_type
    dtype = dtypes.BY_NUMBER[number].name if number in dtypes.BY_NUMBER else "unknown"
    if not tensor.HasField("shape"):
        return dtype, None, ()
    return dtype, tuple(_dim(dim) for dim in tensor.shape.dim), ()


def _dim(dim: onnx.TensorShapeProto.Dimension) -> Dim:
    kind = dim.WhichOneof("value")
    if kind == "dim_value":
        return int(dim.dim_value) if dim.dim_value >= 0 else None  # Paddle writes -1 for any
    name = _text(dim.dim_param)
    return None if name in ("", "?") else name  # and "?", more than once


def _graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """The model's graph and every subgraph, those inside function bodies too."""
    yield model.graph
    yield from _subgraphs(model.graph.node)
    for function in model.functions:
        yield from _subgraphs(function.node)


def _subgraphs(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    for node in nodes:
        for _, inner in bodies(node):
            yield inner
            yield from _subgraphs(inner.node)


def _dtypes(model: onnx.ModelProto) -> Iterator[str]:
    for graph in _graphs(model):
        for value in (*graph.input, *graph.output, *graph.value_info):
            dtype = _type(value.type)[0]
            if dtype != "unknown":
                yield dtype
        for tensor in graph.initializer:
            if tensor.data_type in dtypes.BY_NUMBER:
                yield dtypes.BY_NUMBER[tensor.data_type].name


def _external(model: onnx.ModelProto) -> Iterator[str]:
    nodes: list[onnx.NodeProto] = [node for f in model.functions for node in f.node]
    for graph in _graphs(model):
        nodes += graph.node
        yield from _locations(graph.initializer)
        for sparse in graph.sparse_initializer:
            yield from _locations((sparse.values, sparse.indices))
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type in (_TENSOR, _TENSORS):
                yield from _locations((attribute.t, *attribute.tensors))
            if attribute.type in (_SPARSE_TENSOR, _SPARSE_TENSORS):
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from _locations((sparse.values, sparse.indices))


def _locations(tensors: Iterable[onnx.TensorProto]) -> Iterator[str]:
    for tensor in tensors:
        if tensor.data_location == 1:  # TensorProto.EXTERNAL
            yield from (
                _text(entry.value) for entry in tensor.external_data if entry.key == "location"
            )
