"""A program of TVM's: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hal import dtypes, saved
from hal.adapter import CanPlace, CanSave, Program
from hal.errors import DeviceNotFound, ExecutionError
from hal.spec import NodeFacts, NodePlacement, Placement, TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_tvm import devices, errors


class TvmProgram(Program, CanSave, CanPlace):
    """An executable of TVM's virtual machine; where nothing here runs it, something to save.

    Args:
        executable: what TVM compiled, or loaded; None for saved code that nothing here loads.
        target: TVM's name for what it is compiled for.
        threads: how many threads a run may use; None for TVM's own choice.
        saved: what `save` gives, where it is known.
    """

    def __init__(
        self,
        executable: Any,
        target: str,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        nodes: Sequence[NodeFacts],
        threads: int | None,
        saved: bytes | None = None,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._tvm = devices.sdk()
        self._executable: Any = executable
        self._target = target
        self._nodes = nodes
        self._threads = threads
        self._saved = saved
        self._machine: Any = None
        if devices.runs(self._tvm, target):
            self._device = self._tvm.device(devices.TARGETS[target][1])
            self._machine = self._tvm.relax.VirtualMachine(executable, self._device)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        if self._machine is None:
            raise DeviceNotFound(
                f"compiled for {self._target}; TVM finds nothing here that runs it",
                device=self._target,
            )
        if self._threads is not None:
            self._tvm.get_global_func("runtime.config_threadpool")(1, self._threads)
        given = [self._tensor(feeds[spec.name].array) for spec in self.inputs]
        try:
            result = self._machine["main"](*given)
        except Exception as error:
            raise errors.running(error) from error
        results = [result] if len(self.outputs) == 1 else list(result)
        if len(results) != len(self.outputs):
            raise ExecutionError(f"TVM gave {len(results)} outputs, not {len(self.outputs)}")
        return [
            _value(one, spec.is_tensor) for one, spec in zip(results, self.outputs, strict=True)
        ]

    def placement(self) -> Placement:
        """Claimed: a program for the CPU has nowhere else to run a node."""
        nodes = (NodePlacement(n.id, n.op, "device", self._target) for n in self._nodes)
        return Placement(tuple(nodes), "claimed")

    def save(self) -> bytes:
        if self._saved is not None:
            return self._saved
        nodes = [[node.id, node.op, node.domain, node.version] for node in self._nodes]
        with TemporaryDirectory(prefix="hal-tvm-") as folder:
            path = Path(folder) / "program.so"
            self._executable.export_library(str(path))
            body = path.read_bytes()
        return saved.pack(self.inputs, self.outputs, body, {"nodes": nodes})

    def close(self) -> None:
        self._machine = None

    def _tensor(self, array: Any) -> Any:
        return self._tvm.runtime.tensor(np.asarray(array, order="C"), self._device)


def revived(blob: bytes, target: str, threads: int | None) -> TvmProgram:
    """The program that `TvmProgram.save` wrote."""
    inputs, outputs, body, facts = saved.unpack(blob)
    tvm, executable = devices.sdk(), None
    if devices.runs(tvm, target):
        with TemporaryDirectory(prefix="hal-tvm-") as folder:
            path = Path(folder) / "program.so"
            path.write_bytes(body)
            executable = tvm.runtime.load_module(str(path))
    nodes = tuple(NodeFacts(*node) for node in facts["nodes"])
    return TvmProgram(executable, target, inputs, outputs, nodes, threads, blob)


def _value(result: Any, is_tensor: bool) -> Value:
    """A result in NumPy's arrays; a shape is a vector of int64, which is its type in ONNX."""
    if hasattr(result, "numpy"):
        array = result.numpy()
        return Tensor(array, dtypes.of_array(array))
    kind = type(result).__name__
    if kind == "Shape":
        return Tensor(np.array(list(result), np.int64), dtypes.of_name("int64"))
    if kind == "Array" and not is_tensor:
        return [_value(one, True) for one in result]
    raise ExecutionError(f"TVM gave a {kind} for an output")
