"""The nouns of the device interface: frozen data, no behaviour beyond reading it.

Required reading for adapter writers: `TensorSpec`, `DeviceInfo`, `CompileOptions`. Optional
powers answer with `Support` (a prediction) and `Placement` (a fact). Loads with the standard
library alone, on Python 3.10; every noun has `to_json` and `from_json`, which is how it crosses
to a worker.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

Dim: TypeAlias = "int | str | None"
"""A dimension: a length, the name of a symbolic one, or None where nothing is known."""

Container: TypeAlias = Literal["optional", "sequence", "map"]

FEATURES: Mapping[str, str] = MappingProxyType(
    {
        "bind": "runs on buffers that the caller keeps (CanBind)",
        "concurrent": "one program may be run from several threads at once",
        "deterministic": "the same feeds give the same bits",
        "dynamic_shapes": "one program takes several shapes for a symbolic dimension",
        "placement": "says where each node ran (CanPlace)",
        "profile": "says how long each node took (CanProfile)",
        "query": "predicts which nodes it takes (CanQuery)",
        "save": "a program can be saved and loaded (CanSave, CanLoad)",
        "submit": "the device has a queue of its own (CanSubmit)",
    }
)
"""What a device may claim in `DeviceInfo.features`, and what the claim means."""


@dataclass(frozen=True)
class TensorSpec:
    """One input or output: name, element type, shape.

    `dtype` is a name of `hal.dtypes` (of the elements, where `containers` is not empty; of the
    values of a map). `shape` is None where even the rank is unknown. `containers` is read from
    the outside in: ("optional", "sequence") is an optional sequence of tensors.
    """

    name: str
    dtype: str
    shape: tuple[Dim, ...] | None = None
    containers: tuple[Container, ...] = ()

    @property
    def is_tensor(self) -> bool:
        """Whether the value is a plain tensor."""
        return not self.containers

    @property
    def is_static(self) -> bool:
        """Whether every dimension is a number."""
        return self.shape is not None and all(isinstance(dim, int) for dim in self.shape)

    def bound(self, lengths: Mapping[str, int]) -> TensorSpec:
        """The same with lengths for symbolic dimensions; those not named stay open."""
        if self.shape is None:
            return self
        shape = (lengths.get(dim, dim) if isinstance(dim, str) else dim for dim in self.shape)
        return replace(self, shape=tuple(shape))

    def to_json(self) -> dict[str, Any]:
        # By hand: dataclasses.asdict copies deeply, and this runs for every case of a suite.
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": self.shape,
            "containers": self.containers,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TensorSpec:
        shape = data.get("shape")
        return cls(
            data["name"],
            data["dtype"],
            None if shape is None else tuple(shape),
            tuple(data.get("containers") or ()),
        )

    def __str__(self) -> str:
        dims = (
            "?"
            if self.shape is None
            else ", ".join("?" if d is None else str(d) for d in self.shape)
        )
        text = f"{self.dtype}[{dims}]"
        for container in reversed(self.containers):
            text = f"{container}({text})"
        return f"{self.name}: {text}"


@dataclass(frozen=True)
class DeviceInfo:
    """One device as its adapter sees it, and what is claimed of it.

    `id` names it within the adapter ("cpu", "gpu.0"); `name` is what its maker prints on it.
    `dtypes` are element types it accepts (empty: no claim), `opsets` the inclusive range of a
    domain ("" is ai.onnx), `features` keys of `FEATURES`, `memories` the memory kinds it can
    bind, `arithmetic` the names it can be asked for ("fp32", "bf16"), its default first.
    `sdk` and `driver` are versions. The conformance suite tests every claim.
    """

    id: str
    name: str
    vendor: str
    kind: Literal["cpu", "gpu", "npu", "fpga", "simulator", "null"] = "cpu"
    sdk: str = ""
    driver: str = ""
    dtypes: frozenset[str] = frozenset()
    opsets: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    features: frozenset[str] = frozenset()
    memories: tuple[str, ...] = ("host",)
    arithmetic: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "vendor": self.vendor,
            "kind": self.kind,
            "sdk": self.sdk,
            "driver": self.driver,
            "dtypes": sorted(self.dtypes),
            "opsets": {domain: list(span) for domain, span in sorted(self.opsets.items())},
            "features": sorted(self.features),
            "memories": list(self.memories),
            "arithmetic": list(self.arithmetic),
            "properties": dict(self.properties),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DeviceInfo:
        return cls(
            id=data["id"],
            name=data["name"],
            vendor=data["vendor"],
            kind=data["kind"],
            sdk=data["sdk"],
            driver=data["driver"],
            dtypes=frozenset(data["dtypes"]),
            opsets={domain: (low, high) for domain, (low, high) in data["opsets"].items()},
            features=frozenset(data["features"]),
            memories=tuple(data["memories"]),
            arithmetic=tuple(data["arithmetic"]),
            properties=dict(data["properties"]),
        )


@dataclass(frozen=True)
class CompileOptions:
    """What a user may ask of any device.

    `arithmetic` names the arithmetic to compute in (None: what the device does unasked);
    `dimensions` binds symbolic dimensions; `allow_fallback` lets nodes run elsewhere than on
    the device; `threads` bounds host threads; `goal` trades latency for throughput; `vendor` is
    validated by the adapter's own schema.
    """

    arithmetic: str | None = None
    dimensions: Mapping[str, int] = field(default_factory=dict[str, int])
    allow_fallback: bool = False
    threads: int | None = None
    goal: Literal["latency", "throughput"] = "latency"
    vendor: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self) -> dict[str, Any]:
        return {
            "arithmetic": self.arithmetic,
            "dimensions": dict(self.dimensions),
            "allow_fallback": self.allow_fallback,
            "threads": self.threads,
            "goal": self.goal,
            "vendor": dict(self.vendor),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CompileOptions:
        return cls(**data)

    def key(self) -> str:
        """One text for equal options, whatever the order they were given in."""
        return json.dumps(self.to_json(), sort_keys=True)


Where: TypeAlias = Literal["device", "host", "folded", "fused", "unknown"]
Evidence: TypeAlias = Literal["assigned", "profiled", "logged", "claimed"]
WHERES: tuple[Where, ...] = ("device", "host", "folded", "fused", "unknown")


@dataclass(frozen=True)
class NodePlacement:
    """Where one node of the original model ran; `by` is the unit's name in the vendor's words.

    `node` is the id that `ModelFacts` gives it.
    """

    node: str
    op: str
    where: Where
    by: str = ""


@dataclass(frozen=True)
class Placement:
    """Where every node ran, and how that is known.

    Evidence, strongest first: assigned (the runtime's own record for this program), profiled
    (seen in a profile), logged (read from a log), claimed (the adapter says so).
    """

    nodes: tuple[NodePlacement, ...]
    evidence: Evidence

    def counts(self) -> dict[str, int]:
        """How many nodes ran at each place; every place is present."""
        counted = Counter(node.where for node in self.nodes)
        return {where: counted[where] for where in WHERES}

    def to_json(self) -> dict[str, Any]:
        nodes = [[node.node, node.op, node.where, node.by] for node in self.nodes]
        return {"nodes": nodes, "evidence": self.evidence}

    @classmethod
    def claimed(cls, nodes: Iterable[NodeFacts], by: str) -> Placement:
        """Every node on the device, because the stack has nowhere else to run one."""
        placed = (NodePlacement(node.id, node.op, "device", by) for node in nodes)
        return cls(tuple(placed), "claimed")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Placement:
        return cls(tuple(NodePlacement(*node) for node in data["nodes"]), data["evidence"])


@dataclass(frozen=True)
class NodeSupport:
    """What a device says of one node before compiling it."""

    node: str
    op: str
    supported: bool
    reason: str = ""


@dataclass(frozen=True)
class Support:
    """A prediction: which nodes the device takes, and why not the others."""

    nodes: tuple[NodeSupport, ...]

    @property
    def complete(self) -> bool:
        """Whether every node is taken."""
        return all(node.supported for node in self.nodes)

    @classmethod
    def of(cls, nodes: Iterable[NodeFacts], refused: Collection[str], reason: str) -> Support:
        """Every node but those of the operators that are refused, for one reason."""
        known = tuple(nodes)
        return cls.told(known, {node.id: reason for node in known if node.op in refused})

    @classmethod
    def told(cls, nodes: Iterable[NodeFacts], reasons: Mapping[str, str]) -> Support:
        """Every node but those with a reason, by their ids; an empty one is none."""
        said = ((node, reasons.get(node.id, "")) for node in nodes)
        return cls(tuple(NodeSupport(node.id, node.op, not why, why) for node, why in said))

    def to_json(self) -> dict[str, Any]:
        return {"nodes": [asdict(node) for node in self.nodes]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Support:
        return cls(tuple(NodeSupport(**node) for node in data["nodes"]))


@dataclass(frozen=True)
class NodeTime:
    """How long one node took in the last profiled run, in seconds."""

    node: str
    op: str
    seconds: float


@dataclass(frozen=True)
class NodeFacts:
    """One node of a model, with those of its subgraphs and local functions listed too.

    `id` is the node's name, or "#3" for the fourth node of the graph where it has none of its
    own; a node inside a subgraph has its owner's id and the subgraph's name before it:
    "choose/then_branch/#0".
    """

    id: str
    op: str
    domain: str
    version: int


@dataclass(frozen=True)
class ModelFacts:
    """What can be told of a model without running it.

    `dtypes` are the element types of everything the graph declares; `external` the files its
    weights lie in, relative to its folder.
    """

    ir_version: int
    opsets: Mapping[str, int]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    nodes: tuple[NodeFacts, ...]
    dtypes: frozenset[str]
    external: tuple[str, ...] = ()

    @property
    def ops(self) -> tuple[str, ...]:
        """The operators used, without repeats, sorted; other domains as "domain.Op"."""
        return tuple(sorted({f"{n.domain}.{n.op}" if n.domain else n.op for n in self.nodes}))

    def to_json(self) -> dict[str, Any]:
        return {
            "ir_version": self.ir_version,
            "opsets": dict(self.opsets),
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "nodes": [[n.id, n.op, n.domain, n.version] for n in self.nodes],
            "dtypes": sorted(self.dtypes),
            "external": list(self.external),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ModelFacts:
        return cls(
            ir_version=data["ir_version"],
            opsets=dict(data["opsets"]),
            inputs=tuple(TensorSpec.from_json(spec) for spec in data["inputs"]),
            outputs=tuple(TensorSpec.from_json(spec) for spec in data["outputs"]),
            nodes=tuple(NodeFacts(*node) for node in data["nodes"]),
            dtypes=frozenset(data["dtypes"]),
            external=tuple(data["external"]),
        )
