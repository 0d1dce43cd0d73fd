"""A program of TVM's: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hal import saved
from hal.adapter import CanPlace, CanSave, Program
from hal.errors import DeviceNotFound, ExecutionError, Unsupported
from hal.spec import ModelFacts, Placement
from hal.tensor import Feeds, Tensor, Value
from hal_tvm import devices, errors


@dataclass(eq=False)
class TvmProgram(Program, CanSave, CanPlace):
    """An executable of TVM's virtual machine; where nothing here runs it, something to save.

    `executable` is what TVM compiled or loaded, None for saved code that nothing here loads;
    `target` TVM's name for what it is compiled for; `facts` are the model's; `threads` bound
    a run (None: TVM's own choice); `saved` is what `save` gives, where it is known.
    """

    executable: Any
    target: str
    facts: ModelFacts
    threads: int | None
    saved: bytes | None = None

    def __post_init__(self) -> None:
        self.inputs, self.outputs = self.facts.inputs, self.facts.outputs
        self._tvm = devices.sdk()
        self._machine: Any = None
        if devices.runs(self._tvm, self.target):
            self._device = self._tvm.device(devices.TARGETS[self.target][1])
            self._machine = self._tvm.relax.VirtualMachine(self.executable, self._device)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        if self._machine is None:
            told = f"compiled for {self.target}; TVM finds nothing here that runs it"
            raise DeviceNotFound(told, device=self.target)
        if self.threads is not None:
            self._tvm.get_global_func("runtime.config_threadpool")(1, self.threads)
        given = [self._given(feeds.get(spec.name)) for spec in self.inputs]
        with errors.running():
            result = self._machine["main"](*given)
        results = [result] if len(self.outputs) == 1 else result
        return [
            _value(one, spec.is_tensor) for one, spec in zip(results, self.outputs, strict=True)
        ]

    def placement(self) -> Placement:
        return Placement.claimed(self.facts.nodes, self.target)

    def save(self) -> bytes:
        if self.saved is not None:
            return self.saved
        with TemporaryDirectory(prefix="hal-tvm-") as folder:
            path = Path(folder) / "program.so"
            self.executable.export_library(str(path))
            body = path.read_bytes()
        return saved.pack(self.inputs, self.outputs, body, self.facts.to_json())

    def close(self) -> None:
        self._machine = None

    def _given(self, value: Value) -> Any:
        if not isinstance(value, Tensor):
            raise Unsupported("TVM takes no empty optional")
        return self._tvm.runtime.tensor(np.asarray(value.array, order="C"), self._device)


def revived(blob: bytes, target: str, threads: int | None) -> TvmProgram:
    """The program that `TvmProgram.save` wrote."""
    _, _, body, facts = saved.unpack(blob)
    tvm, executable = devices.sdk(), None
    if devices.runs(tvm, target):
        with TemporaryDirectory(prefix="hal-tvm-") as folder:
            path = Path(folder) / "program.so"
            path.write_bytes(body)
            executable = tvm.runtime.load_module(str(path))
    return TvmProgram(executable, target, ModelFacts.from_json(facts), threads, blob)


def _value(result: Any, is_tensor: bool) -> Value:
    """A result in NumPy's arrays; a shape is a vector of int64, which is its type in ONNX."""
    if hasattr(result, "numpy"):
        return Tensor.of(result.numpy())
    kind = type(result).__name__
    if kind == "Shape":
        return Tensor.of(np.array(list(result), np.int64))
    if kind == "Array" and not is_tensor:
        return [_value(one, True) for one in result]
    raise ExecutionError(f"TVM gave a {kind} for an output")
