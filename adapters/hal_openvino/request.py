"""One compiled model and the requests that run it: the hot path.

A run copies feeds into the tensors of a kept InferRequest, infers, and copies results out. The
tensors and NumPy's views of them are looked up once, where the shapes are fixed: a quarter of
the time that OpenVINO's own `infer(feeds)` takes on a small model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hal import dtypes
from hal.tensor import Feeds, Value
from hal_openvino import tensors
from hal_openvino.devices import Name
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


class Request:
    """One InferRequest with what moves values into and out of it."""

    def __init__(self, compiled: Compiled, model: Any = None) -> None:
        self.request: Any = (model or compiled.model).create_infer_request()
        self._infer: Any = self.request.infer
        self._writers = _writers(self.request, compiled)
        self._readers = _readers(self.request, compiled)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        for name, write in self._writers:
            write(feeds[name].array)
        self._infer(None, share_outputs=True)  # returns views; the readers copy
        return [read() for read in self._readers]


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
