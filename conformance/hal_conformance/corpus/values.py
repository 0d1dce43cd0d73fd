"""How values lie in a corpus: bytes in one packed file, and a description in JSON.

    a tensor          [dtype, shape, offset, bytes]
    a sequence        {"sequence": [value, ...]}
    a map             {"map": [keys, values]}
    an empty optional null

Arrays begin at multiples of 64 bytes, in the byte order of the machine; sub-byte types take one
byte an element; strings are a JSON list. Equal arrays of one part are stored once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

import numpy as np

from hal import dtypes
from hal.errors import HALError
from hal.tensor import Array, MapValue, Tensor, Value

Description: TypeAlias = Any
"""JSON, as above."""

ALIGNMENT = 64


class CorpusError(HALError):
    """A corpus could not be built, or what lies in the cache is damaged."""


class Packer:
    """Collects values for one packed file."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._places: dict[bytes, int] = {}

    def add(self, value: Value) -> Description:
        """Store the value and describe where it lies."""
        return described(value, self._tensor)

    def content(self) -> bytes:
        """The packed file."""
        return b"".join(self._chunks)

    def _tensor(self, tensor: Tensor) -> Description:
        content = content_of(tensor)
        key = hashlib.sha256(content).digest()
        offset = self._places.get(key)
        if offset is None:
            offset = self._places[key] = self._size
            padding = -len(content) % ALIGNMENT
            self._chunks += (content, bytes(padding))
            self._size += len(content) + padding
        return [tensor.dtype.name, list(tensor.shape), offset, len(content)]


def described(value: Value, tensor: Callable[[Tensor], Description]) -> Description:
    """The value as JSON, with `tensor` deciding what stands for each tensor in it."""
    if value is None:
        return None
    if isinstance(value, Tensor):
        return tensor(value)
    if isinstance(value, MapValue):
        return {"map": [tensor(value.keys), tensor(value.values)]}
    return {"sequence": [described(item, tensor) for item in value]}


def content_of(tensor: Tensor) -> bytes:
    """The bytes that stand for a tensor's values, C order."""
    if tensor.dtype.name != "string":
        return tensor.array.tobytes()
    texts: list[Any] = tensor.array.ravel().tolist()
    return json.dumps([_text(text) for text in texts]).encode()


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        return value
    raise CorpusError(f"a string tensor holds {value!r}, a {type(value).__name__}")


def unpack(description: Description, buffer: memoryview, base: int) -> Value:
    """The value that was described; its arrays are read-only views of `buffer`.

    `base` is where the part of the file begins that the offsets count from.
    """
    if description is None:
        return None
    if isinstance(description, list):
        return _unpack_tensor(description, buffer, base)
    if "map" in description:
        keys, values = description["map"]
        return MapValue(
            _unpack_tensor(keys, buffer, base), _unpack_tensor(values, buffer, base)
        )
    return [unpack(item, buffer, base) for item in description["sequence"]]


def _unpack_tensor(description: Description, buffer: memoryview, base: int) -> Tensor:
    name, shape, offset, size = description
    dtype = dtypes.BY_NAME[name]
    array: Array
    if name == "string":
        array = np.empty(prod(shape), dtype=object)
        array[:] = json.loads(bytes(buffer[base + offset : base + offset + size]))
        array = array.reshape(shape)
        array.setflags(write=False)
    else:
        array = np.ndarray(shape, dtype.numpy, buffer, base + offset)
    return Tensor(array, dtype)
