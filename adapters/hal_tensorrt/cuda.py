"""The CUDA runtime: GPUs, and memory that the host and the GPU see at one address."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from hal import dtypes
from hal.adapter import import_sdk
from hal.errors import HALError
from hal.tensor import Array
from hal_tensorrt import dlpack, errors

INSTALL = "pip install cuda-bindings"
_ATTACH_GLOBAL = 1  # cudaMemAttachGlobal


@dataclass(frozen=True)
class Gpu:
    """One GPU as the driver sees it."""

    index: int
    name: str
    capability: str
    driver: str


def gpus() -> list[Gpu]:
    """The GPUs that the driver sees; none without a driver or without CUDA's bindings."""
    if why_none():
        return []
    found: list[Gpu] = []
    version = str(call("cudaDriverGetVersion"))
    for index in range(call("cudaGetDeviceCount")):
        facts = call("cudaGetDeviceProperties", index)
        name = facts.name.decode().rstrip("\0")
        found.append(Gpu(index, name, f"{facts.major}.{facts.minor}", version))
    return found


def why_none() -> str:
    """Why no GPU can be used here, with what to install; empty where one can."""
    try:
        call("cudaGetDeviceCount")
    except HALError as error:
        return error.message
    return ""


def call(name: str, *arguments: Any) -> Any:
    """A function of the CUDA runtime; its one result, if it has one.

    Raises:
        DeviceNotFound: there is no driver or no GPU.
        ExecutionError: it failed otherwise.
    """
    runtime = import_sdk("cuda.bindings.runtime", "CUDA's Python package", INSTALL)
    status, *results = getattr(runtime, name)(*arguments)
    if int(status):
        said = runtime.cudaGetErrorString(status)[1].decode()
        raise errors.of_cuda(f"{name}: {said} (cudaError {int(status)})")
    return results[0] if results else None


class Managed:
    """Memory that the host and the GPU both see."""

    def __init__(self, size: int) -> None:
        self.size = max(size, 1)
        self.address = int(call("cudaMallocManaged", self.size, _ATTACH_GLOBAL))

    def array(self, dtype: str, shape: tuple[int, ...]) -> Array:
        """The memory as an array, which other libraries can take over DLPack as a GPU's."""
        kind = dtypes.of_name(dtype).numpy
        raw = memoryview((ctypes.c_byte * self.size).from_address(self.address))
        count = int(np.prod(shape, dtype=np.int64))
        flat: Array = np.frombuffer(raw, np.uint8)[: count * kind.itemsize].view(kind)
        return flat.reshape(shape).view(dlpack.GpuArray)

    def close(self) -> None:
        """Give the memory back."""
        call("cudaFree", self.address)
