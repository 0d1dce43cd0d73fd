"""ONNX values into ONNX Runtime's Python API and back.

NumPy's own types go in and come out as arrays, strings and containers included. The types NumPy
does not have (bfloat16, float8, sub-byte) travel as OrtValue: ONNX Runtime shares the array's
memory where an element fills a byte or more, and packs sub-byte elements, the first in the low
bits (onnx.proto, TensorProto.int32_data).
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np

from hal import dtypes
from hal.dtypes import DType
from hal.errors import ExecutionError
from hal.spec import Container, Dim, TensorSpec
from hal.tensor import Array, MapValue, Tensor, Value

_CONTAINERS: Mapping[str, Container] = {"seq": "sequence", "optional": "optional", "map": "map"}
_TYPE = re.compile(r"(seq|optional|map|tensor|sparse_tensor)\((.*)\)$")


def spec_of(arg: Any) -> TensorSpec:
    """The spec of an `onnxruntime.NodeArg`; a shape of [] may also mean an unknown rank."""
    dtype, containers = _parsed(arg.type)
    shape: tuple[Dim, ...] | None = tuple(_dim(dim) for dim in arg.shape)
    return TensorSpec(arg.name, dtype, None if containers else shape, containers)


def _parsed(text: str) -> tuple[str, tuple[Container, ...]]:
    """The element type and the containers in a text like "seq(map(int64,tensor(float)))"."""
    found = _TYPE.match(text)
    if found is None:
        return dtypes.BY_SCHEMA[text].name, ()
    kind, inner = found.groups()
    if kind not in _CONTAINERS:
        return dtypes.BY_SCHEMA[inner].name, ()
    if kind == "map":
        inner = inner.partition(",")[2]
    dtype, containers = _parsed(inner)
    return dtype, (_CONTAINERS[kind], *containers)


def _dim(dim: Any) -> Dim:
    return dim if isinstance(dim, (int, str)) and dim != "" else None


def is_plain(spec: TensorSpec) -> bool:
    """Whether NumPy has the element type, so that arrays go in and come out."""
    return not dtypes.of_name(spec.dtype).is_extension


def encode(ort: Any, value: Value) -> Any:
    """What `InferenceSession.run` takes for the value."""
    if value is None:
        return None
    if isinstance(value, list):
        return [encode(ort, item) for item in value]
    if isinstance(value, MapValue):
        return dict(zip(value.keys.array.tolist(), value.values.array.tolist(), strict=True))
    return ort_value(ort, value) if value.dtype.is_extension else value.array


def ort_value(ort: Any, tensor: Tensor) -> Any:
    """An OrtValue over the tensor; it shares memory unless the elements are packed."""
    dtype = tensor.dtype
    array = np.asarray(tensor.array, order="C")
    if not dtype.is_extension:
        return ort.OrtValue.ortvalue_from_numpy(array)
    if dtype.bits >= 8:
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(array, dtype.number)
    made = ort.OrtValue.ortvalue_from_shape_and_type(list(array.shape), dtype.number)
    packed = pack(array, dtype)
    ctypes.memmove(made.data_ptr(), packed.ctypes.data, packed.nbytes)
    return made


def tensor_of(value: Any) -> Tensor:
    """A copy of the tensor in an OrtValue on the CPU."""
    dtype = dtypes.of_number(value.element_type())
    return Tensor(view_of(value, dtype).copy(), dtype)


def view_of(value: Any, dtype: DType) -> Array:
    """The tensor in an OrtValue on the CPU as an array that aliases it, unless it is packed."""
    shape = tuple(value.shape())
    size = -(-math.prod(shape) * dtype.bits // 8)  # before 1.23 an OrtValue does not tell
    if size == 0:
        return np.empty(shape, dtype.numpy)
    memory: Any = (ctypes.c_ubyte * size).from_address(value.data_ptr())
    memory.owner = value  # the array keeps `memory`, which keeps the OrtValue
    raw: Array = np.frombuffer(memory, np.uint8)
    if dtype.bits < 8:
        return unpack(raw, shape, dtype)
    return raw.view(dtype.numpy).reshape(shape)


def pack(array: Array, dtype: DType) -> Array:
    """The bytes of a sub-byte array, as ONNX packs them."""
    per_byte = 8 // dtype.bits
    bits = array.reshape(-1).view(np.uint8) & np.uint8((1 << dtype.bits) - 1)
    bits = np.pad(bits, (0, -bits.size % per_byte)).reshape(-1, per_byte)
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(dtype.bits)
    packed: Array = np.bitwise_or.reduce(bits << shifts, axis=1)
    return packed


def unpack(raw: Array, shape: tuple[int, ...], dtype: DType) -> Array:
    """The array whose packed bytes are `raw`."""
    per_byte = 8 // dtype.bits
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(dtype.bits)
    bits = (raw[:, None] >> shifts) & np.uint8((1 << dtype.bits) - 1)
    unpacked: Array = bits.reshape(-1)[: math.prod(shape)].view(dtype.numpy).reshape(shape)
    return unpacked


def decode(spec: TensorSpec, result: Any) -> Value:
    """The value in one result of `InferenceSession.run`."""
    return _decode(result, dtypes.of_name(spec.dtype), spec.name)


def _decode(result: Any, dtype: DType, name: str) -> Value:
    if result is None:
        return None
    if _is_array(result):
        return Tensor(result, dtype)
    if _is_list(result):
        return [_decode(item, dtype, name) for item in result]
    if _is_dict(result):
        values = Tensor(_column(list(result.values()), dtype), dtype)
        return MapValue(_keys(list(result)), values)
    raise ExecutionError(f"output {name!r} came back as a {type(result).__name__}")


def _is_array(value: object) -> TypeGuard[Array]:
    return isinstance(value, np.ndarray)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def _keys(keys: list[Any]) -> Tensor:
    kind = "string" if keys and isinstance(keys[0], str) else "int64"
    return Tensor(_column(keys, dtypes.BY_NAME[kind]), dtypes.BY_NAME[kind])


def _column(values: Any, dtype: DType) -> Array:
    return np.asarray(values, dtype.numpy)
