"""Zero copy: a request over the caller's own buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hal import dtypes
from hal.adapter import Binding
from hal.errors import InputError
from hal.tensor import Array, Feeds, Tensor
from hal_openvino import tensors
from hal_openvino.request import Compiled, inference
from hal_openvino.signature import Port


class OpenVINOBinding(Binding):
    """A request of its own over the caller's buffers.

    Arrays that OpenVINO cannot read in place (strided, misaligned) are replaced by copies in
    its own memory, which `inputs` then shows. An output of a shape that is known only after a
    run appears in `outputs` with the run.
    """

    def __init__(self, compiled: Compiled, feeds: Feeds, outputs: Feeds) -> None:
        self._compiled = compiled
        self._feeds = {name: _shareable(feed) for name, feed in feeds.items()}
        self._buffers = dict(outputs)
        self.inputs: Mapping[str, Array] = {n: feed.array for n, feed in self._feeds.items()}
        self._written: dict[str, Array] = {}
        self.outputs: Mapping[str, Array] = self._written
        self._prepare()

    def run(self) -> None:
        if not self._compiled.is_fit(self._model):
            self._prepare()
        try:
            self._infer()
        except RuntimeError:
            self._compiled.spoil(self._model)
            raise
        for name, index, dtype in self._moving:
            tensor = self._request.get_output_tensor(index)
            self._written[name] = tensor.data.view(dtype.numpy)

    def close(self) -> None:
        self._written.clear()
        del self._infer, self._request, self._model, self._compiled
        del self._feeds, self._buffers, self.inputs

    def _prepare(self) -> None:
        self._model = self._compiled.model()
        self._request: Any = self._model.create_infer_request()
        self._infer = inference(self._request, self._model, self._compiled.name)
        self._moving: list[tuple[str, int, dtypes.DType]] = []
        for port in self._compiled.inputs:
            if port.index is not None:
                feed = self._feeds[port.spec.name]
                tensor = tensors.shared(feed.array, feed.dtype)
                self._request.set_input_tensor(port.index, tensor)
        for port in self._compiled.outputs:
            self._bind_output(port, self._buffers.get(port.spec.name))

    def _bind_output(self, port: Port, buffer: Tensor | None) -> None:
        name, index = port.spec.name, port.index or 0
        dtype = dtypes.of_name(port.spec.dtype)
        if buffer is not None:
            if not tensors.can_share(buffer.array, written=True):
                raise InputError(
                    f"the buffer for {name!r} cannot be written in place; it must be "
                    "C-contiguous, aligned and writable"
                )
            # Under its own type: OpenVINO refuses one that is not the output's.
            tensor = tensors.shared(buffer.array, buffer.dtype)
            self._request.set_output_tensor(index, tensor)
            self._written[name] = buffer.array
        elif self._compiled.is_static:
            tensor = self._request.get_output_tensor(index)
            self._written[name] = tensor.data.view(dtype.numpy)
        if not self._compiled.is_static:
            # Known after a run; a buffer may be larger than the shape then turns out to be.
            self._moving.append((name, index, dtype))


def _shareable(feed: Tensor) -> Tensor:
    """The feed, or a copy of it where OpenVINO cannot read it in place."""
    if tensors.can_share(feed.array, written=False):
        return feed
    return Tensor(feed.array.copy(), feed.dtype)
