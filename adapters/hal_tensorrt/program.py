"""The Program: an engine, and the GPU that its runs open. No GPU was at hand to run one.

Written against NVIDIA's documentation of TensorRT and of the CUDA runtime. Inputs and outputs
are managed memory: a run copies feeds in and results out, a binding copies neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from hal import dtypes, saved
from hal.adapter import Binding, CanBind, CanPlace, CanSave, Program
from hal.errors import DeviceNotFound, ExecutionError, InputError
from hal.spec import DeviceInfo, Placement, TensorSpec
from hal.tensor import Array, Feeds, Tensor, Value
from hal_tensorrt import errors
from hal_tensorrt.cuda import allocate, call, free, shaped


@dataclass(eq=False, repr=False)
class TensorRTProgram(Program, CanPlace, CanSave, CanBind):
    """An engine; the first run gives it to a GPU: gpu.N it was built for, else the first."""

    sdk: Any
    device: DeviceInfo
    plan: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    placed: Placement
    _loaded: tuple[Any, ...] = ()  # stream, allocator, runtime, engine, context

    def run(self, feeds: Feeds) -> Sequence[Value]:
        binding = self.bind(feeds, {})
        try:
            binding.run()
            return [
                Tensor(binding.outputs[s.name].copy(), dtypes.of_name(s.dtype))
                for s in self.outputs
            ]
        finally:
            binding.close()

    def bind(self, feeds: Feeds, outputs: Feeds) -> Binding:
        if not self._loaded:
            self._load()
        return Bound(self, self._loaded[-1], feeds, outputs)

    def placement(self) -> Placement:
        return self.placed

    def save(self) -> bytes:
        facts = {"placement": self.placed.to_json()}
        return saved.pack(self.inputs, self.outputs, self.plan, facts)

    def close(self) -> None:
        if self._loaded:
            stream, self._loaded = self._loaded[0], ()
            call("cudaStreamDestroy", stream)

    def _load(self) -> None:
        try:
            self._choose()
        except DeviceNotFound as error:
            raise DeviceNotFound(f"compiled for {self.device.id}; {error.message}") from error
        with errors.logged(self.sdk) as log:
            runtime = self.sdk.Runtime(log)
            engine = runtime.deserialize_cuda_engine(self.plan)
            context = engine and engine.create_execution_context()
            if not context:
                raise errors.of_log(log.lines, "loading the engine")
        stream, allocator = call("cudaStreamCreate"), _allocator_class(self.sdk)()
        self._loaded = stream, allocator, runtime, engine, context

    def _choose(self) -> None:
        call("cudaSetDevice", int(self.device.id.partition(".")[2] or 0))

    def compute(self, context: Any, memory: Mapping[str, Array]) -> Mapping[str, Any]:
        """Compute into the memory of the outputs; the shapes they have now.

        Raises:
            ExecutionError: it failed; the log is the message.
        """
        self._choose()  # each thread has its own
        stream, allocator, *_ = self._loaded
        allocator.memory = memory
        for name in memory:
            context.set_output_allocator(name, allocator)
        with errors.logged(self.sdk) as log:
            if not context.execute_async_v3(int(stream)):
                raise ExecutionError(errors.of_log(log.lines, "the run").message)
        call("cudaStreamSynchronize", stream)
        shapes: Mapping[str, Any] = allocator.shapes
        return shapes


@cache
def _allocator_class(sdk: Any) -> Any:
    class Allocator(sdk.IOutputAllocator):  # type: ignore[misc]  # the SDK's class is Any
        """Hands out the memory of a binding, and notes the shapes that were computed."""

        def __init__(self) -> None:
            sdk.IOutputAllocator.__init__(self)
            self.memory: Mapping[str, Array] = {}
            self.shapes: dict[str, tuple[int, ...]] = {}

        def reallocate_output_async(self, name: str, _: Any, size: int, *_rest: Any) -> Any:
            # The rest is an alignment, which CUDA's memory has, and the stream.
            fits = size <= self.memory[name].size
            return self.memory[name].ctypes.data if fits else None

        def notify_shape(self, name: str, shape: Sequence[int]) -> None:
            self.shapes[name] = tuple(shape)

    return Allocator


class Bound(Binding):
    """One set of buffers; those of outputs are as large as the engine says they may become."""

    def __init__(
        self, program: TensorRTProgram, context: Any, feeds: Feeds, given: Feeds
    ) -> None:
        self._program, self._context, self._given = program, context, given
        self._dtypes = {spec.name: spec.dtype for spec in program.outputs}
        made: dict[str, Array] = {}
        for spec in program.inputs:
            array = feeds[spec.name].array
            made[spec.name] = shaped(allocate(array.nbytes), spec.dtype, array.shape)
            np.copyto(made[spec.name], array)
        self.inputs = made
        self._point()
        self._results = {n: allocate(context.get_max_output_size(n)) for n in self._dtypes}
        shapes = {name: tuple(context.get_tensor_shape(name)) for name in self._dtypes}
        self._show({name: shape for name, shape in shapes.items() if -1 not in shape})

    def _point(self) -> None:
        for name, array in self.inputs.items():
            if not self._context.set_input_shape(name, array.shape):
                raise InputError(
                    f"the engine takes no {name!r} of shape {list(array.shape)}: compile for "
                    "it with the dimensions bound, or with wider profiles"
                )
            self._context.set_tensor_address(name, array.ctypes.data)

    def _show(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._computed = {
            name: shaped(self._results[name], self._dtypes[name], shape)
            for name, shape in shapes.items()
        }
        self.outputs = self._computed | {n: tensor.array for n, tensor in self._given.items()}

    def run(self) -> None:
        self._point()
        self._show(self._program.compute(self._context, self._results))
        for name, tensor in self._given.items():
            np.copyto(tensor.array, self._computed[name])

    def close(self) -> None:
        for memory in (*self.inputs.values(), *self._results.values()):
            free(memory)
