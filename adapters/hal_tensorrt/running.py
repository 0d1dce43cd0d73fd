"""An engine on a GPU. Never run so far: no GPU was at hand.

Written against NVIDIA's documentation of TensorRT and of the CUDA runtime. Inputs and outputs
are managed memory: a run copies feeds in and results out, a binding copies neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from hal.adapter import Binding
from hal.errors import DeviceNotFound, ExecutionError, InputError
from hal.spec import DeviceInfo, TensorSpec
from hal.tensor import Array, Feeds
from hal_tensorrt import errors
from hal_tensorrt.cuda import Managed, call


class Running:
    """An engine that a GPU holds: gpu.N for which it was built, else the first.

    Raises:
        DeviceNotFound: there is no GPU here.
        HALError: the GPU does not take the engine.
    """

    def __init__(self, sdk: Any, plan: bytes, device: DeviceInfo) -> None:
        self._index = int(device.id.partition(".")[2] or 0)
        try:
            call("cudaSetDevice", self._index)
        except DeviceNotFound as error:
            raise DeviceNotFound(f"compiled for {device.id}; {error.message}") from error
        self._sdk = sdk
        with errors.logged(sdk) as log:
            self._runtime: Any = sdk.Runtime(log)
            self._engine: Any = self._runtime.deserialize_cuda_engine(plan)
            self.context: Any = self._engine and self._engine.create_execution_context()
            if not self.context:
                raise errors.of_log(log.lines, "loading the engine")
        self.allocator = _allocator_class(sdk)()
        self._stream = call("cudaStreamCreate")

    def feed(self, name: str, address: int, shape: tuple[int, ...]) -> None:
        """Say where an input lies.

        Raises:
            InputError: the engine takes no such shape.
        """
        if not self.context.set_input_shape(name, shape):
            raise InputError(
                f"the engine takes no {name!r} of shape {list(shape)}: compile for it with the "
                "dimensions bound, or with wider profiles"
            )
        self.context.set_tensor_address(name, address)

    def run(self, outputs: Mapping[str, Managed]) -> Mapping[str, tuple[int, ...]]:
        """Compute into the outputs; the shapes they have now.

        Raises:
            ExecutionError: it failed; the log is the message.
        """
        call("cudaSetDevice", self._index)  # each thread has its own
        self.allocator.memory = outputs
        for name in outputs:
            self.context.set_output_allocator(name, self.allocator)
        with errors.logged(self._sdk) as log:
            if not self.context.execute_async_v3(int(self._stream)):
                said = errors.of_log(log.lines, "the run").message
                raise ExecutionError(said)
        call("cudaStreamSynchronize", self._stream)
        shapes: Mapping[str, tuple[int, ...]] = self.allocator.shapes
        return shapes

    def close(self) -> None:
        """Let go of the engine; its parts go in the order they were made from one another."""
        self.context = self._engine = self._runtime = None
        call("cudaStreamDestroy", self._stream)


@cache
def _allocator_class(sdk: Any) -> Any:
    class Allocator(sdk.IOutputAllocator):  # type: ignore[misc]  # the SDK's class is Any
        """Hands out the memory of a binding, and notes the shapes that were computed."""

        def __init__(self) -> None:
            sdk.IOutputAllocator.__init__(self)
            self.memory: Mapping[str, Managed] = {}
            self.shapes: dict[str, tuple[int, ...]] = {}

        def reallocate_output_async(
            self,
            name: str,
            memory: Any,  # noqa: ARG002  all it needs is there
            size: int,
            alignment: int,  # noqa: ARG002  CUDA aligns to 256
            stream: Any,  # noqa: ARG002  there is one
        ) -> int | None:
            fits = size <= self.memory[name].size
            return self.memory[name].address if fits else None

        def notify_shape(self, name: str, shape: Sequence[int]) -> None:
            self.shapes[name] = tuple(shape)

    return Allocator


class Bound(Binding):
    """One set of buffers; those of outputs are as large as the engine says they may become."""

    def __init__(
        self,
        running: Running,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        feeds: Feeds,
        given: Feeds,
    ) -> None:
        self._running, self._given = running, given
        self._dtypes = {spec.name: spec.dtype for spec in outputs}
        self._memory: dict[str, Managed] = {}
        self._inputs: dict[str, Array] = {}
        for spec in inputs:
            array = feeds[spec.name].array
            self._memory[spec.name] = Managed(array.nbytes)
            self._inputs[spec.name] = self._memory[spec.name].array(spec.dtype, array.shape)
            np.copyto(self._inputs[spec.name], array)
        self._point()
        context = running.context
        self._results = {n: Managed(context.get_max_output_size(n)) for n in self._dtypes}
        shapes = {name: tuple(context.get_tensor_shape(name)) for name in self._dtypes}
        self._show({name: shape for name, shape in shapes.items() if -1 not in shape})
        self.inputs = self._inputs

    def _point(self) -> None:
        for name, array in self._inputs.items():
            self._running.feed(name, self._memory[name].address, array.shape)

    def _show(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        arrays = {n: self._results[n].array(self._dtypes[n], s) for n, s in shapes.items()}
        self._computed = arrays
        self.outputs = {**arrays, **{n: tensor.array for n, tensor in self._given.items()}}

    def run(self) -> None:
        self._point()
        self._show(self._running.run(self._results))
        for name, tensor in self._given.items():
            np.copyto(tensor.array, self._computed[name])

    def close(self) -> None:
        for memory in (*self._memory.values(), *self._results.values()):
            memory.close()
