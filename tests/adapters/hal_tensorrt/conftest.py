"""A stand-in for the SDK and for the CUDA runtime, in the host's memory, and a small model."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from enum import IntEnum
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from hal.model import Model


class Status(IntEnum):
    """What a function of the CUDA runtime says first."""

    cudaSuccess = 0  # noqa: N815  the vendor's name
    cudaErrorMemoryAllocation = 2  # noqa: N815
    cudaErrorNoDevice = 100  # noqa: N815


class Cuda(ModuleType):
    """The functions of the runtime that are used, over malloc; `held` is what is allocated."""

    def __init__(self) -> None:
        super().__init__("cuda.bindings.runtime")
        self.count, self.held = 1, dict[int, Any]()

    def cudaGetDeviceCount(self) -> tuple[Status, int]:  # noqa: N802  the vendor's names
        return (Status.cudaSuccess if self.count else Status.cudaErrorNoDevice), self.count

    def cudaGetErrorString(self, status: Status) -> tuple[Status, bytes]:  # noqa: N802
        return Status.cudaSuccess, status.name.encode()

    def cudaDriverGetVersion(self) -> tuple[Status, int]:  # noqa: N802
        return Status.cudaSuccess, 13000

    def cudaGetDeviceProperties(self, index: int) -> tuple[Status, Any]:  # noqa: N802
        facts = SimpleNamespace(name=b"A GPU\0\0", major=8, minor=6, index=index)
        return Status.cudaSuccess, facts

    def cudaSetDevice(self, index: int) -> tuple[Status]:  # noqa: N802
        return (Status.cudaSuccess if index < self.count else Status.cudaErrorNoDevice,)

    def cudaMallocManaged(self, size: int, flags: int) -> tuple[Status, int]:  # noqa: N802
        buffer = ctypes.create_string_buffer(size)
        self.held[ctypes.addressof(buffer)] = buffer
        return Status.cudaSuccess, ctypes.addressof(buffer)

    def cudaFree(self, address: int) -> tuple[Status]:  # noqa: N802
        del self.held[address]
        return (Status.cudaSuccess,)

    def cudaStreamCreate(self) -> tuple[Status, int]:  # noqa: N802
        return Status.cudaSuccess, 7

    def cudaStreamSynchronize(self, stream: int) -> tuple[Status]:  # noqa: N802
        return (Status.cudaSuccess,)

    def cudaStreamDestroy(self, stream: int) -> tuple[Status]:  # noqa: N802
        return (Status.cudaSuccess,)


class Context:
    """Doubles float32 "x" into "y"; "y" may have at most `most` elements."""

    most = 8

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = (-1,)
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shape = shape
        return int(np.prod(shape)) <= self.most

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shape

    def get_max_output_size(self, name: str) -> int:
        return 4 * self.most

    def set_output_allocator(self, name: str, allocator: Any) -> bool:
        self.allocator = allocator
        return True

    def execute_async_v3(self, stream: int) -> bool:
        count = int(np.prod(self.shape))
        y = self.allocator.reallocate_output_async("y", None, 4 * count, 256, stream)
        self.allocator.notify_shape("y", self.shape)
        floats = ctypes.c_float * count
        x = floats.from_address(self.addresses["x"])
        floats.from_address(y)[:] = [2 * number for number in x]
        return True


class Sdk(ModuleType):
    """As much of tensorrt as listing GPUs and running an engine take."""

    BuilderFlag = IntEnum("BuilderFlag", ["TF32"])

    def __init__(self) -> None:
        super().__init__("tensorrt")
        self.__version__ = "0.0"

    class ILogger:
        pass

    class IOutputAllocator:
        pass

    class Runtime:
        def __init__(self, log: Any) -> None:
            self.log = log

        def deserialize_cuda_engine(self, plan: bytes) -> Any:
            if plan == b"doubles":
                return SimpleNamespace(create_execution_context=Context)
            self.log.log(1, "IRuntime::deserializeCudaEngine: the plan is not of this version")
            return None

    def init_libnvinfer_plugins(self, log: Any, namespace: str) -> bool:
        return True


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    """The stand-in for the CUDA runtime, where the adapter looks for it."""
    found = Cuda()
    for name in ("cuda", "cuda.bindings"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, found.__name__, found)
    return found


@pytest.fixture
def model() -> Callable[..., Model]:
    """Makes a model of one input and one output from its nodes."""

    def made(
        *nodes: Any, shape: Any = (2, 3), dtype: str = "FLOAT", domains: tuple[str, ...] = ()
    ) -> Model:
        kind = TensorProto.DataType.Value(dtype)
        x, y = (helper.make_tensor_value_info(name, kind, shape) for name in "xy")
        graph = helper.make_graph(list(nodes), "graph", [x], [y])
        used = [helper.make_opsetid("", 18), *(helper.make_opsetid(d, 1) for d in domains)]
        return Model(helper.make_model(graph, opset_imports=used).SerializeToString())

    return made


@pytest.fixture
def sdk() -> Sdk:
    """The stand-in for the SDK."""
    return Sdk()


@pytest.fixture
def full() -> Status:
    """What CUDA says when memory runs out."""
    return Status.cudaErrorMemoryAllocation
