"""Where each node of the original model ran, from ONNX Runtime's own record of it.

ONNX Runtime records which nodes it gave to which execution provider, after its first round of
graph rewriting. Nodes are recognised by name. Where nameless ones are ambiguous, a twin of the
model in which every node has a name is compiled in the same way, and its record is read.

What the record no longer has was computed while compiling (folded), became part of another node
or did nothing (fused), or was replaced by its function body: then it ran where the body did.
Where more than one provider took part and a node left no trace, it is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from hal.model import Model
from hal.spec import NodeFacts, NodePlacement, Placement, Where
from hal_onnxruntime import graph
from hal_onnxruntime.session import CPU, Recipe

if TYPE_CHECKING:
    import onnx

Found: TypeAlias = "tuple[Where, str]"
Key: TypeAlias = "tuple[str, str, str]"

_TWIN_LIMIT = 1 << 26  # bytes of a model that is worth compiling twice for its nameless nodes


@dataclass(frozen=True)
class Assigned:
    """One node as ONNX Runtime gave it to an execution provider."""

    provider: str
    name: str
    domain: str
    op: str


def assigned(session: Any) -> tuple[Assigned, ...]:
    """The session's own record; needs session.record_ep_graph_assignment_info."""
    return tuple(
        Assigned(part.ep_name, node.name, node.domain, node.op_type)
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    )


def placement(recipe: Recipe, record: Sequence[Assigned]) -> Placement:
    """The placement of every node of the recipe's model, given the record of its session."""
    nodes = recipe.model.facts.nodes
    reader = _Reader(nodes, record, recipe.provider)
    reader.match_names()
    reader.match_nameless()
    if reader.missing():
        _explain_missing(recipe, reader)
    return Placement(tuple(reader.placed()), "assigned")


def _explain_missing(recipe: Recipe, reader: _Reader) -> None:
    try:
        proto = recipe.model.proto()
    except ImportError:  # a bare worker without onnx: they stay unknown
        return
    if reader.ambiguous() and proto.ByteSize() <= _TWIN_LIMIT and not recipe.model.facts.external:
        reader.match_tags(_twin(recipe, proto))
    reader.match_gone(graph.Reading(proto, reader.missing()))


def _twin(recipe: Recipe, proto: onnx.ModelProto) -> dict[int, list[str]]:
    """The providers of each node by its place in the model, from a copy with names."""
    graph.tag(proto)
    model = Model(proto.SerializeToString(), folder=recipe.model.folder)
    session = replace(recipe, model=model).session()
    found: dict[int, list[str]] = defaultdict(list)
    for entry in assigned(session):
        index = graph.tagged(entry.name)
        if index is not None:
            found[index].append(entry.provider)
    return found


class _Reader:
    """Matches the nodes of a model, by their places in it, with the record."""

    def __init__(
        self, nodes: Sequence[NodeFacts], record: Sequence[Assigned], provider: str
    ) -> None:
        self._nodes = nodes
        self._provider = provider
        self._found: dict[int, Found] = {}
        self._providers = {entry.provider for entry in record} or {provider}
        self._record: dict[Key, list[str]] = defaultdict(list)
        for entry in record:
            self._record[entry.name, entry.domain, entry.op].append(entry.provider)

    def match_names(self) -> None:
        """Nodes with a name of their own, at the top, in a subgraph, or in a function."""
        for index, node in enumerate(self._nodes):
            for name in _suffixes(node.id):
                self._place(index, self._record.get((name, node.domain, node.op), ()))

    def match_nameless(self) -> None:
        """Nameless nodes, where as many were recorded as the model has of that operator."""
        groups: dict[Key, list[int]] = defaultdict(list)
        for index in self.missing():
            node = self._nodes[index]
            if _is_nameless(node):
                groups["", node.domain, node.op].append(index)
        for key, indices in groups.items():
            providers = self._record.get(key, ())
            if len(providers) == len(indices):
                for index in indices:
                    self._place(index, providers)

    def match_tags(self, tagged: Mapping[int, Sequence[str]]) -> None:
        """What the record of the twin says; it knows each node by its place."""
        for index in self.missing():
            self._place(index, tagged.get(index, ()))

    def match_gone(self, reading: graph.Reading) -> None:
        """Nodes the record no longer has."""
        for index in self.missing():
            if index in reading.folded:
                self._found[index] = ("folded", "")
            elif len(self._providers) > 1:
                continue
            elif index in reading.functions:
                self._place(index, self._providers, "its function body on ")
            else:
                (only,) = self._providers
                where = self._where(only)
                self._found[index] = ("fused" if where == "device" else where, "")

    def missing(self) -> list[int]:
        """The places of nodes nothing is known of yet."""
        return [index for index in range(len(self._nodes)) if index not in self._found]

    def ambiguous(self) -> bool:
        """Whether a missing node cannot be told from others by its name."""
        return any(_is_nameless(self._nodes[index]) for index in self.missing())

    def placed(self) -> Iterator[NodePlacement]:
        """The answer for every node."""
        for index, node in enumerate(self._nodes):
            where, by = self._found.get(index, ("unknown", ""))
            yield NodePlacement(node.id, node.op, where, by)

    def _place(self, index: int, providers: Iterable[str], how: str = "") -> None:
        places = set(providers)
        if len(places) == 1:
            (only,) = places
            self._found[index] = (self._where(only), how + only)

    def _where(self, provider: str) -> Where:
        if provider == self._provider:
            return "device"
        return "host" if provider == CPU else "unknown"


def _is_nameless(node: NodeFacts) -> bool:
    return node.id.rpartition("/")[2].startswith("#")


def _suffixes(identity: str) -> Iterable[str]:
    """The names a node may have of its own: its id, and what follows each slash."""
    yield identity
    start = identity.find("/")
    while start >= 0:
        yield identity[start + 1 :]
        start = identity.find("/", start + 1)
