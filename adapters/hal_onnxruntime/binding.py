"""A session bound to buffers by IOBinding: no copy in, no copy out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hal import dtypes
from hal.adapter import Binding
from hal.errors import InputError, Unsupported
from hal.spec import TensorSpec
from hal.tensor import Array, Feeds, Tensor
from hal_onnxruntime import values
from hal_onnxruntime.session import sdk


class SessionBinding(Binding):
    """Inputs are the caller's arrays themselves where they are contiguous.

    A device with memory of its own (`memory`) reads what was copied there: once for each run,
    into tensors that stay there. ONNX Runtime brings results back by itself.

    Outputs without a buffer get one here where their shape is known; the others are ONNX
    Runtime's own, appear in `outputs` after the first run, and may change shape with each.
    """

    def __init__(
        self,
        session: Any,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        feeds: Feeds,
        buffers: Feeds,
        memory: Any = None,
    ) -> None:
        for spec in (*inputs, *outputs):
            _refuse_unbindable(spec)
        self._session: Any = session
        self._ort = sdk()
        self._io: Any = session.io_binding()
        self._memory: Any = memory
        self._kept: list[Any] = []
        self._refresh: list[Callable[[], None]] = []
        self._open: dict[str, TensorSpec] = {}
        self.inputs: Mapping[str, Array] = {
            spec.name: self._bind_input(spec, feeds[spec.name]) for spec in inputs
        }
        self._outputs: dict[str, Array] = {}
        for spec in outputs:
            self._bind_output(spec, buffers.get(spec.name))
        self._order = [spec.name for spec in outputs]

    @property
    def outputs(self) -> Mapping[str, Array]:  # type: ignore[override]  # read-only here
        """What the last run wrote."""
        return self._outputs

    def run(self) -> None:
        for refresh in self._refresh:
            refresh()
        for name in self._open:
            self._io.bind_output(name, "cpu")
        self._session.run_with_iobinding(self._io)
        if self._open:
            by_name = dict(zip(self._order, self._io.get_outputs(), strict=True))
            for name, spec in self._open.items():
                dtype = dtypes.of_name(spec.dtype)
                self._outputs[name] = values.view_of(by_name[name], dtype)

    def close(self) -> None:
        self._io = self._session = None
        self._kept.clear()
        self._refresh.clear()

    def _bind_input(self, spec: TensorSpec, feed: Tensor) -> Array:
        tensor = Tensor(np.asarray(feed.array, order="C"), feed.dtype)
        if self._memory is not None and not tensor.dtype.is_extension:
            self._bind_there(spec.name, tensor)
            return tensor.array
        value = values.ort_value(self._ort, tensor)
        self._io.bind_ortvalue_input(spec.name, value)
        self._kept.append(value)
        if self._memory is not None:  # binding it copies it there
            self._refresh.append(lambda: self._io.bind_ortvalue_input(spec.name, value))
        return tensor.array

    def _bind_there(self, name: str, tensor: Tensor) -> None:
        """Bind a tensor in the device's memory, and copy the caller's there before each run."""
        value = self._ort.OrtValue.ortvalue_from_shape_and_type(
            list(tensor.shape), tensor.dtype.number, memory_info=self._memory
        )
        self._io.bind_ortvalue_input(name, value)
        self._kept.append(value)
        self._refresh.append(lambda: value.update_inplace(tensor.array))

    def _bind_output(self, spec: TensorSpec, buffer: Tensor | None) -> None:
        dtype = dtypes.of_name(spec.dtype)
        if buffer is None:
            shape = spec.shape or ()
            static = [dim for dim in shape if isinstance(dim, int)]
            if spec.shape is None or len(static) != len(shape):
                self._open[spec.name] = spec
                self._io.bind_output(spec.name, "cpu")
                return
            buffer = Tensor(np.empty(static, dtype.numpy), dtype)
        _check_buffer(spec, buffer)
        value = values.ort_value(self._ort, buffer)
        self._io.bind_ortvalue_output(spec.name, value)
        self._kept.append(value)
        self._outputs[spec.name] = buffer.array


def _refuse_unbindable(spec: TensorSpec) -> None:
    if not spec.is_tensor or spec.dtype == "string" or dtypes.of_name(spec.dtype).bits < 8:
        raise Unsupported(f"onnxruntime cannot bind {spec} to a buffer", dtype=spec.dtype)


def _check_buffer(spec: TensorSpec, buffer: Tensor) -> None:
    """The device writes as to memory in C order; anything else would be damaged silently."""
    flags = buffer.array.flags
    if buffer.dtype.name != spec.dtype:
        raise InputError(f"the buffer for output {spec} is {buffer.dtype}", dtype=spec.dtype)
    if not _fits(spec, buffer.shape):
        raise InputError(f"the buffer for output {spec} has shape {list(buffer.shape)}")
    if not (flags.c_contiguous and flags.writeable):
        raise InputError(
            f"the buffer for output {spec} must be writeable and contiguous in C order"
        )


def _fits(spec: TensorSpec, shape: tuple[int, ...]) -> bool:
    if spec.shape is None:
        return True
    known = len(spec.shape) == len(shape)
    return known and all(
        not isinstance(dim, int) or dim == got
        for dim, got in zip(spec.shape, shape, strict=True)
    )
