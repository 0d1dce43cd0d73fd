"""A compiled model in the simulator: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hal.adapter import CanPlace, Program
from hal.errors import ExecutionError
from hal.errortable import one_line
from hal.spec import ModelFacts, Placement, TensorSpec
from hal.tensor import Feeds, Tensor, Value

LOG = "log"
"""What the toolkit writes its log into."""


class RknnProgram(Program, CanPlace):
    """One RKNN object; `placed` is filled in once it is built."""

    def __init__(self, rknn: Any, facts: ModelFacts, folder: TemporaryDirectory[str]) -> None:
        self.inputs = facts.inputs
        self.outputs = facts.outputs
        self.placed = Placement((), "logged")
        self._rknn = rknn
        self._folder = folder

    def run(self, feeds: Feeds) -> Sequence[Value]:
        arrays = [np.ascontiguousarray(feeds[spec.name].array) for spec in self.inputs]
        results = self._rknn.inference(inputs=arrays, data_format=["nchw"] * len(arrays))
        if results is None or len(results) != len(self.outputs):
            said = one_line(Path(self._folder.name, LOG).read_text(errors="replace")[-300:])
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
    if spec.dtype == "float16" and result.dtype == np.float32:
        result = result.astype(np.float16)
    return Tensor.of_output(result, spec.shape)
