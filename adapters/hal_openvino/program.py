"""A model compiled by OpenVINO: run, save, placement, bind, profile.

A run copies feeds into the tensors of one kept InferRequest, infers, and copies results out.
The request is made once, and its tensors and views are looked up once where the shapes are
fixed: a quarter of the time that OpenVINO's own `infer(feeds)` takes on a small model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hal import dtypes
from hal.adapter import Binding, CanBind, CanPlace, CanProfile, CanSave, Program
from hal.spec import NodeTime, Placement, TensorSpec
from hal.tensor import Array, Feeds, Tensor, Value
from hal_openvino import placement, tensors
from hal_openvino.devices import Name
from hal_openvino.placement import Nodes
from hal_openvino.signature import Port


@dataclass(frozen=True)
class Compiled:
    """What compilation gave: OpenVINO's compiled model, and which port is which."""

    core: Any
    name: Name
    config: Mapping[str, Any]
    model: Any
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def is_static(self) -> bool:
        """Whether every tensor keeps its place and shape from run to run."""
        ports = [*self.model.inputs, *self.model.outputs]
        return self.name.chooser is None and all(p.get_partial_shape().is_static for p in ports)


class OpenVINOProgram(Program, CanSave, CanPlace, CanBind, CanProfile):
    """One compiled model with one InferRequest."""

    def __init__(self, compiled: Compiled, nodes: Callable[[], Nodes]) -> None:
        self.inputs: tuple[TensorSpec, ...] = tuple(port.spec for port in compiled.inputs)
        self.outputs: tuple[TensorSpec, ...] = tuple(port.spec for port in compiled.outputs)
        self._compiled = compiled
        self._nodes = nodes
        self._profiled: Any = None
        self._request: Any = compiled.model.create_infer_request()
        self._infer: Any = self._request.infer
        self._writers = _writers(self._request, compiled)
        self._readers = _readers(self._request, compiled)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        for name, write in self._writers:
            write(feeds[name].array)
        self._infer(None, share_outputs=True)
        return [read() for read in self._readers]

    def save(self) -> bytes:
        header = {
            "inputs": [port.to_json() for port in self._compiled.inputs],
            "outputs": [port.to_json() for port in self._compiled.outputs],
            "nodes": self._nodes().to_json(),
        }
        text = json.dumps(header).encode()
        return len(text).to_bytes(4, "little") + text + _exported(self._compiled.model)

    def placement(self) -> Placement:
        model = self._compiled.model
        results = {
            port.spec.name: model.outputs[port.index].get_node().get_friendly_name()
            for port in self._compiled.outputs
        }
        found = placement.units(model.get_runtime_model())
        return placement.placement_of(self._nodes(), found, results)

    def bind(self, feeds: Feeds, outputs: Feeds) -> OpenVINOBinding:
        return OpenVINOBinding(self._compiled, feeds, outputs)

    def profile(self, feeds: Feeds) -> Sequence[NodeTime]:
        if self._profiled is None:
            self._profiled = _with_counters(self._compiled).create_infer_request()
        for name, write in _writers(self._profiled, self._compiled):
            write(feeds[name].array)
        self._profiled.infer(None, share_outputs=True)
        names = {name: node for node in self._nodes().all for name in node.names}
        times: list[NodeTime] = []
        for unit in self._profiled.get_profiling_info():
            if str(unit.status).endswith("EXECUTED"):
                node = names.get(unit.node_name)
                where = (node.id, node.op) if node else (unit.node_name, unit.node_type)
                times.append(NodeTime(*where, unit.real_time.total_seconds()))
        return times

    def close(self) -> None:
        # Views first: they alias the request's memory.
        self._writers, self._readers = [], []
        self._infer = self._request = self._profiled = None
        del self._compiled, self._nodes


class OpenVINOBinding(Binding):
    """A request of its own over the caller's buffers.

    Arrays that OpenVINO cannot read in place (strided, misaligned) are replaced by copies in
    its own memory, which `inputs` then shows. An output of a shape that is known only after a
    run appears in `outputs` with the run.
    """

    def __init__(self, compiled: Compiled, feeds: Feeds, outputs: Feeds) -> None:
        self._request: Any = compiled.model.create_infer_request()
        self.inputs: dict[str, Array] = {}
        self.outputs: dict[str, Array] = {}
        self._moving: list[tuple[str, int, dtypes.DType]] = []
        for port in compiled.inputs:
            self._bind_input(port, feeds[port.spec.name])
        for port in compiled.outputs:
            self._bind_output(port, outputs.get(port.spec.name), compiled)

    def run(self) -> None:
        self._request.infer(None, share_outputs=True)
        for name, index, dtype in self._moving:
            tensor = self._request.get_output_tensor(index)
            self.outputs[name] = tensor.data.view(dtype.numpy)

    def close(self) -> None:
        self.inputs, self.outputs, self._moving = {}, {}, []
        self._request = None

    def _bind_input(self, port: Port, feed: Tensor) -> None:
        array = feed.array
        if port.index is not None:
            if not tensors.can_share(array, written=False):
                array = array.copy()
            self._request.set_input_tensor(port.index, tensors.shared(array, feed.dtype))
        self.inputs[port.spec.name] = array

    def _bind_output(self, port: Port, buffer: Tensor | None, compiled: Compiled) -> None:
        index, dtype = port.index or 0, dtypes.of_name(port.spec.dtype)
        if buffer is not None:
            self._request.set_output_tensor(index, tensors.shared(buffer.array, dtype))
            self.outputs[port.spec.name] = buffer.array
        elif compiled.is_static:
            tensor = self._request.get_output_tensor(index)
            self.outputs[port.spec.name] = tensor.data.view(dtype.numpy)
        else:
            self._moving.append((port.spec.name, index, dtype))


def _writers(request: Any, compiled: Compiled) -> list[tuple[str, tensors.Writer]]:
    return [
        (
            port.spec.name,
            tensors.writer(
                request.get_input_tensor(port.index), dtypes.of_name(port.spec.dtype)
            ),
        )
        for port in compiled.inputs
        if port.index is not None
    ]


def _readers(request: Any, compiled: Compiled) -> list[tensors.Reader]:
    readers: list[tensors.Reader] = []
    for port in compiled.outputs:
        index, dtype = port.index or 0, dtypes.of_name(port.spec.dtype)
        if compiled.is_static:
            readers.append(tensors.fixed_reader(request.get_output_tensor(index), dtype))
        else:
            readers.append(tensors.moving_reader(request.get_output_tensor, index, dtype))
    return readers


def _exported(model: Any) -> bytes:
    """The compiled model's bytes; older versions of OpenVINO give them, newer ones a stream."""
    blob = model.export_model()
    return bytes(blob) if isinstance(blob, (bytes, bytearray)) else bytes(blob.getbuffer())


def _with_counters(compiled: Compiled) -> Any:
    """The same program with performance counters, which must be asked for at compilation."""
    config = {**compiled.config, "PERF_COUNT": True}
    return compiled.core.import_model(_exported(compiled.model), compiled.name.full, config)
