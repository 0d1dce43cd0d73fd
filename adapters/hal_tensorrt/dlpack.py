"""Memory that a GPU sees, lent to other libraries over DLPack."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from hal.errors import InputError

CUDA = 2  # kDLCUDA: where the memory says it is
_CODES = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}
_BFLOAT16 = 4


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32 * 2),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


_lent: dict[int, tuple[Any, ...]] = {}  # what a capsule points to lives until it is given back
_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = (
    ctypes.py_object,
    (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p),
)


def _given_back(address: int) -> None:
    _lent.pop(address, None)


_give_back = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_given_back)


def lend(array: np.ndarray[Any, Any], device: tuple[int, int] = (CUDA, 0)) -> Any:
    """A capsule over the array's memory, which lives until the borrower gives it back.

    Raises:
        InputError: DLPack has no such type.
    """
    kind = array.dtype.kind
    code = _BFLOAT16 if array.dtype.name == "bfloat16" else _CODES.get(kind)
    if code is None:
        raise InputError(f"DLPack has no {array.dtype.name}", dtype=array.dtype.name)
    size = array.dtype.itemsize
    sizes = (ctypes.c_int64 * array.ndim)(*array.shape)
    steps = (ctypes.c_int64 * array.ndim)(*(step // size for step in array.strides))
    where = (ctypes.c_int32 * 2)(*device)
    tensor = _Tensor(array.ctypes.data, where, array.ndim, code, 8 * size, 1, sizes, steps, 0)
    managed = _Managed(tensor, None, ctypes.cast(_give_back, ctypes.c_void_p))
    address = ctypes.addressof(managed)
    _lent[address] = (managed, array, sizes, steps)
    return _new(address, b"dltensor", None)


class GpuArray(np.ndarray[Any, Any]):
    """An array that the host and a GPU see at one address; over DLPack it is the GPU's."""

    def __dlpack__(self, **_: Any) -> Any:
        return lend(self)

    def __dlpack_device__(self) -> tuple[int, int]:  # type: ignore[override]  # NumPy's: CPU
        return CUDA, 0
