"""A runner of tinygrad's on one device: what `run` gives for given feeds."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hal.adapter import Program
from hal.staged import as_file
from hal.tensor import Feeds, Tensor, Value
from hal_tinygrad import devices
from hal_tinygrad.replay import recorded, replayable

if TYPE_CHECKING:
    from hal.model import Model
    from hal.spec import ModelFacts

_one_at_a_time = RLock()


@contextmanager
def device(identity: str, threads: int | None = None) -> Generator[Any]:
    """tinygrad's ONNX module, while what names no device is made on this one.

    tinygrad's settings belong to the process, its device among them, so that two targets in one
    process take turns: whoever computes holds the lock. Kernels are compiled in this process,
    not in a pool of its own, which would outlive it when it is killed.
    """
    helpers = devices.module("helpers")
    place = identity.upper().replace(".", ":")
    bounded = {} if threads is None else {"NUM_CPU_THREADS": threads}
    with _one_at_a_time, helpers.Context(DEV=place, PARALLEL=0, **bounded):
        _name_compiler(helpers)
        yield devices.module("nn.onnx")


def _name_compiler(helpers: Any) -> None:
    """Have tinygrad read CC, which it does once; nobody else is to see it."""
    if "CC" not in os.environ:
        os.environ["CC"] = devices.clang() or "clang"
        helpers.getenv("CC", "clang")
        del os.environ["CC"]


class TinygradProgram(Program):
    """One model of static shapes, its weights on the device."""

    def __init__(self, model: Model, identity: str, threads: int | None) -> None:
        self.inputs = model.facts.inputs
        self.outputs = model.facts.outputs
        self._place = identity, threads
        with device(*self._place) as onnx, TemporaryDirectory(prefix="hal-tinygrad-") as name:
            self._runner: Any = onnx.OnnxRunner(as_file(model, Path(name)))
            weights = [v for v in self._runner.graph_values.values() if v is not None]
            if weights:
                onnx.Tensor.realize(*weights)  # else they would be read from the file later
            reads = onnx.required_input_python_consts
            self._replays = _is_plain(model.facts) and replayable(model.proto().graph, reads)
            self._run: Any = recorded(self._runner) if self._replays else self._runner

    def run(self, feeds: Feeds) -> Sequence[Value]:
        with device(*self._place) as onnx:
            given = {spec.name: _fed(onnx, feeds[spec.name]) for spec in self.inputs}
            if self._replays:
                onnx.Tensor.realize(*given.values())
            else:  # what it has read of one run's values it would take for the next one's
                self._runner._python_const_cache.clear()
            results = self._run(given)
            return [_value(results[spec.name]) for spec in self.outputs]

    def close(self) -> None:
        self._runner = self._run = None


def _is_plain(facts: ModelFacts) -> bool:
    """Whether all that goes in and out has a buffer of its own: no scalars, nothing empty."""
    fed = all(s.is_tensor and s.shape and 0 not in s.shape for s in facts.inputs)
    return fed and bool(facts.inputs) and all(s.is_tensor for s in facts.outputs)


def _fed(onnx: Any, value: Value) -> Any:
    if isinstance(value, list):
        return [_fed(onnx, item) for item in value]
    if not isinstance(value, Tensor):
        return value
    if value.dtype.name == "bfloat16":  # which its way from NumPy does not know
        bits = np.array(value.array, order="C").view(np.uint16)
        return onnx.Tensor(bits).bitcast(onnx.dtypes.bfloat16)
    return onnx.Tensor(np.array(value.array, order="C"))


def _value(result: Any) -> Value:
    """What tinygrad's own way to NumPy gives; bfloat16 comes as float32 and is left so."""
    if result is None:
        return None
    if isinstance(result, (list, tuple)):
        return [_value(item) for item in cast("Sequence[Any]", result)]
    return Tensor.of(np.array(result.numpy() if hasattr(result, "numpy") else result))
