"""Which unit of the compiled graph computes which node of the model.

The fact is OpenVINO's own record of the compiled program: its runtime model lists the units
that execute, each with the names of the operations it was made of. OpenVINO names an operation
after its ONNX node, or after the node's output. A node that no unit names was folded, where
everything it reads is constant; was computed within its owner, where it stands in the body of a
loop or branch that has a unit; and is unknown otherwise: a no-op that was removed, or an
operation that was renamed on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hal.errors import Unsupported
from hal.spec import NodePlacement, NodeSupport, Placement, Support, Where

if TYPE_CHECKING:
    from hal.model import Model

_RANDOM = ("Random", "Bernoulli", "Multinomial")
_CONSTANTS = ("Const", "Input")
_GRAPHS = (5, 10)  # AttributeProto.AttributeType: GRAPH, GRAPHS


@dataclass(frozen=True)
class Node:
    """One node of the model, the names OpenVINO may know it by, whether it is constant."""

    id: str
    op: str
    names: tuple[str, ...]
    constant: bool
    owner: str | None


@dataclass(frozen=True)
class Nodes:
    """The nodes of a model, in the order of its facts."""

    all: tuple[Node, ...]

    @classmethod
    def of(cls, model: Model) -> Nodes:
        """The nodes of a model; by their ids alone where `onnx` is not installed."""
        ids = [(node.id, node.op) for node in model.facts.nodes]
        try:
            proto = model.proto()
        except ImportError:
            return cls(tuple(Node(id_, op, (id_,), False, None) for id_, op in ids))
        walked = list(_walk(proto.graph.node, _initialised(proto.graph)))
        for function in proto.functions:
            walked += _walk(function.node, set())
        owners: dict[int, str] = {i: ids[o][0] for i, (_, _, o) in enumerate(walked) if o >= 0}
        return cls(
            tuple(
                Node(id_, op, names, constant, owners.get(index))
                for index, ((id_, op), (names, constant, _)) in enumerate(
                    zip(ids, walked, strict=True)
                )
            )
        )

    def to_json(self) -> list[list[Any]]:
        return [[n.id, n.op, list(n.names), n.constant, n.owner] for n in self.all]

    @classmethod
    def from_json(cls, data: Iterable[Sequence[Any]]) -> Nodes:
        return cls(tuple(Node(n[0], n[1], tuple(n[2]), n[3], n[4]) for n in data))


def _initialised(graph: Any) -> set[str]:
    return {tensor.name for tensor in graph.initializer}


def _walk(
    nodes: Iterable[Any], constants: set[str], owner: int = -1, start: int = 0
) -> Iterator[tuple[tuple[str, ...], bool, int]]:
    """Names, constancy and the owner's index of each node, in the order of ModelFacts.nodes."""
    index = start
    for node in nodes:
        constant = not node.op_type.startswith(_RANDOM) and all(
            not name or name in constants for name in node.input
        )
        graphs = [
            graph
            for attribute in node.attribute
            if attribute.type in _GRAPHS
            for graph in ([attribute.g] if attribute.type == _GRAPHS[0] else attribute.graphs)
        ]
        constant = constant and not graphs
        if constant:
            constants.update(node.output)
        yield tuple(name for name in (node.name, *node.output) if name), constant, owner
        me, index = index, index + 1
        for graph in graphs:
            for row in _walk(graph.node, constants | _initialised(graph), me, index):
                yield row
                index += 1


@dataclass(frozen=True)
class Unit:
    """One unit of the runtime model, and the operations it was made of."""

    name: str
    kind: str
    primitive: str
    made_of: tuple[str, ...]


def units(runtime: Any) -> list[Unit]:
    """The units of a runtime model."""
    found: list[Unit] = []
    for node in runtime.get_ops():
        info = node.get_rt_info()
        made_of = _word(info, "originalLayersNames")
        found.append(
            Unit(
                node.get_friendly_name(),
                _word(info, "layerType"),
                _word(info, "primitiveType"),
                tuple(made_of.split(",")) if made_of else (),
            )
        )
    return found


def _word(info: Any, key: str) -> str:
    return str(info[key].astype(str)) if key in info else ""


