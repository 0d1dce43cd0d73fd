"""The ONNX element types: name, number in onnx.proto, NumPy dtype, width.

One table, read by everything that names a type. Names are the lower-case ones of the ONNX
operator documentation (`tensor(float)` is "float" there; here, as in NumPy, "float32").
Loads with NumPy alone, on Python 3.10: where `ml_dtypes` is absent the small types are kept
as raw bits in unsigned integers, and `DType.numpy` says so by returning that integer type.
Source of the numbers: onnx/onnx.proto, enum TensorProto.DataType.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hal.errors import InputError


@dataclass(frozen=True)
class DType:
    """One ONNX element type.

    `bits` is the width of an element on the wire of the ONNX format (4 for int4), `number` the
    enum value in onnx.proto, `schema` its name in operator schemas ("float" for float32).
    """

    name: str
    number: int
    schema: str
    bits: int
    storage: str
    extension: str | None = None

    @cached_property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype its arrays have here; one element a byte for sub-byte types."""
        if self.extension is None:
            return np.dtype(self.storage)
        try:
            import ml_dtypes

            found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, self.extension))
        except (ImportError, AttributeError):  # AttributeError: an older one, without this type
            return np.dtype(self.storage)
        return found

    @property
    def is_extension(self) -> bool:
        """Whether NumPy itself does not know this type."""
        return self.extension is not None

    def __str__(self) -> str:
        return self.name


_TABLE = (
    DType("float32", 1, "float", 32, "f4"),
    DType("uint8", 2, "uint8", 8, "u1"),
    DType("int8", 3, "int8", 8, "i1"),
    DType("uint16", 4, "uint16", 16, "u2"),
    DType("int16", 5, "int16", 16, "i2"),
    DType("int32", 6, "int32", 32, "i4"),
    DType("int64", 7, "int64", 64, "i8"),
    DType("string", 8, "string", 0, "O"),
    DType("bool", 9, "bool", 8, "?"),
    DType("float16", 10, "float16", 16, "f2"),
    DType("float64", 11, "double", 64, "f8"),
    DType("uint32", 12, "uint32", 32, "u4"),
    DType("uint64", 13, "uint64", 64, "u8"),
    DType("complex64", 14, "complex64", 64, "c8"),
    DType("complex128", 15, "complex128", 128, "c16"),
    DType("bfloat16", 16, "bfloat16", 16, "u2", "bfloat16"),
    DType("float8e4m3fn", 17, "float8e4m3fn", 8, "u1", "float8_e4m3fn"),
    DType("float8e4m3fnuz", 18, "float8e4m3fnuz", 8, "u1", "float8_e4m3fnuz"),
    DType("float8e5m2", 19, "float8e5m2", 8, "u1", "float8_e5m2"),
    DType("float8e5m2fnuz", 20, "float8e5m2fnuz", 8, "u1", "float8_e5m2fnuz"),
    DType("uint4", 21, "uint4", 4, "u1", "uint4"),
    DType("int4", 22, "int4", 4, "u1", "int4"),
    DType("float4e2m1", 23, "float4e2m1", 4, "u1", "float4_e2m1fn"),
    DType("float8e8m0", 24, "float8e8m0", 8, "u1", "float8_e8m0fnu"),
    DType("uint2", 25, "uint2", 2, "u1", "uint2"),
    DType("int2", 26, "int2", 2, "u1", "int2"),
    DType("float6e2m3", 27, "float6e2m3", 6, "u1", "float6_e2m3fn"),
    DType("float6e3m2", 28, "float6e3m2", 6, "u1", "float6_e3m2fn"),
)

BY_NAME: dict[str, DType] = {dtype.name: dtype for dtype in _TABLE}
BY_NUMBER: dict[int, DType] = {dtype.number: dtype for dtype in _TABLE}
BY_SCHEMA: dict[str, DType] = {dtype.schema: dtype for dtype in _TABLE}
ALL: frozenset[str] = frozenset(BY_NAME)
_by_numpy: dict[np.dtype[Any], DType] = {
    np.dtype(dtype.storage): dtype for dtype in _TABLE if not dtype.is_extension
}


def of_name(name: str) -> DType:
    """The type of that name; ONNX schema names ("float", "double") are accepted too."""
    found = BY_NAME.get(name) or BY_SCHEMA.get(name)
    if found is None:
        raise InputError(f"no ONNX element type {name!r}; the types are {sorted(BY_NAME)}")
    return found


def of_number(number: int) -> DType:
    """The type with that number in onnx.proto."""
    found = BY_NUMBER.get(number)
    if found is None:
        raise InputError(f"onnx.proto has no element type number {number}")
    return found


def of_array(array: np.ndarray[Any, Any]) -> DType:
    """The ONNX type of a NumPy array; text arrays are strings, whatever their NumPy kind."""
    found = _by_numpy.get(array.dtype)
    if found is not None:
        return found
    if array.dtype.kind in "USOT":
        return BY_NAME["string"]
    for dtype in _TABLE:
        if dtype.is_extension and dtype.numpy == array.dtype:
            _by_numpy[array.dtype] = dtype
            return dtype
    raise InputError(
        f"NumPy dtype {array.dtype} has no ONNX element type; cast the array to one of "
        f"{sorted(BY_NAME)}"
    )
