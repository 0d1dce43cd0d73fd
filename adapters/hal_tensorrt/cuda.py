"""The CUDA runtime: GPUs, and memory that the host and the GPU see at one address."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from hal import dtypes
from hal.adapter import import_sdk
from hal.errors import HALError
from hal.tensor import Array
from hal_tensorrt import errors

INSTALL = "pip install cuda-bindings"
ABSENT = "Debian's package nvidia-driver brings the driver"
CUDA = 2  # kDLCUDA of DLPack
_ATTACH_GLOBAL = 1  # cudaMemAttachGlobal
_DEVICE, _CODE, _BFLOAT16 = 8, 20, 4  # where a DLTensor has its device and its type's code

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


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
        raise errors.of_cuda(f"{name}: {said} (cudaError {int(status)})", ABSENT)
    return results[0] if results else None


def allocate(size: int) -> Array:
    """Bytes that the host and the GPU both see; `free` gives them back."""
    address = int(call("cudaMallocManaged", max(size, 1), _ATTACH_GLOBAL))
    raw = (ctypes.c_byte * max(size, 1)).from_address(address)
    found: Array = np.frombuffer(memoryview(raw), np.uint8)
    return found.view(GpuArray)


def free(memory: Array) -> None:
    """Give back what `allocate` gave."""
    call("cudaFree", memory.ctypes.data)


def shaped(memory: Array, dtype: str, shape: tuple[int, ...]) -> Array:
    """The beginning of the memory as an array."""
    kind = dtypes.of_name(dtype).numpy
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    return memory[:size].view(kind).reshape(shape)


def lend(array: Array, device: tuple[int, int] = (CUDA, 0)) -> Any:
    """NumPy's DLPack capsule, which says that the memory is that device's.

    Raises:
        BufferError: NumPy lends no such type; bfloat16 goes.
    """
    small = array.dtype.name == "bfloat16"
    capsule = np.ndarray.__dlpack__(array.view(np.uint16) if small else array)
    tensor = _pointer(capsule, b"dltensor")
    (ctypes.c_int32 * 2).from_address(tensor + _DEVICE)[:] = [*device]
    if small:
        ctypes.c_uint8.from_address(tensor + _CODE).value = _BFLOAT16
    return capsule


class GpuArray(np.ndarray[Any, Any]):
    """An array that the host and a GPU see at one address; over DLPack it is the GPU's."""

    def __dlpack__(self, **_: Any) -> Any:
        return lend(self)

    def __dlpack_device__(self) -> tuple[int, int]:  # type: ignore[override]  # NumPy's: CPU
        return CUDA, 0
