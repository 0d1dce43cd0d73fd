"""Which models' kernels may be recorded and replayed, and the recording.

Tracing a model in Python costs much more than its kernels, and tinygrad can record the kernels
of a call (TinyJit) and replay them. It does not see what Python itself has read: a shape that
was computed from data would be replayed as it was. So nothing that is read may come from an
input.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from hal_tinygrad.devices import module

if TYPE_CHECKING:
    import onnx

_NEVER = frozenset({"Compress", "NonZero", "Size"})
"""Two that read data in Python, and one that gives no tensor."""


def replayable(graph: onnx.GraphProto, read: Mapping[str, Collection[int]]) -> bool:
    """Whether nothing that Python reads is computed from the inputs' values.

    Args:
        graph: a graph whose shapes are static.
        read: operator -> positions of the inputs that tinygrad reads in Python.
    """
    given = {tensor.name for tensor in graph.initializer}
    fed = {value.name for value in graph.input} - given
    for node in graph.node:
        if node.op_type in _NEVER or any(a.HasField("g") for a in node.attribute):
            return False
        at = read.get(node.op_type, ())
        if any(name in fed for i, name in enumerate(node.input) if i in at):
            return False
        if node.op_type != "Shape" and not fed.isdisjoint(node.input):
            fed.update(node.output)
    return True


def recorded(runner: Any) -> Any:
    """The runner, of which the third call and later ones replay the kernels of the second."""
    jit = module("engine.jit")

    def traced(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        # Copies: a result that is an input, or a view of one, has no kernel to be replayed.
        return {name: value.clone() for name, value in runner(feeds).items()}

    return jit.TinyJit(traced)
