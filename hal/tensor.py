"""Values that cross the device interface: tensors, sequences, optionals.

`Tensor` is a NumPy array plus the ONNX type it stands for. Inside, every ONNX type has a NumPy
form (the small ones through ml_dtypes, one element a byte; strings as object arrays of str);
DLPack belongs to the border only, since NumPy refuses to export bfloat16, float8, int4 and
object arrays. A `Value` is a Tensor, a sequence (a list of values), a MapValue (ai.onnx.ml) or
None, the empty optional.
Loads with NumPy alone, on Python 3.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, Union

import numpy as np

from hal import dtypes
from hal.dtypes import DType
from hal.errors import AdapterError, InputError

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class Tensor:
    """An array and the ONNX element type it stands for; it does not copy what it is given."""

    __slots__ = ("array", "dtype")

    array: Array
    dtype: DType

    def __init__(self, array: Array, dtype: DType) -> None:
        self.array = array
        self.dtype = dtype

    @classmethod
    def of(cls, value: Any) -> Tensor:
        """A tensor over anything array-like: NumPy, DLPack (no copy), a scalar, a nested list.

        Raises:
            InputError: the values have no ONNX element type, or live on another device.
        """
        if isinstance(value, Tensor):
            return value
        array = as_array(value)
        return cls(array, dtypes.of_array(array))

    @classmethod
    def of_output(cls, value: Any, shape: tuple[object, ...] | None) -> Tensor:
        """As `of`, for an output of that shape: some stacks give a scalar as one element."""
        array = as_array(value)
        return cls.of(array.reshape(()) if shape == () and array.size == 1 else array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The dimensions, outermost first."""
        shape: tuple[int, ...] = self.array.shape
        return shape

    @property
    def nbytes(self) -> int:
        """The size of the array in memory, in bytes (sub-byte types: one byte an element)."""
        return int(self.array.nbytes)

    def __dlpack__(self, **kwargs: Any) -> Any:
        """A DLPack capsule on the CPU, without a copy.

        Raises:
            InputError: DLPack in NumPy has no such type (small floats, sub-byte, strings).
        """
        if self.dtype.is_extension or self.dtype.name == "string":
            raise InputError(
                f"NumPy cannot export {self.dtype} through DLPack; use .array",
                dtype=self.dtype.name,
            )
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        device, index = self.array.__dlpack_device__()
        return int(device), int(index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.array, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}, shape={list(self.shape)})"


@dataclass(frozen=True)
class MapValue:
    """An ONNX map: `keys` and `values` are 1-D tensors of one length."""

    keys: Tensor
    values: Tensor


Value: TypeAlias = Union["Tensor", "MapValue", "list[Value]", None]
Feeds: TypeAlias = "Mapping[str, Tensor]"


def as_array(value: Any) -> Array:
    """`value` as a plain NumPy array, without a copy where NumPy or DLPack allow it.

    Raises:
        InputError: the values are ragged, masked, or live on a device NumPy cannot reach.
    """
    try:
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.from_dlpack(value)
        # Of a subclass (np.matrix multiplies otherwise) a plain view.
        array = _text_as_objects(np.asarray(value))
    except (BufferError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        kind = type(value).__name__
        raise InputError(f"{kind} cannot be taken as an array: {error}") from error
    masked: Any = value
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(masked):
        raise InputError("an array with masked elements has no values there; fill them first")
    return array


def _text_as_objects(array: Array) -> Array:
    if array.dtype.kind in "UT":
        return array.astype(object)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8").astype(object)
    return array


def value_of(plain: Any) -> Value:
    """A Value over plain data: None stays None, a list is a sequence, a dict a map."""
    if plain is None or isinstance(plain, (Tensor, MapValue)):
        return plain
    if isinstance(plain, dict):
        items: dict[Any, Any] = plain  # pyright: ignore[reportUnknownVariableType]  # anything a user holds
        return MapValue(Tensor.of(list(items)), Tensor.of(list(items.values())))
    if isinstance(plain, (list, tuple)):
        return [value_of(item) for item in plain]  # pyright: ignore[reportUnknownVariableType]  # anything a user holds
    return Tensor.of(plain)


def plain_of(value: Value) -> Any:
    """What the user holds: an array, a list, a dict, or None.

    Raises:
        AdapterError: it is not a Value.
    """
    if isinstance(value, Tensor):
        return value.array
    if isinstance(value, list):
        return [plain_of(item) for item in value]
    if isinstance(value, MapValue):
        return dict(zip(value.keys.array.tolist(), value.values.array.tolist(), strict=True))
    if value is not None:
        raise AdapterError(f"a device returned a {type(value).__name__}, which is no Value")
    return None
