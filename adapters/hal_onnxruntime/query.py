"""Which nodes an execution provider takes: the model is compiled, and the session is asked.

ONNX Runtime has no cheaper answer that is true: kernels depend on types that its own inference
finds. A model that does not compile names the node that stopped it; of the others, ONNX
Runtime's table of kernels tells which operators it has at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

from hal.errors import Unsupported
from hal.spec import NodeFacts, NodePlacement, Support
from hal_onnxruntime import errors, placement
from hal_onnxruntime.compiling import has_open_inputs
from hal_onnxruntime.session import Recipe


def support(recipe: Recipe) -> Support:
    """The prediction for every node of the recipe's model."""
    lenient = replace(recipe, options=replace(recipe.options, allow_fallback=True))
    try:
        session = lenient.session()
    except Exception as error:
        refusal = errors.translate(error)
        if not isinstance(refusal, Unsupported):
            raise
        return Support.told(recipe.model.facts.nodes, dict(_from_kernels(recipe, refusal)))
    record = placement.assigned(session)
    placed = placement.placement(lenient, record)
    later = "; with dimensions bound to those it is fed it may be taken"
    hint = later if recipe.devices and has_open_inputs(recipe) else ""
    told = {node.node: _why(node, hint) for node in placed.nodes}
    return Support.told(recipe.model.facts.nodes, told)


def _why(node: NodePlacement, hint: str) -> str:
    return f"ONNX Runtime gives it to {node.by}{hint}" if node.where == "host" else ""


def _from_kernels(recipe: Recipe, refusal: Unsupported) -> Iterator[tuple[str, str]]:
    """The ids of the nodes that are not taken, and why not."""
    state: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    kernels = {
        (kernel.domain, kernel.op_name)
        for kernel in state.get_all_opkernel_def()
        if kernel.provider == recipe.provider
    }
    for node in recipe.model.facts.nodes:
        if _names(refusal, node):
            yield node.id, refusal.message
        elif kernels and (node.domain, node.op) not in kernels and node.op != "Constant":
            yield node.id, f"{recipe.provider} has no kernel for {node.op}"


def _names(refusal: Unsupported, node: NodeFacts) -> bool:
    """Whether the refusal is about this node; of nameless nodes it tells the operator alone."""
    op = (refusal.op or "").rpartition(":")[2]
    if refusal.node:
        return node.id.endswith(refusal.node) and node.op == op
    return bool(op) and node.op == op
