"""Where probes run: small models built here, compiled and run on one device.

What two probes ask alike is run once. A device that is lost is opened again, a few times;
whatever it refuses is an exception of `hal.errors`, which `take` turns into a fact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper

from hal import dtypes
from hal.device import Device
from hal.errors import DeviceLost, HALError
from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import Array

OPSET = 17
"""The opset of models, where the device takes it and no operator needs a newer one."""

LIVES = 4
"""How often a device is opened before what is left stays unknown."""

_IR = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10}


@dataclass(frozen=True)
class Node:
    """One operator of a probe's model; `reads` and `makes` are names in it."""

    op: str
    reads: Sequence[str]
    makes: str | tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def proto(self) -> onnx.NodeProto:
        """The node as a message."""
        makes = [self.makes] if isinstance(self.makes, str) else list(self.makes)
        return helper.make_node(self.op, list(self.reads), makes, **self.attributes)

    @property
    def result(self) -> str:
        """The output that is looked at: the last."""
        return self.makes if isinstance(self.makes, str) else self.makes[-1]


class Lab:
    """Runs models on a device that `opened` gives, and keeps what came back."""

    def __init__(self, opened: Callable[[], Device]) -> None:
        self.models: list[str] = []
        self._opened = opened
        self._device: Device | None = None
        self._lives = LIVES
        self._kept: dict[str, Array | HALError] = {}

    def begin(self) -> None:
        """Forget which models were run: another probe begins."""
        self.models = []

    def op(
        self,
        op: str,
        *feeds: Array,
        weights: Sequence[Array] = (),
        out: str | None = None,
        opset: int = OPSET,
        makes: tuple[str, ...] = ("y",),
        **attributes: Any,
    ) -> Array:
        """The last output of one operator: fed arrays first, then constant ones.

        `out` is the output's type, by default that of the first input.
        """
        named = {f"x{k}": array for k, array in enumerate(feeds)}
        fixed = {f"w{k}": array for k, array in enumerate(weights)}
        node = Node(op, [*named, *fixed], makes, attributes)
        return self.graph([node], named, fixed, out=out, opset=opset)

    def graph(
        self,
        nodes: Sequence[Node],
        feeds: Mapping[str, Array],
        weights: Mapping[str, Array],
        *,
        out: str | None = None,
        opset: int = OPSET,
    ) -> Array:
        """The output of the last node of a chain.

        Raises:
            HALError: whatever the device says.
        """
        (found,) = self.repeated(nodes, feeds, weights, times=1, out=out, opset=opset)
        return found

    def repeated(
        self,
        nodes: Sequence[Node],
        feeds: Mapping[str, Array],
        weights: Mapping[str, Array],
        *,
        times: int,
        out: str | None = None,
        opset: int = OPSET,
    ) -> list[Array]:
        """As `graph`, several runs of one executable."""
        first = next(iter(feeds.values()))
        kind = out or dtypes.of_array(first).name
        self.models.append(_described(nodes, feeds, weights, kind))
        blob = _model(nodes, feeds, weights, kind, opset).SerializeToString()
        fed = {name: Tensor(a, dtypes.of_array(a)) for name, a in feeds.items()}
        key = _key(blob, fed)
        if times > 1 or key not in self._kept:
            return self._answers(key, blob, fed, times)
        kept = self._kept[key]
        if isinstance(kept, HALError):
            raise kept
        return [kept]

    def close(self) -> None:
        """Close the device, where one is open."""
        device, self._device = self._device, None
        if device is not None:
            try:
                device.close()
            except HALError:
                return  # it is gone, which is all that was wanted

    def _answers(
        self, key: str, blob: bytes, fed: Mapping[str, Tensor], times: int
    ) -> list[Array]:
        try:
            found = self._run(blob, fed, times)
        except HALError as error:
            self._kept[key] = error
            if isinstance(error, DeviceLost):
                self.close()
            raise
        if times == 1:
            self._kept[key] = found[0]
        return found

    def _run(self, blob: bytes, fed: Mapping[str, Tensor], times: int) -> list[Array]:
        with self._here().compile(blob) as executable:
            return [_array(executable.run_values(fed)[0]) for _ in range(times)]

    def _here(self) -> Device:
        if self._device is None:
            if not self._lives:
                raise DeviceLost("the device was lost too often to ask it more")
            self._lives -= 1
            self._device = self._opened()
        return self._device


def _array(value: Value) -> Array:
    if not isinstance(value, Tensor):
        raise TypeError(f"a probe's output is a tensor, not a {type(value).__name__}")
    return value.array


def _model(
    nodes: Sequence[Node],
    feeds: Mapping[str, Array],
    weights: Mapping[str, Array],
    kind: str,
    opset: int,
) -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info(name, dtypes.of_array(array).number, array.shape)
        for name, array in feeds.items()
    ]
    output = helper.make_tensor_value_info(
        nodes[-1].result, dtypes.of_name(kind).number, shape=None
    )
    fixed = [
        helper.make_tensor(
            name,
            dtypes.of_array(array).number,
            array.shape,
            np.ascontiguousarray(array).tobytes(),
            raw=True,
        )
        for name, array in weights.items()
    ]
    graph = helper.make_graph([n.proto() for n in nodes], "probe", inputs, [output], fixed)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR[opset])


def _described(
    nodes: Sequence[Node], feeds: Mapping[str, Array], weights: Mapping[str, Array], kind: str
) -> str:
    """The model in one line: "MatMul(float32[64,64], constant float32[64,64])"."""
    said = {name: _shape(array) for name, array in feeds.items()}
    said |= {name: f"constant {_shape(array)}" for name, array in weights.items()}
    text = ""
    for node in nodes:
        attributes = [f"{name}={value}" for name, value in node.attributes.items()]
        text = f"{node.op}({', '.join([said[name] for name in node.reads] + attributes)})"
        said[node.result] = text
    first = dtypes.of_array(next(iter(feeds.values()))).name
    return text if kind == first else f"{text} -> {kind}"


def _shape(array: Array) -> str:
    return f"{dtypes.of_array(array).name}[{','.join(str(n) for n in array.shape)}]"


def _key(blob: bytes, feeds: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256(blob)
    for name, value in feeds.items():
        found.update(name.encode() + np.ascontiguousarray(value.array).tobytes())
    return found.hexdigest()
