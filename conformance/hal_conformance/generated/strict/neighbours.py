"""What a device returns that mistakes one element type for its neighbour.

*Narrowed*: the values pass through the neighbour and back. The neighbour is the next type down:
in bits of significand for floating point, in width for whole numbers (which wrap), without
what is not ASCII for text; booleans become all true. *Misread*: the bytes hold elements of the
narrower type, where positions, sizes and lengths could never be large enough to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hal import dtypes
from hal.dtypes import DType
from hal.tensor import MapValue, Tensor, Value
from hal_conformance.numerics.arithmetic import Array

NARROWER: Mapping[str, str] = {
    "float64": "float32",
    "float32": "float16",
    "float16": "bfloat16",
    "bfloat16": "float8e4m3fn",
    "float8e4m3fn": "float8e5m2",
    "float8e4m3fnuz": "float8e5m2fnuz",
    "float8e5m2": "float4e2m1",
    "float8e5m2fnuz": "float4e2m1",
    "float8e8m0": "float8e5m2",
    "float6e2m3": "float4e2m1",
    "float6e3m2": "float4e2m1",
    "float4e2m1": "int4",
    "complex128": "complex64",
    "int64": "int32",
    "int32": "int16",
    "int16": "int8",
    "int8": "int4",
    "int4": "int2",
    "int2": "bool",
    "uint64": "uint32",
    "uint32": "uint16",
    "uint16": "uint8",
    "uint8": "uint4",
    "uint4": "uint2",
    "uint2": "bool",
}
"""By element type, its neighbour. complex64, bool and string have none; see `narrowed`."""


@dataclass(frozen=True)
class Forger:
    """One way of being wrong: `tensor` makes another tensor of the same type and shape."""

    name: str
    tensor: Callable[[Tensor], Tensor]

    def __call__(self, value: Value) -> Value:
        """The same for what a sequence, an optional or a map holds."""
        if isinstance(value, Tensor):
            return self.tensor(value)
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, MapValue):
            return MapValue(value.keys, self.tensor(value.values))
        return value


def _zeroed(given: Tensor) -> Tensor:
    if given.dtype.name == "string":
        return Tensor(np.full(given.shape, "", object), given.dtype)
    return Tensor(np.zeros(given.shape, given.array.dtype), given.dtype)


def _narrowed(given: Tensor) -> Tensor:
    name = given.dtype.name
    if name == "bool":
        return Tensor(np.ones(given.shape, bool), given.dtype)
    if name == "string":
        texts = [str(t).encode("ascii", "replace").decode() for t in given.array.ravel()]
        return Tensor(np.array([*texts, None], object)[:-1].reshape(given.shape), given.dtype)
    with np.errstate(all="ignore"):
        if name == "complex64":
            pairs = given.array.reshape(-1).view(np.float32)
            made = _through(pairs, "float16").view(np.complex64).reshape(given.shape)
        elif name.startswith(("int", "uint")):
            made = _wrapped(given.array, NARROWER[name]).astype(given.array.dtype)
        else:
            made = _through(given.array, NARROWER[name])
    return Tensor(np.asarray(made), given.dtype)


def _through(array: Array, name: str) -> Array:
    there = dtypes.of_name(name)
    if name.startswith("int"):
        return np.rint(array.astype(np.float64)).astype(array.dtype)
    if name == "complex64":
        return array.astype(there.numpy).astype(array.dtype)
    return array.astype(np.float64).astype(there.numpy).astype(np.float64).astype(array.dtype)


def _wrapped(array: Array, name: str) -> Array:
    """Whole numbers as the low bits of a narrower type hold them."""
    plain = array.astype(np.uint64 if array.dtype.kind == "u" else np.int64)
    if name == "bool":
        return np.asarray(plain != 0)
    bits = dtypes.of_name(name).bits
    low = plain.astype(np.uint64) & np.uint64(2**bits - 1)
    if name.startswith("u"):
        return low
    signed = low.astype(np.int64)
    return np.where(signed >= 2 ** (bits - 1), signed - 2**bits, signed)


def _miswritten(given: Tensor) -> Tensor:
    """An output whose bytes hold elements of the neighbour; the rest is zeros."""
    name = given.dtype.name
    if name not in NARROWER or not given.array.size:
        return given
    with np.errstate(all="ignore"):
        narrow = _narrowed(given).array
        written = _packed(narrow, dtypes.of_name(NARROWER[name])).ljust(
            given.array.nbytes, b"\0"
        )
    read = np.frombuffer(written, given.array.dtype)[: given.array.size]
    return Tensor(read.reshape(given.shape), given.dtype)


def _packed(array: Array, dtype: DType) -> bytes:
    """Elements as the bytes of a type: two to a byte where it has four bits."""
    if dtype.bits >= 8:
        return array.astype(dtype.numpy).tobytes()
    low = array.astype(np.int64).ravel().astype(np.uint8) & 15
    low = np.append(low, 0)[: len(low) + len(low) % 2].reshape(-1, 2)
    return (low[:, 0] | low[:, 1] << 4).astype(np.uint8).tobytes()


def _misread(given: Tensor) -> Tensor:
    """An input whose bytes are read as elements of half the width, without signs."""
    half = f"<u{given.array.dtype.itemsize // 2}"
    little = given.array.astype(given.array.dtype.newbyteorder("<"))
    read = np.frombuffer(little.tobytes(), half)[: given.array.size]
    return Tensor(read.astype(given.array.dtype).reshape(given.shape), given.dtype)


zeroed = Forger("zeroed", _zeroed)
narrowed = Forger("narrowed", _narrowed)
miswritten = Forger("miswritten", _miswritten)
misread = Forger("misread", _misread)
