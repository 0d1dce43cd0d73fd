"""Which nodes a device takes: a prediction, before compilation.

OpenVINO answers in two places. What its importer cannot convert makes `read_model` fail, with
the operators in the message; what the device cannot take is missing from `query_model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hal.errors import Unsupported
from hal.spec import Support
from hal_openvino.placement import Node, Nodes

if TYPE_CHECKING:
    from hal.model import Model


def refused(model: Model, message: str, reason: Unsupported) -> Support:
    """What is supported of a model that OpenVINO could not convert, by its message.

    Raises:
        Unsupported: the message names no operator or node of the model.
    """
    listed = _listed(message)
    domains = {node.id: node.domain for node in model.facts.nodes}
    told = {
        node.id: reason.message
        for node in Nodes.of(model).all
        if _operator(node, domains[node.id]) in listed or reason.node in node.names
    }
    if not told:
        raise reason
    return Support.told(model.facts.nodes, told)


def _operator(node: Node, domain: str) -> str:
    return f"{domain}.{node.op}" if domain else node.op


def _listed(message: str) -> set[str]:
    """The operators of "No conversion rule found for operations: Det-22, ai.onnx.ml.Binarizer",
    and of the log of failed ones, "-- Scan-11 with a message: ..."."""
    _, _, rest = message.partition("No conversion rule found for operations:")
    names = rest.split("\n", 1)[0].split(",")
    names += [
        part.split(" ", 1)[0] for part in message.split("-- ") if " with a message" in part
    ]
    return {_without_opset(name.strip()) for name in names}


def _without_opset(name: str) -> str:
    operator, dash, opset = name.rpartition("-")
    return operator if dash and opset.isdigit() else name


def supported(model: Model, graph: Any, taken: Mapping[str, str], device: str) -> Support:
    """What is supported of a model that OpenVINO converted: all but what the device leaves out.

    An operation that OpenVINO made on the way and named itself counts for the node it feeds.
    """
    left = _left_out(graph, taken)
    kinds = {
        node.id: next(left[name] for name in node.names if name in left)
        for node in Nodes.of(model).all
        if not left.keys().isdisjoint(node.names)
    }
    told = {node: f"{device} takes no {kind}" for node, kind in kinds.items()}
    return Support.told(model.facts.nodes, told)


def _left_out(graph: Any, taken: Mapping[str, str]) -> dict[str, str]:
    """The type of each operation that the device does not take, by the name it belongs to."""
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
