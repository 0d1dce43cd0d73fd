"""A flatbuffer on the reference model: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hal import dtypes, saved
from hal.adapter import CanSave, Program, import_sdk
from hal.errors import ExecutionError
from hal.spec import TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_tosa.lower import INSTALL


class TosaProgram(Program, CanSave):
    """One TOSA graph, interpreted anew by each run."""

    def __init__(
        self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], graph: bytes
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._graph = graph
        self._model = import_sdk("tosa_reference_model", "TOSA's reference model", INSTALL)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        arrays = [np.array(feeds[spec.name].array, order="C") for spec in self.inputs]
        results, status = self._model.run(self._graph, arrays)
        if status != self._model.GraphStatus.TOSA_VALID:
            raise ExecutionError(
                f"the reference model ends with {status.name}: the specification does not say "
                "what this graph computes from these inputs"
            )
        return [
            Tensor(np.array(result), dtypes.of_array(np.asarray(result))) for result in results
        ]

    def save(self) -> bytes:
        return saved.pack(self.inputs, self.outputs, self._graph)
