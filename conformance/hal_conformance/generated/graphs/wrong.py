"""A model that is wrong in one place: how such a case is said and made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hal import dtypes
from hal.tensor import Tensor, Value
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.source import Source

Dims = tuple[int | str, ...]


@dataclass(frozen=True)
class Wrong:
    """A model that is wrong: nodes, inputs, weights, and what its output is said to be."""

    label: str
    nodes: Sequence[onnx.NodeProto]
    inputs: Mapping[str, tuple[str, Dims]]
    weights: Mapping[str, Any] = field(default_factory=dict[str, Any])
    output: tuple[str, Dims | None] = ("float32", None)  # None: of the first input's rank
    opset: int = 21
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    edit: Callable[[onnx.ModelProto], None] | None = None
    fed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def source(self, group: str) -> Source:
        """The case."""
        case = f"graphs/refusal/{group}/{self.output[0]}/{self.label}"
        inputs = [
            helper.make_tensor_value_info(name, dtypes.of_name(t).number, dims)
            for name, (t, dims) in self.inputs.items()
        ]
        t, dims = self.output
        if dims is None:
            rank = len(next(iter(self.inputs.values()), ("", (0, 0)))[1])
            dims = tuple("pqrs"[:rank])
        out = helper.make_tensor_value_info("y", dtypes.of_name(t).number, dims)
        weights = [
            each if isinstance(each, TensorProto) else numpy_helper.from_array(each, name)
            for name, each in self.weights.items()
        ]
        graph = helper.make_graph(self.nodes, "case", inputs, [out], weights)
        imports = [helper.make_opsetid("", self.opset)]
        ir = helper.find_min_ir_version_for(imports, ignore_unknown=True)
        model = helper.make_model(graph, opset_imports=imports, ir_version=max(ir, 8))
        model.producer_name = "onnx-hal"
        if self.edit:
            self.edit(model)
        feeds = {name: self._value(case, name) for name in self.inputs}
        elements = max((v.array.size for v in feeds.values()), default=0)
        data: Mapping[str, Value] = dict(feeds)
        return Source(
            case,
            model.SerializeToString(deterministic=True),
            [data],
            f"sampled {elements}",
            "refusal",
            self.label,
            {},
        )

    def _value(self, case: str, name: str) -> Tensor:
        t, dims = self.inputs[name]
        dtype = dtypes.of_name(t)
        if name in self.fed:
            array = np.array(self.fed[name], dtype.numpy)
        else:
            sizes = self.sizes.get(name, [2 if isinstance(d, str) else d for d in dims])
            array = np.array(values.any_(Draw(case, name), tuple(sizes), dtype))
        array.setflags(write=False)
        return Tensor(array, dtype)


def node_of(
    op: str, inputs: str, output: str = "y", domain: str = "", **how: Any
) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), output.split(), domain=domain or None, **how)


MATRIX: dict[str, tuple[str, Dims]] = {"x": ("float32", (3, 4))}
IMAGE: dict[str, tuple[str, Dims]] = {"x": ("float32", (1, 4, 6, 6))}
TWICE = {"m": np.array(2)}
KERNEL = {"w": np.full((2, 4, 3, 3), 0.5, np.float32)}


def two(a: Dims, b: Dims, t: str = "float32", u: str = "") -> dict[str, tuple[str, Dims]]:
    return {"a": (t, a), "b": (u or t, b)}


def told(name: str, dims: Dims | None = None, t: str = "float32") -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtypes.of_name(t).number, dims)
