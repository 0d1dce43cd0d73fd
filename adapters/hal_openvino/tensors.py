"""ONNX element types and OpenVINO's, and the moving of values into and out of its tensors.

`WRITERS` and `READERS` of a program are made here, one for each port. A writer copies a feed
into the request's own tensor: for small inputs this costs a twentieth of handing a new tensor
to the request, and read-only, misaligned and strided feeds need no special case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from hal.dtypes import DType
from hal.errors import Unsupported
from hal.tensor import Array, Tensor

ONNX_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "boolean": "bool",
        "bf16": "bfloat16",
        "f16": "float16",
        "f32": "float32",
        "f64": "float64",
        "f4e2m1": "float4e2m1",
        "f8e4m3": "float8e4m3fn",
        "f8e5m2": "float8e5m2",
        "f8e8m0": "float8e8m0",
        "i4": "int4",
        "i8": "int8",
        "i16": "int16",
        "i32": "int32",
        "i64": "int64",
        "u4": "uint4",
        "u8": "uint8",
        "u16": "uint16",
        "u32": "uint32",
        "u64": "uint64",
    }
)
"""The ONNX name of each element type that OpenVINO's ONNX importer accepts, but for text: in
2026.4.1 text that is passed on is freed twice, which ends the process a little later."""

Writer = Callable[[Array], None]
Reader = Callable[[], Tensor]


def onnx_type(port: Any) -> str:
    """The ONNX name of a port's element type.

    Raises:
        Unsupported: OpenVINO could not tell the type, or has one that ONNX lacks.
    """
    name = str(port.get_element_type().get_type_name())
    if name not in ONNX_TYPES:
        raise Unsupported(f"OpenVINO makes {sorted(port.get_names())} a {name}", dtype=name)
    return ONNX_TYPES[name]


def writer(tensor: Any, dtype: DType) -> Writer:
    """What copies an array of that type into OpenVINO's tensor, resizing it where needed."""
    return _packed_writer(tensor) if dtype.bits < 8 else _plain_writer(tensor, dtype)


def _plain_writer(tensor: Any, dtype: DType) -> Writer:
    view: Array = tensor.data.view(dtype.numpy)

    def write(array: Array) -> None:
        nonlocal view
        if array.shape != view.shape:
            tensor.shape = array.shape
            view = tensor.data.view(dtype.numpy)
        view[...] = array

    return write


def _packed_writer(tensor: Any) -> Writer:
    def write(array: Array) -> None:
        if tuple(tensor.shape) != array.shape:
            tensor.shape = array.shape
        tensor.data.view(np.uint8)[...] = packed(array)

    return write


def fixed_reader(tensor: Any, dtype: DType) -> Reader:
    """What copies out of a tensor that stays where it is and keeps its shape."""
    if dtype.bits < 8:
        return lambda: Tensor(values_of(tensor, dtype), dtype)
    view = tensor.data.view(dtype.numpy)
    return lambda: Tensor(view.copy(), dtype)


def moving_reader(get: Callable[[int], Any], index: int, dtype: DType) -> Reader:
    """What copies out of a tensor that may be another after each run."""
    return lambda: Tensor(values_of(get(index), dtype), dtype)


def values_of(tensor: Any, dtype: DType) -> Array:
    """A copy of a tensor's values, in the NumPy form that the ONNX type has here."""
    if dtype.bits < 8:
        return unpacked(tensor.data, tuple(tensor.shape), dtype)
    return np.array(tensor.data.view(dtype.numpy))


def packed(array: Array) -> Array:
    """Four-bit values two to a byte, the first in the low half, as OpenVINO stores them."""
    nibbles = np.ascontiguousarray(array).reshape(-1).view(np.uint8) & 0x0F
    if nibbles.size % 2:
        nibbles = np.append(nibbles, np.uint8(0))
    return nibbles[0::2] | (nibbles[1::2] << 4)


def unpacked(data: Array, shape: tuple[int, ...], dtype: DType) -> Array:
    """The values of a packed tensor, one to a byte; negative int4 values are sign-extended."""
    raw = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    nibbles = np.empty(raw.size * 2, np.uint8)
    nibbles[0::2], nibbles[1::2] = raw & 0x0F, raw >> 4
    nibbles = nibbles[: int(np.prod(shape, dtype=np.int64))]
    if dtype.name == "int4":
        signed = ((nibbles ^ 8).astype(np.int16) - 8).astype(np.int8)
        target = dtype.numpy
        return (signed.astype(target) if target.kind != "u" else nibbles).reshape(shape)
    return nibbles.view(dtype.numpy).reshape(shape)


def shared(array: Array, dtype: DType) -> Any:
    """An OpenVINO tensor over the array's own memory.

    Raises:
        Unsupported: sub-byte types have another form in OpenVINO's memory.
    """
    import openvino as ov

    if dtype.bits < 8:
        raise Unsupported(
            f"{dtype} values have another form in OpenVINO's memory; run without binding",
            dtype=dtype.name,
        )
    names = {ours: theirs for theirs, ours in ONNX_TYPES.items()}
    return ov.Tensor(array, list(array.shape), getattr(ov.Type, names[dtype.name]))


def can_share(array: Array, *, written: bool) -> bool:
    """Whether OpenVINO may use the array's memory as it is."""
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and (flags.writeable or not written))
