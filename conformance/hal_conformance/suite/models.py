"""Tiny models whose answers are known in closed form and exact in every arithmetic.

`Zoo` builds them for one device: in the element type and the opset that it claims. Values are
small whole numbers, exact down to bfloat16 and int8, so no contract test needs a tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hal import dtypes
from hal.dtypes import DType
from hal.spec import DeviceInfo, Dim
from hal.tensor import Array

Port: TypeAlias = "tuple[str, str, Sequence[Dim]]"
"""Name, element type, shape: "x", "float32", (2, "N")."""

PREFERRED_OPSET = 17
_PREFERRED_DTYPES = (
    "float32",
    "float16",
    "bfloat16",
    "float64",
    "int32",
    "int8",
    "uint8",
    "int64",
    "int16",
)


def port(name: str, dtype: str, shape: Sequence[Dim]) -> onnx.ValueInfoProto:
    """A declared input or output."""
    return helper.make_tensor_value_info(name, dtypes.of_name(dtype).number, list(shape))


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    *,
    weights: Mapping[str, Array] | None = None,
    opset: int = PREFERRED_OPSET,
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """A model message; nothing about it is checked."""
    tensors = [tensor(name, array) for name, array in (weights or {}).items()]
    graph = helper.make_graph(
        list(nodes), "promise", [port(*p) for p in inputs], [port(*p) for p in outputs], tensors
    )
    imports = [helper.make_opsetid("", opset)]
    imports += [helper.make_opsetid(name, version) for name, version in (domains or {}).items()]
    return helper.make_model(
        graph, opset_imports=imports, ir_version=ir_version(opset), producer_name="hal-suite"
    )


def tensor(name: str, array: Array) -> onnx.TensorProto:
    """An initialiser."""
    return numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)


def ir_version(opset: int) -> int:
    """The oldest file format that carries this opset; the newest known where it is unknown."""
    try:
        found = helper.find_min_ir_version_for([helper.make_opsetid("", opset)])
    except ValueError:
        return int(onnx.IR_VERSION)
    return max(int(found), 4)  # before 4, initialisers had to be inputs too


def node(
    op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
) -> onnx.NodeProto:
    """A node, named after its first output."""
    return helper.make_node(
        op, list(inputs), list(outputs), name=f"{op}_{outputs[0]}", **attributes
    )


@dataclass(frozen=True)
class Zoo:
    """Models in the element type and opset of one device."""

    dtype: DType
    opset: int

    @classmethod
    def of(cls, info: DeviceInfo) -> Zoo:
        """What suits a device's claims best."""
        claimed = info.dtypes or {"float32"}
        name = next((name for name in _PREFERRED_DTYPES if name in claimed), min(claimed))
        low, high = info.opsets.get("", (PREFERRED_OPSET, PREFERRED_OPSET))
        return cls(dtypes.of_name(name), min(max(PREFERRED_OPSET, low), high))

    def array(self, values: Any, shape: Sequence[int] | None = None) -> Array:
        """Whole numbers as an array of this device's element type."""
        made = np.asarray(values).astype(self.dtype.numpy)
        return made if shape is None else made.reshape(tuple(shape))

    def feeds(self, rows: int = 2, start: int = 0) -> dict[str, Array]:
        """`left` and `right` of shape [rows, 3]; `left` is never the smaller."""
        count = np.arange(rows * 3) % 40
        return {
            "left": self.array(count + 20 + start, (rows, 3)),
            "right": self.array(count % 7, (rows, 3)),
        }

    @staticmethod
    def arithmetic_of(feeds: Mapping[str, Array]) -> dict[str, Array]:
        """What `arithmetic` answers."""
        left, right = feeds["left"], feeds["right"]
        return {"total": left + right, "difference": left - right}

    def arithmetic(self, rows: Dim = 2, opset: int | None = None) -> bytes:
        """total = left + right, difference = left - right, of shape [rows, 3]."""
        nodes = [
            node("Add", ["left", "right"], ["total"]),
            node("Sub", ["left", "right"], ["difference"]),
        ]
        return self._serialised(
            nodes,
            [self._port("left", rows, 3), self._port("right", rows, 3)],
            [self._port("total", rows, 3), self._port("difference", rows, 3)],
            opset=opset,
        )

    def unsorted(self) -> bytes:
        """z = b + b, x = c + c, y = a + a: inputs b, c, a have 2, 3 and 1 elements."""
        names = (("b", "z", 2), ("c", "x", 3), ("a", "y", 1))
        return self._serialised(
            [node("Add", [given, given], [result]) for given, result, _ in names],
            [self._port(given, size) for given, _, size in names],
            [self._port(result, size) for _, result, size in names],
        )

    def chain(self) -> bytes:
        """hidden = left + right, answer = hidden + left, of shape [2, 3]."""
        nodes = [
            node("Add", ["left", "right"], ["hidden"]),
            node("Add", ["hidden", "left"], ["answer"]),
        ]
        ports = [self._port("left", 2, 3), self._port("right", 2, 3)]
        return self._serialised(nodes, ports, [self._port("answer", 2, 3)])

    def shifted(self, by: int, size: int = 4) -> bytes:
        """y = x + weight, where every element of the weight is `by`."""
        return self._serialised(
            [node("Add", ["x", "weight"], ["y"])],
            [self._port("x", size)],
            [self._port("y", size)],
            weights={"weight": self.array(np.full(size, by))},
        )

    def heavy(self, size: int) -> bytes:
        """y = x + weight of `size` elements: something to leak."""
        return self.shifted(1, size)

    def twins(self, opset: int | None = None) -> bytes:
        """Two outputs that both equal the input x of shape [4]."""
        nodes = [node("Identity", ["x"], ["first"]), node("Identity", ["x"], ["second"])]
        outputs = [self._port("first", 4), self._port("second", 4)]
        return self._serialised(nodes, [self._port("x", 4)], outputs, opset=opset)

    def constant(self) -> bytes:
        """No inputs; y is the weight [1, 2, 3, 4]."""
        return self._serialised(
            [node("Identity", ["weight"], ["y"])],
            [],
            [self._port("y", 4)],
            weights={"weight": self.array([1, 2, 3, 4])},
        )

    def scalar(self) -> bytes:
        """y = x + x of rank 0."""
        return self._serialised(
            [node("Add", ["x", "x"], ["y"])], [self._port("x")], [self._port("y")]
        )

    def reshaped(self) -> bytes:
        """y is x of shape [2, 3], reshaped to what the int64 input `shape` says."""
        return self._serialised(
            [node("Reshape", ["x", "shape"], ["y"])],
            [self._port("x", 2, 3), ("shape", "int64", (2,))],
            [self._port("y", "rows", "columns")],
        )

    def product(self, size: int) -> bytes:
        """y = a @ b, both square."""
        ports = [self._port("a", size, size), self._port("b", size, size)]
        return self._serialised(
            [node("MatMul", ["a", "b"], ["y"])], ports, [self._port("y", size, size)]
        )

    def sequence(self) -> bytes:
        """A sequence of the inputs a and b, of shape [2] each."""
        kind = helper.make_tensor_type_proto(self.dtype.number, [2])
        made = model(
            [node("SequenceConstruct", ["a", "b"], ["items"])],
            [self._port("a", 2), self._port("b", 2)],
            [],
            opset=self.opset,
        )
        output = helper.make_value_info("items", helper.make_sequence_type_proto(kind))
        made.graph.output.append(output)
        return bytes(made.SerializeToString())

    def _port(self, name: str, *shape: Dim) -> Port:
        return name, self.dtype.name, shape

    def _serialised(
        self,
        nodes: Sequence[onnx.NodeProto],
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        *,
        weights: Mapping[str, Array] | None = None,
        opset: int | None = None,
    ) -> bytes:
        made = model(nodes, inputs, outputs, weights=weights, opset=opset or self.opset)
        return bytes(made.SerializeToString())
