"""Which unit of the compiled graph computes which node of the model.

The fact is OpenVINO's own record of the compiled program: its runtime model lists the units
that execute, each with the names of the operations it was made of, which OpenVINO takes from
the ONNX node or its output. A node that no unit names is placed by what must have happened:

    folded   everything it reads is constant (or a shape that is fixed), or its result is an
             input or a constant passed on: no unit computes it
    fused    a unit computes what reads from it, or stands where its result leaves the model,
             or computes the loop or branch in whose body it is
    unknown  otherwise: nothing that is kept depends on it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hal.inspection import bodies
from hal.spec import NodePlacement, Placement, Where

if TYPE_CHECKING:
    from hal.model import Model

_RANDOM = ("Random", "Bernoulli", "Multinomial")
_SHAPES = ("Shape", "Size")
_SOURCES = ("Const", "Input")


@dataclass(frozen=True)
class Node:
    """One node of the model; `constant` where no input matters, `owner` holds its graph."""

    id: str
    op: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    constant: bool = False
    owner: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What OpenVINO may call the operation that this node became."""
        return tuple(name for name in (self.name, *self.outputs) if name)


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
            return cls(tuple(Node(id_, op, id_) for id_, op in ids))
        static = all(spec.is_static for spec in model.facts.inputs)
        walked = list(_walk(proto.graph, set(), static))
        for function in proto.functions:
            walked += _walk(function, set(), False)
        return cls(
            tuple(
                Node(
                    id_,
                    op,
                    node.name,
                    tuple(node.input),
                    tuple(node.output),
                    constant,
                    None if owner is None else ids[owner][0],
                )
                for (id_, op), (node, constant, owner) in zip(ids, walked, strict=True)
            )
        )

    def to_json(self) -> list[list[Any]]:
        return [
            [n.id, n.op, n.name, list(n.inputs), list(n.outputs), n.constant, n.owner]
            for n in self.all
        ]

    @classmethod
    def from_json(cls, data: Iterable[Sequence[Any]]) -> Nodes:
        return cls(
            tuple(Node(n[0], n[1], n[2], tuple(n[3]), tuple(n[4]), n[5], n[6]) for n in data)
        )


def _walk(
    graph: Any, constants: set[str], static: bool, owner: int | None = None, start: int = 0
) -> Iterator[tuple[Any, bool, int | None]]:
    """Each node, whether it is constant, its owner's index, in the order of the facts."""
    constants = constants | {tensor.name for tensor in getattr(graph, "initializer", ())}
    index = start
    for node in graph.node:
        inner = [body for _, body in bodies(node)]
        constant = not inner and _is_constant(node, constants, static)
        if constant:
            constants.update(node.output)
        yield node, constant, owner
        me, index = index, index + 1
        for body in inner:
            for row in _walk(body, constants, static, me, index):
                yield row
                index += 1


def _is_constant(node: Any, constants: set[str], static: bool) -> bool:
    if node.op_type.startswith(_RANDOM):
        return False
    return (static and node.op_type in _SHAPES) or all(
        not name or name in constants for name in node.input
    )


@dataclass(frozen=True)
class Unit:
    """One unit of the runtime model, the operations it was made of, the unit it reads from."""

    name: str
    kind: str
    primitive: str
    made_of: tuple[str, ...]
    source: str | None

    def __str__(self) -> str:
        return f"{self.name}: {self.primitive}"


def units(runtime: Any) -> dict[str, Unit]:
    """The units of a runtime model, by name."""
    found: dict[str, Unit] = {}
    for node in runtime.get_ops():
        info = node.get_rt_info()
        name = node.get_friendly_name()
        made_of = _word(info, "originalLayersNames")
        source = node.input_value(0).get_node().get_friendly_name() if node.inputs() else None
        found[name] = Unit(
            name,
            _word(info, "layerType"),
            _word(info, "primitiveType"),
            tuple(made_of.split(",")) if made_of else (),
            source,
        )
    return found


def _word(info: Any, key: str) -> str:
    return str(info[key].astype(str)) if key in info else ""


def placement_of(
    nodes: Nodes, found: Mapping[str, Unit], results: Mapping[str, str]
) -> Placement:
    """Where each node ran; `results` names the unit through which each output leaves."""
    named = {operation: unit for unit in found.values() for operation in unit.made_of}
    leaving = {output: _source(found, unit) for output, unit in results.items()}
    direct = {node.id: _named(node, named) for node in nodes.all}
    sizes: dict[str, int] = {}
    for unit in direct.values():
        if unit is not None:
            sizes[unit.name] = sizes.get(unit.name, 0) + 1
    placed: dict[str, NodePlacement] = {}
    readers: dict[str, list[str]] = {}
    # From the last to the first, so that what reads from a node is placed before it.
    for node in reversed(nodes.all):
        unit = direct[node.id]
        if unit is not None and unit.kind not in _SOURCES:
            where: Where = "fused" if sizes[unit.name] > 1 else "device"
            placed[node.id] = NodePlacement(node.id, node.op, where, str(unit))
        elif node.constant or unit is not None:
            placed[node.id] = NodePlacement(node.id, node.op, "folded")
        else:
            placed[node.id] = _inferred(node, placed, readers, leaving)
        for name in node.inputs:
            readers.setdefault(name, []).append(node.id)
    bodies = {node.id: node.owner for node in nodes.all if node.owner is not None}
    return Placement(
        tuple(_in_body(placed[node.id], bodies, placed) for node in nodes.all), "assigned"
    )


def _named(node: Node, named: Mapping[str, Unit]) -> Unit | None:
    """The unit made of this node; OpenVINO adds ".0" where it split off a conversion."""
    names = [*node.names, *(f"{name}.0" for name in node.names)]
    return next((named[name] for name in names if name in named), None)


def _source(found: Mapping[str, Unit], result: str) -> Unit | None:
    """The unit that computes what leaves through `result`, before changes of layout."""
    unit = found.get(result)
    while unit is not None and (unit.kind == "Output" or not unit.made_of):
        unit = found.get(unit.source) if unit.source is not None else None
    return unit


def _inferred(
    node: Node,
    placed: Mapping[str, NodePlacement],
    readers: Mapping[str, list[str]],
    leaving: Mapping[str, Unit | None],
) -> NodePlacement:
    for name in node.outputs:
        unit = leaving.get(name)
        if unit is not None:
            where: Where = "folded" if unit.kind in _SOURCES else "fused"
            return NodePlacement(
                node.id, node.op, where, "" if where == "folded" else str(unit)
            )
    for name in node.outputs:
        for reader in readers.get(name, ()):
            if placed[reader].where in ("device", "fused"):
                return NodePlacement(node.id, node.op, "fused", placed[reader].by)
    return NodePlacement(node.id, node.op, "unknown")


def _in_body(
    node: NodePlacement, bodies: Mapping[str, str], placed: Mapping[str, NodePlacement]
) -> NodePlacement:
    """A node of a body that has no unit of its own is computed by its owner's."""
    owner = bodies.get(node.node)
    while node.where == "unknown" and owner is not None:
        if placed[owner].where in ("device", "fused"):
            return NodePlacement(node.node, node.op, "fused", placed[owner].by)
        owner = bodies.get(owner)
    return node
