"""A flatbuffer on the reference model: what `run` gives for given feeds."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from tempfile import NamedTemporaryFile

import numpy as np

from hal import saved
from hal.adapter import CanSave, Program, import_sdk
from hal.errors import ExecutionError, HALError, Unsupported
from hal.spec import TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_tosa.lower import INSTALL

_NO_OP = re.compile(r"could not allocate op +(?P<what>(?P<op>\w+) .*?)(?:Subgraph|$)", re.M)


class TosaProgram(Program, CanSave):
    """One TOSA graph, interpreted anew by each run."""

    def __init__(
        self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], graph: bytes
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._graph = graph
        self._model = import_sdk("tosa_reference_model", "TOSA's reference model", INSTALL)
        # At each refusal it would start gdb, where there is one, which takes seconds.
        os.environ["TOSA_MODEL_NO_BACKTRACE"] = "1"

    def run(self, feeds: Feeds) -> Sequence[Value]:
        arrays = [np.array(feeds[spec.name].array, order="C") for spec in self.inputs]
        with NamedTemporaryFile("r", prefix="hal-tosa-", errors="replace") as log:
            try:
                results, status = self._model.run(
                    self._graph, arrays, debug_filename=log.name, is_unbuffered=True
                )
            except ValueError as error:
                raise refusal(str(error), log.read()) from error
            if status != self._model.GraphStatus.TOSA_VALID:
                raise ExecutionError(
                    f"the reference model ends with {status.name}: the specification does not "
                    f"say what this graph computes from these inputs. {log.read()}".strip()
                )
        return [Tensor.of(np.array(array)) for array in results]

    def save(self) -> bytes:
        return saved.pack(self.inputs, self.outputs, self._graph)


def refusal(error: str, log: str) -> HALError:
    """What the model's exception means, by what it wrote meanwhile."""
    found = _NO_OP.search(log)
    if found is not None:
        what = " ".join(found["what"].split())
        return Unsupported(f"TOSA has no {what}", op=found["op"])
    said = " ".join(log.split()[:60])
    kind = Unsupported if "exceeds maximum rank" in error else ExecutionError
    return kind(f"the reference model: {error} {said}".strip())
