"""Zero copy: a request over the caller's own buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hal import dtypes
from hal.adapter import Binding
from hal.errors import InputError
from hal.tensor import Array, Feeds, Tensor
from hal_openvino import tensors
from hal_openvino.request import Compiled
from hal_openvino.signature import Port


class OpenVINOBinding(Binding):
    """A request of its own over the caller's buffers.

    Arrays that OpenVINO cannot read in place (strided, misaligned) are replaced by copies in
    its own memory, which `inputs` then shows. An output of a shape that is known only after a
    run appears in `outputs` with the run.
    """

    def __init__(self, compiled: Compiled, feeds: Feeds, outputs: Feeds) -> None:
        self._request: Any = compiled.model.create_infer_request()
        self._read: dict[str, Array] = {}
        self._written: dict[str, Array] = {}
        self.inputs: Mapping[str, Array] = self._read
        self.outputs: Mapping[str, Array] = self._written
        self._moving: list[tuple[str, int, dtypes.DType]] = []
        for port in compiled.inputs:
            self._bind_input(port, feeds[port.spec.name])
        for port in compiled.outputs:
            self._bind_output(port, outputs.get(port.spec.name), compiled)

    def run(self) -> None:
        self._request.infer(None, share_outputs=True)
        for name, index, dtype in self._moving:
            tensor = self._request.get_output_tensor(index)
            self._written[name] = tensor.data.view(dtype.numpy)

    def close(self) -> None:
        self._read.clear()
        self._written.clear()
        self._moving.clear()
        self._request = None

    def _bind_input(self, port: Port, feed: Tensor) -> None:
        array = feed.array
        if port.index is not None:
            if not tensors.can_share(array, written=False):
                array = array.copy()
            self._request.set_input_tensor(port.index, tensors.shared(array, feed.dtype))
        self._read[port.spec.name] = array

    def _bind_output(self, port: Port, buffer: Tensor | None, compiled: Compiled) -> None:
        index, dtype = port.index or 0, dtypes.of_name(port.spec.dtype)
        if buffer is not None:
            if not tensors.can_share(buffer.array, written=True):
                raise InputError(
                    f"the buffer for {port.spec.name!r} cannot be written in place; it must be "
                    "C-contiguous, aligned and writable"
                )
            # Under its own type: OpenVINO refuses one that is not the output's.
            tensor = tensors.shared(buffer.array, buffer.dtype)
            self._request.set_output_tensor(index, tensor)
            self._written[port.spec.name] = buffer.array
            # A buffer may be larger than what an open shape turns out to be.
            if not compiled.is_static:
                self._moving.append((port.spec.name, index, dtype))
        elif compiled.is_static:
            tensor = self._request.get_output_tensor(index)
            self._written[port.spec.name] = tensor.data.view(dtype.numpy)
        else:
            self._moving.append((port.spec.name, index, dtype))
