"""Nodes in the words of a compiler: which of the model's nodes a log or an error speaks of.

For adapters of compilers that tell what became of a node by names of their own.
Loads with NumPy alone, on Python 3.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hal.inspection import identified
from hal.spec import ModelFacts, NodeFacts

if TYPE_CHECKING:
    import onnx

_RAISED = re.compile(
    r"^[\w.]*(?:Error|Exception|Fail|InvalidArgument|NotImplemented|InvalidGraph): ",
    re.MULTILINE,
)


def known_nodes(
    facts: ModelFacts, proto: onnx.ModelProto
) -> Iterator[tuple[NodeFacts, onnx.NodeProto]]:
    """The nodes of the graph, each with what is known of it.

    Args:
        facts: the model's.
        proto: the model, or a copy in which nodes have the names they had.
    """
    known = {node.id: node for node in facts.nodes}
    return ((known[own], node) for own, node in identified(proto.graph.node))


def last_raised(printed: str) -> str:
    """From the last exception that a traceback names to the end; "" where there is none."""
    raised = list(_RAISED.finditer(printed))
    return printed[raised[-1].start() :] if raised else ""
