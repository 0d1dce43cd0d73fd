"""One node at a time: its bounds, and which elements of an answer lie within them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx
import pytest
from hal_conformance.numerics.arithmetic import Arithmetic, Array, arithmetic
from hal_conformance.numerics.elements import compared
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Pair
from onnx import helper


@dataclass(frozen=True)
class Bounded:
    """The first output of a node under an arithmetic."""

    pair: Pair
    others: tuple[Pair, ...]
    model: Arithmetic

    def accepts(self, got: Array, output: int = 0) -> bool:
        """Whether every element is right, and has a bound."""
        found = compared(np.asarray(got), (self.pair, *self.others)[output], self.model, None)
        return bool((found.right & found.known).all())


Bounds: TypeAlias = Callable[..., Bounded]


def _bounds(
    op: str,
    inputs: Sequence[Array | Pair | None],
    *,
    model: str = "fp32",
    opset: int = 23,
    outputs: int = 1,
    domain: str = "",
    primitive: bool = False,
    **attributes: Any,
) -> Bounded:
    names = [f"i{k}" if value is not None else "" for k, value in enumerate(inputs)]
    results = [f"o{k}" for k in range(outputs)]
    node = helper.make_node(op, names, results, domain=domain, **attributes)
    empty = [helper.make_empty_tensor_value_info(name) for name in results]
    graph = helper.make_graph([node], "one", [], empty)
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 5 if domain == "ai.onnx.ml" else 1))
    proto = helper.make_model(graph, opset_imports=opsets)
    feeds = {
        name: value if isinstance(value, Pair) else Pair.exact(np.asarray(value))
        for name, value in zip(names, inputs, strict=True)
        if value is not None
    }
    chosen = arithmetic(model)
    made = bounds(
        onnx.ModelProto.FromString(proto.SerializeToString()),
        feeds,
        chosen,
        primitive=primitive,
    )
    pairs = [pair for pair in made if isinstance(pair, Pair)]
    return Bounded(pairs[0], tuple(pairs[1:]), chosen)


@pytest.fixture(scope="session")
def bounds_of() -> Bounds:
    """The bounds of one node: op, inputs, and by name model, opset, outputs and attributes."""
    return _bounds
