"""A compiled model in the simulator: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hal import dtypes
from hal.adapter import CanPlace, Program
from hal.errors import ExecutionError
from hal.spec import Placement, TensorSpec
from hal.tensor import Feeds, Tensor, Value


class RknnProgram(Program, CanPlace):
    """One RKNN object; `placed` is filled in once it is built."""

    def __init__(
        self,
        rknn: Any,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        log: Path,
        folder: TemporaryDirectory[str],
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.placed = Placement((), "logged")
        self._rknn = rknn
        self._log = log
        self._folder = folder

    def run(self, feeds: Feeds) -> Sequence[Value]:
        arrays = [np.ascontiguousarray(feeds[spec.name].array) for spec in self.inputs]
        results = self._rknn.inference(inputs=arrays, data_format=["nchw"] * len(arrays))
        if results is None or len(results) != len(self.outputs):
            said = " ".join(self._log.read_text(errors="replace")[-300:].split())
            raise ExecutionError(f"the simulator gave no results; its log ends: {said}")
        return [
            _tensor(result, spec) for result, spec in zip(results, self.outputs, strict=True)
        ]

    def placement(self) -> Placement:
        return self.placed

    def close(self) -> None:
        try:
            self._rknn.release()
        finally:
            self._folder.cleanup()


def _tensor(result: Any, spec: TensorSpec) -> Tensor:
    """The simulator gives float32 for float16, and one element for a scalar."""
    array = np.asarray(result)
    if spec.dtype == "float16" and array.dtype == np.float32:
        array = array.astype(np.float16)
    if spec.shape == () and array.size == 1:
        array = array.reshape(())
    return Tensor(array, dtypes.of_array(array))
