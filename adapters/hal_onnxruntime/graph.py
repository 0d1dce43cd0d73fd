"""Walking a model's nodes in the order of `ModelFacts.nodes`, which gives each its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hal.inspection import bodies, parse
from hal.model import Model
from hal.spec import NodeFacts

if TYPE_CHECKING:
    import onnx

_SHAPES = frozenset({"Shape", "Size"})  # folded where the shape is known while compiling
_LIMIT = 1 << 24  # bytes of a model that is worth rewriting


def named(model: Model) -> Model:
    """The model with a name for every node, so that ONNX Runtime speaks of nodes we know.

    Nameless nodes, and those whose name another has, are named by their ids. Nothing else
    changes. Large models and those with external weights are left as they are.
    """
    facts = model.facts
    if facts.external or not any(is_nameless(node) for node in facts.nodes):
        return model
    data = model.bytes()
    if len(data) > _LIMIT:
        return model
    try:
        proto = parse(data, "the model")
    except ImportError:  # a bare worker without onnx
        return model
    for node, fact, name in zip(walk(proto), facts.nodes, names(facts.nodes), strict=True):
        if is_nameless(fact):
            node.name = name
    return Model(proto.SerializeToString(), facts=facts)


def names(nodes: Sequence[NodeFacts]) -> list[str]:
    """The id of each node, made unique: nodes of a list of subgraphs share theirs."""
    seen: set[str] = set()
    found: list[str] = []
    for index, node in enumerate(nodes):
        name = node.id if node.id not in seen else f"{node.id}@{index}"
        seen.add(name)
        found.append(name)
    return found


def is_nameless(node: NodeFacts) -> bool:
    """Whether the node has no name of its own."""
    return node.id.rpartition("/")[2].startswith("#")


def walk(proto: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """All nodes: each before those of its subgraphs, then those of the model's functions."""
    yield from _walk(proto.graph.node)
    for function in proto.functions:
        yield from _walk(function.node)


def _walk(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for _, inner in bodies(node):
            yield from _walk(inner.node)


class Reading:
    """What edges and schemas say of nodes that a record lacks, by their places.

    `folded` depend on constants alone, or lie in a node that does; `functions` are defined by
    other nodes: a function of the model, or an operator whose schema has a body.
    """

    def __init__(self, proto: onnx.ModelProto, missing: Sequence[int]) -> None:
        self._missing = frozenset(missing)
        self._next = 0
        self.folded: set[int] = set()
        self._read(proto.graph, {""}, within_folded=False)
        for function in proto.functions:
            self._read(function, {""}, within_folded=False)
        local = {(function.domain, function.name) for function in proto.functions}
        opsets = {entry.domain: entry.version for entry in proto.opset_import}
        self.functions = frozenset(
            index
            for index, node in enumerate(walk(proto))
            if index in self._missing
            and ((node.domain, node.op_type) in local or _has_body(node, opsets))
        )

    def _read(self, scope: Any, outer: set[str], *, within_folded: bool) -> None:
        constant = outer | {tensor.name for tensor in getattr(scope, "initializer", ())}
        for node in scope.node:
            index = self._next
            self._next += 1
            known = node.op_type in _SHAPES or all(name in constant for name in node.input)
            folded = index in self._missing and (known or within_folded)
            if folded:
                self.folded.add(index)
                constant.update(node.output)
            for _, inner in bodies(node):
                self._read(inner, constant, within_folded=folded)


def _has_body(node: onnx.NodeProto, opsets: dict[str, int]) -> bool:
    from onnx import defs

    try:
        schema: Any = defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
    except defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)
