"""Where each node runs, read from what the compiler prints.

The toolkit's Python passes say which nodes they take away and which they put in their place;
the compiler behind them ends with a table of layers, each on the NPU or the CPU of the chip.
Nodes bear names that we have given them, so both can be traced to the model's nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hal.spec import NodeFacts, NodePlacement, Placement, Where

_PASS = re.compile(
    r"(?P<name>\w+):? remove nodes? = \[(?P<gone>[^\]]*)\]"
    r"(?:, add nodes? = \[(?P<new>[^\]]*)\])?"
)
_ROW = re.compile(
    r"^D RKNN: \[[\d:.]+\] \d+ +(?P<op>\w+) +\S+ +(?P<target>NPU|CPU|GPU) "
    r".* \d+ +\w+:(?P<name>.*)$"
)
_NOT_LOWERED = re.compile(r"No lowering found for: (?P<name>.+), node type = ")
_WORD = re.compile(r"'((?:[^'\\]|\\.)*)'")
_EDGES = frozenset({"InputOperator", "OutputOperator"})
_MOVES = frozenset({"Reshape", "Transpose"})
"""What the passes put around a node to give it a shape the NPU takes."""
_FOLDED = "fold_constant"


@dataclass(frozen=True, slots=True)
class Layer:
    """One row of the compiler's table."""

    op: str
    target: str
    name: str


@dataclass(slots=True)
class Trace:
    """Which nodes of the model stand behind the names of the log."""

    origins: dict[str, frozenset[str]]
    ended: dict[str, str] = field(default_factory=dict[str, str])

    def follow(self, line: str) -> None:
        """Read one line of the passes' log."""
        match = _PASS.search(line)
        if match is None:
            return
        gone, new = (_WORD.findall(match[part] or "") for part in ("gone", "new"))
        merged = frozenset[str]().union(*(self.origins.get(name, ()) for name in gone))
        for name in gone:
            for node in self.origins.pop(name, ()):
                self.ended[node] = match["name"]
        for name in new:
            self.origins[name] = merged

    def of(self, name: str) -> frozenset[str]:
        """The nodes behind a name: the compiler lengthens names that it makes new ones from."""
        known = [
            known
            for known in self.origins
            if name == known or (name.startswith(known) and name[len(known)] in "_-#")
        ]
        return self.origins[max(known, key=len)] if known else frozenset()


def layers(printed: str) -> Iterator[Layer]:
    """The table's rows, without the edges of the graph."""
    refused = {match["name"] for match in _NOT_LOWERED.finditer(printed)}
    for line in printed.splitlines():
        match = _ROW.match(line.rstrip())
        if match is not None and match["op"] not in _EDGES:
            target = "CPU" if match["name"] in refused else match["target"]
            yield Layer(match["op"], target, match["name"])


def placement(names: Mapping[str, NodeFacts], passes: Iterable[str], printed: str) -> Placement:
    """Where the nodes ran; `names` are those they bear in the log.

    A node with a layer of its own is where that is, and on the host where one of its layers is;
    those that only move its values around count where it has no others.
    One without is folded where the passes folded it, fused where they merged it or where a
    layer is called after it, and otherwise unknown.
    """
    trace = Trace({name: frozenset({name}) for name in names})
    for line in passes:
        trace.follow(line)
    rows = list(layers(printed))
    own: dict[str, list[Layer]] = {name: [] for name in names}
    for row in rows:
        for name in trace.of(row.name):
            own[name].append(row)
    nodes = [
        _placed(node, own[name], trace.ended.get(name), rows) for name, node in names.items()
    ]
    return Placement(tuple(nodes), "logged")


def _placed(
    facts: NodeFacts, own: list[Layer], ended: str | None, rows: list[Layer]
) -> NodePlacement:
    if own:
        rows = [row for row in own if row.op not in _MOVES] or own
        host = [row for row in rows if row.target != "NPU"]
        by = " ".join(f"{row.target}:{row.op}" for row in host or rows)
        return NodePlacement(facts.id, facts.op, "host" if host else "device", by)
    if ended is not None:
        where: Where = "folded" if ended == _FOLDED else "fused"
        return NodePlacement(facts.id, facts.op, where, ended)
    within = next((row for row in rows if facts.op in row.op and facts.op != row.op), None)
    if within is not None:
        near: Where = "fused" if within.target == "NPU" else "host"
        return NodePlacement(facts.id, facts.op, near, f"{within.target}:{within.op}")
    return NodePlacement(facts.id, facts.op, "unknown")
