"""A model compiled by OpenVINO: run, submit, save, placement, bind, profile."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from hal.adapter import CanBind, CanPlace, CanProfile, CanSave, CanSubmit, Program
from hal.spec import NodeTime, Placement, TensorSpec
from hal.tensor import Feeds, Value
from hal_openvino import placement
from hal_openvino.binding import OpenVINOBinding
from hal_openvino.placement import Nodes
from hal_openvino.request import Compiled, Request


class OpenVINOProgram(Program, CanSubmit, CanSave, CanPlace, CanBind, CanProfile):
    """One compiled model with one request for `run`, and others once `submit` is used."""

    def __init__(self, compiled: Compiled, nodes: Callable[[], Nodes]) -> None:
        self.inputs: tuple[TensorSpec, ...] = tuple(port.spec for port in compiled.inputs)
        self.outputs: tuple[TensorSpec, ...] = tuple(port.spec for port in compiled.outputs)
        self._compiled = compiled
        self._nodes = nodes
        self._request = Request(compiled)
        self._queue: _Queue | None = None
        self._counted: Request | None = None

    def run(self, feeds: Feeds) -> Sequence[Value]:
        return self._request.run(feeds)

    def submit(self, feeds: Feeds) -> Future[Sequence[Value]]:
        if self._queue is None:
            self._queue = _Queue(self._compiled)
        return self._queue.submit(feeds)

    def save(self) -> bytes:
        header = {
            "inputs": [port.to_json() for port in self._compiled.inputs],
            "outputs": [port.to_json() for port in self._compiled.outputs],
            "nodes": self._nodes().to_json(),
        }
        text = json.dumps(header).encode()
        return len(text).to_bytes(4, "little") + text + self._compiled.blob()

    def placement(self) -> Placement:
        model = self._compiled.model()
        results = {
            port.spec.name: model.outputs[port.index].get_node().get_friendly_name()
            for port in self._compiled.outputs
        }
        found = placement.units(model.get_runtime_model())
        return placement.placement_of(self._nodes(), found, results)

    def bind(self, feeds: Feeds, outputs: Feeds) -> OpenVINOBinding:
        return OpenVINOBinding(self._compiled, feeds, outputs)

    def profile(self, feeds: Feeds) -> Sequence[NodeTime]:
        if self._counted is None:
            # Counters must be asked for at compilation.
            self._counted = Request(self._compiled.with_properties({"PERF_COUNT": True}))
        self._counted.run(feeds)
        nodes = {name: node for node in self._nodes().all for name in node.names}
        times: list[NodeTime] = []
        for unit in self._counted.request.get_profiling_info():
            if str(unit.status).endswith(".EXECUTED"):
                node = nodes.get(unit.node_name)
                id_, op = (node.id, node.op) if node else (unit.node_name, unit.node_type)
                times.append(NodeTime(id_, op, unit.real_time.total_seconds()))
        return times

    def close(self) -> None:
        if self._queue is not None:
            self._queue.close()
        # OpenVINO frees memory with the last reference.
        del self._queue, self._counted, self._request, self._compiled, self._nodes


class _Queue:
    """As many requests as OpenVINO finds best, each run by a thread of its own, in order.

    With `goal="throughput"` the device computes several at once; a single request then gets
    only its share of the device. OpenVINO's own AsyncInferQueue is not used, because a failure
    in it does not reach the caller of that run.
    """

    def __init__(self, compiled: Compiled) -> None:
        count = int(compiled.model().get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._idle: SimpleQueue[Request] = SimpleQueue()
        for _ in range(count):
            self._idle.put(Request(compiled))
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="openvino")

    def submit(self, feeds: Feeds) -> Future[Sequence[Value]]:
        return self._threads.submit(self._run, feeds)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _run(self, feeds: Feeds) -> Sequence[Value]:
        request = self._idle.get()
        try:
            return request.run(feeds)
        finally:
            self._idle.put(request)
