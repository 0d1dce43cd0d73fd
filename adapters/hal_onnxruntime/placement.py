"""Where each node of the original model ran, from ONNX Runtime's own record of it.

ONNX Runtime records which nodes it gave to which execution provider, after its first round of
graph rewriting. Nodes are recognised by name; `graph.named` has named the nameless ones, except
in large models, where they are told by operator and number.

What the record no longer has was computed while compiling (folded), became part of another node
or did nothing (fused), or was replaced by its function body: then it ran where the body did.
Where more than one provider took part and a node left no trace, it is unknown. ONNX Runtime
folds on the CPU: a model that it folds whole has been computed by the host, not by a plugin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from hal.spec import NodeFacts, NodePlacement, Placement, Where
from hal_onnxruntime import graph
from hal_onnxruntime.session import CPU, Recipe

Found: TypeAlias = "tuple[Where, str]"
Key: TypeAlias = "tuple[str, str, str]"


_NOTHING_LEFT = "ONNX Runtime, while compiling: nothing was left for the plugin"


@dataclass(frozen=True)
class Assigned:
    """One node as ONNX Runtime gave it to an execution provider."""

    provider: str
    name: str
    domain: str
    op: str


def assigned(session: Any) -> tuple[Assigned, ...] | None:
    """The session's own record, which Recipe asks for; None where ONNX Runtime keeps none."""
    if not hasattr(session, "get_provider_graph_assignment_info"):  # before 1.24
        return None
    return tuple(
        Assigned(part.ep_name, node.name, node.domain, node.op_type)
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    )


def placement(recipe: Recipe, record: Sequence[Assigned] | None) -> Placement:
    """The placement of every node of the recipe's model, given the record of its session."""
    nodes = recipe.model.facts.nodes
    if record is None:  # on the CPU there is nowhere else to run; of others nothing is known
        where: Where = "device" if recipe.provider == CPU else "unknown"
        return Placement(tuple(NodePlacement(n.id, n.op, where) for n in nodes), "claimed")
    reader = _Reader(nodes, record, recipe.provider)
    reader.match_names()
    reader.match_nameless()
    if reader.missing():
        _explain_missing(recipe, reader)
    placed = tuple(reader.placed())
    if recipe.devices and nodes and all(node.where == "folded" for node in placed):
        placed = tuple(replace(node, where="host", by=_NOTHING_LEFT) for node in placed)
    return Placement(placed, "assigned")


def _explain_missing(recipe: Recipe, reader: _Reader) -> None:
    try:
        proto = recipe.model.proto()
    except ImportError:  # a bare worker without onnx: they stay unknown
        return
    reader.match_gone(graph.Reading(proto, reader.missing()))


class _Reader:
    """Matches the nodes of a model, by their places in it, with the record."""

    def __init__(
        self, nodes: Sequence[NodeFacts], record: Sequence[Assigned], provider: str
    ) -> None:
        self._nodes = nodes
        self._names = graph.names(nodes)
        self._provider = provider
        self._found: dict[int, Found] = {}
        self._providers = {entry.provider for entry in record} or {provider}
        self._record: dict[Key, list[str]] = defaultdict(list)
        for entry in record:
            self._record[entry.name, entry.domain, entry.op].append(entry.provider)
        # A model of many functions leaves many: looked through for every missing node.
        self._inlined_copies = [
            (key, providers)
            for key, providers in self._record.items()
            if key[0].startswith("_inlfunc_")
        ]

    def match_names(self) -> None:
        """Nodes with a name of their own, at the top, in a subgraph, or in a function."""
        for index, (node, given) in enumerate(zip(self._nodes, self._names, strict=True)):
            for name in (given, *_suffixes(node.id)):
                self._place(index, self._record.get((name, node.domain, node.op), ()))
                if index in self._found:
                    break

    def match_nameless(self) -> None:
        """Nameless nodes, where as many were recorded as the model has of that operator."""
        groups: dict[Key, list[int]] = defaultdict(list)
        for index in self.missing():
            node = self._nodes[index]
            if graph.is_nameless(node):
                groups["", node.domain, node.op].append(index)
        for key, indices in groups.items():
            providers = self._record.get(key, ())
            if len(providers) == len(indices):
                for index in indices:
                    self._place(index, providers)

    def match_gone(self, reading: graph.Reading) -> None:
        """Nodes the record no longer has."""
        for index in self.missing():
            copies = self._inlined(index)
            if copies:
                self._place(index, copies, "inlined on ")
            elif index in reading.folded:
                self._found[index] = ("folded", "")
            elif len(self._providers) > 1:
                continue
            elif index in reading.functions:
                self._place(index, self._providers, "its function body on ")
            else:
                (only,) = self._providers
                where = self._where(only)
                self._found[index] = ("fused" if where == "device" else where, "")

    def _inlined(self, index: int) -> list[str]:
        """The providers of the copies of a node of a function; they are named after it."""
        node, given = self._nodes[index], self._names[index]
        ends = tuple(f"_{name}" for name in (given, node.id.rpartition("/")[2]))
        return [
            provider
            for (name, domain, op), providers in self._inlined_copies
            if (domain, op) == (node.domain, node.op) and name.endswith(ends)
            for provider in providers
        ]

    def missing(self) -> list[int]:
        """The places of nodes nothing is known of yet."""
        return [index for index in range(len(self._nodes)) if index not in self._found]

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


def _suffixes(identity: str) -> Iterable[str]:
    """The names a node may have of its own besides its id: what follows each slash."""
    start = identity.find("/")
    while start >= 0:
        yield identity[start + 1 :]
        start = identity.find("/", start + 1)