def placement_of(nodes: Nodes, found: Sequence[Unit]) -> Placement:
    """Where each node ran, by the runtime's own record."""
    by_name = {name: unit for unit in found for name in unit.made_of}
    sizes = _sizes(nodes, by_name)
    placed: dict[str, NodePlacement] = {}
    for node in nodes.all:
        unit = _unit_of(node, by_name)
        where, by = _where(node, unit, sizes, placed)
        placed[node.id] = NodePlacement(node.id, node.op, where, by)
    return Placement(tuple(placed.values()), "assigned")


def _unit_of(node: Node, by_name: Mapping[str, Unit]) -> Unit | None:
    return next((by_name[name] for name in node.names if name in by_name), None)


def _sizes(nodes: Nodes, by_name: Mapping[str, Unit]) -> dict[str, int]:
    """How many of the model's nodes each unit computes."""
    sizes: dict[str, int] = {}
    for node in nodes.all:
        unit = _unit_of(node, by_name)
        if unit is not None:
            sizes[unit.name] = sizes.get(unit.name, 0) + 1
    return sizes


def _where(
    node: Node, unit: Unit | None, sizes: Mapping[str, int], placed: Mapping[str, NodePlacement]
) -> tuple[Where, str]:
    if unit is not None and unit.kind not in _CONSTANTS:
        where: Where = "fused" if sizes[unit.name] > 1 else "device"
        return where, f"{unit.name}: {unit.primitive}"
    if node.constant or (unit is not None and unit.kind == "Const"):
        return "folded", ""
    owner = placed.get(node.owner) if node.owner is not None else None
    if owner is not None and owner.where in ("device", "fused"):
        return "fused", owner.by
    return "unknown", ""


def refused(model: Model, message: str, reason: Unsupported) -> Support:
    """What is supported of a model that OpenVINO could not convert, by its message.

    Raises:
        Unsupported: the message names no operator of the model.
    """
    nodes = model.facts.nodes
    listed = _listed(message)
    told = {
        node.id: (f"{node.domain}.{node.op}" if node.domain else node.op) in listed
        or reason.node in (node.id, *_outputs(model, node.id))
        for node in nodes
    }
    if not any(told.values()):
        raise reason
    return Support(
        tuple(
            NodeSupport(
                node.id, node.op, not told[node.id], reason.message if told[node.id] else ""
            )
            for node in nodes
        )
    )


def _listed(message: str) -> set[str]:
    """The operators of "No conversion rule found for operations: Det-22, ai.onnx.ml.Binarizer",
    and of the log of failed ones ("-- Scan-11 with a message")."""
    _, found, rest = message.partition("No conversion rule found for operations:")
    names = rest.split("\n", 1)[0].split(",") if found else []
    for part in message.split("-- ")[1:]:
        names += [part.split(" ", 1)[0]] if " with a message" in part.split("\n", 1)[0] else []
    return {name.strip().rpartition("-")[0] or name.strip() for name in names}


def _outputs(model: Model, node: str) -> tuple[str, ...]:
    return next((n.names for n in Nodes.of(model).all if n.id == node), ())


def supported(model: Model, graph: Any, taken: Mapping[str, str], device: str) -> Support:
    """What is supported of a model that OpenVINO converted: all but what the device leaves out.

    An operation that OpenVINO made on the way and named itself counts for the node it feeds.
    """
    left = _left_out(graph, taken)
    return Support(
        tuple(
            NodeSupport(
                node.id,
                node.op,
                not (why := next((left[name] for name in node.names if name in left), "")),
                f"{device} does not take {why}" if why else "",
            )
            for node in Nodes.of(model).all
        )
    )


def _left_out(graph: Any, taken: Mapping[str, str]) -> dict[str, str]:
    """The operations the device does not take, and those that read from them, with the type."""
    left: dict[str, str] = {}
    for op in graph.get_ordered_ops():
        name = op.get_friendly_name()
        if name not in taken:
            left[name] = op.get_type_name()
            continue
        for port in op.inputs():
            source = port.get_source_output().get_node().get_friendly_name()
            if source in left and source not in taken:
                left.setdefault(name, left[source])
    return left
