"""What `hal inspect` tells of a model, read from its graph; nothing is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from hal import dtypes
from hal.inspection import bodies
from hal.model import Model

if TYPE_CHECKING:
    import onnx

CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")


@dataclass(frozen=True)
class Weights:
    """Tensors that the model carries: how many, how many elements, of which types."""

    tensors: int
    elements: int
    bytes: int
    dtypes: dict[str, int]


def summarise(model: Model) -> dict[str, Any]:
    """Everything `hal inspect --json` prints of the model itself.

    Raises:
        InputError: it is no ONNX model, or its external data is not there.
    """
    facts, proto = model.facts, model.proto()
    ops = Counter(
        f"{node.domain}.{node.op}" if node.domain else node.op for node in facts.nodes
    )
    external = {path.name: path.stat().st_size for path in model.external_paths()}
    weights = _weights(proto)
    return {
        "ir_version": facts.ir_version,
        "producer": f"{proto.producer_name} {proto.producer_version}".strip(),
        "opsets": {domain or "ai.onnx": version for domain, version in facts.opsets.items()},
        "inputs": [spec.to_json() for spec in facts.inputs],
        "outputs": [spec.to_json() for spec in facts.outputs],
        "nodes": len(facts.nodes),
        "ops": dict(ops.most_common()),
        "functions": len(proto.functions),
        "control_flow": {op: ops[op] for op in CONTROL_FLOW if ops[op]},
        "dtypes": sorted(facts.dtypes),
        "parameters": weights.elements,
        "parameter_tensors": weights.tensors,
        "parameter_bytes": weights.bytes,
        "parameter_dtypes": weights.dtypes,
        "file_bytes": len(model.bytes()),
        "external_files": external,
        "dynamic_dimensions": _dynamic(model),
    }


def _dynamic(model: Model) -> dict[str, list[str]]:
    """Lengths the model leaves open, with the inputs they stand in; "?" has no name."""
    found: dict[str, list[str]] = {}
    for spec in model.facts.inputs:
        dims = (
            ["?"]
            if spec.shape is None
            else [d or "?" for d in spec.shape if not isinstance(d, int)]
        )
        for name in dict.fromkeys(dims):
            found.setdefault(name, []).append(spec.name)
    return found


def _weights(proto: onnx.ModelProto) -> Weights:
    tensors = list(_tensors(proto.graph))
    tensors += [t for function in proto.functions for t in _constants(function.node)]
    kinds: Counter[str] = Counter()
    size = 0
    for tensor in tensors:
        count = prod(tensor.dims)
        kind = dtypes.BY_NUMBER.get(tensor.data_type)
        kinds[kind.name if kind else "unknown"] += count
        size += (count * kind.bits + 7) // 8 if kind else 0
    return Weights(len(tensors), sum(kinds.values()), size, dict(kinds.most_common()))


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Initialisers and the values of Constant nodes, of the graph and of those inside it."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
    yield from _constants(graph.node)


def _constants(nodes: Any) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for _, inner in bodies(node):
            yield from _tensors(inner)
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.HasField("t"):
                yield attribute.t
