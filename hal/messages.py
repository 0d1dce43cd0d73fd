"""Values as the protobuf messages that onnx's own suite keeps them in."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from hal import dtypes
from hal.spec import TensorSpec
from hal.tensor import MapValue, Tensor, Value


def encode(value: Value, spec: TensorSpec) -> bytes:
    """The bytes of the message that the input's or output's type asks for."""
    message = _message(value, spec.name, spec.containers)
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def decode(content: bytes, spec: TensorSpec) -> Value:
    """The value of a message of the type that the input or output declares."""
    kinds: dict[str, Any] = {
        "optional": onnx.OptionalProto,
        "sequence": onnx.SequenceProto,
        "map": onnx.MapProto,
    }
    kind = kinds[spec.containers[0]] if spec.containers else onnx.TensorProto
    return _value(kind.FromString(content))


def _message(value: Value, name: str, containers: tuple[str, ...]) -> Any:
    if containers[:1] == ("optional",):
        return _optional(value, name, containers[1:])
    if isinstance(value, Tensor):
        return _tensor(value, name)
    if isinstance(value, MapValue):
        return _map(value, name)
    if value is None:
        return onnx.OptionalProto(name=name)
    message = onnx.SequenceProto(name=name, elem_type=onnx.SequenceProto.TENSOR)
    for item in value:
        if isinstance(item, MapValue):
            message.elem_type = onnx.SequenceProto.MAP
            message.map_values.append(_map(item, ""))
        elif isinstance(item, Tensor):
            message.tensor_values.append(_tensor(item, ""))
        else:
            raise TypeError(f"{name} is a sequence of other things than tensors and maps")
    return message


def _optional(value: Value, name: str, inner: tuple[str, ...]) -> Any:
    message = onnx.OptionalProto(name=name)
    if isinstance(value, Tensor):
        message.elem_type = onnx.OptionalProto.TENSOR
        message.tensor_value.CopyFrom(_tensor(value, ""))
    elif isinstance(value, list):
        message.elem_type = onnx.OptionalProto.SEQUENCE
        message.sequence_value.CopyFrom(_message(value, "", inner))
    elif isinstance(value, MapValue):
        message.elem_type = onnx.OptionalProto.MAP
        message.map_value.CopyFrom(_map(value, ""))
    return message


def _map(value: MapValue, name: str) -> onnx.MapProto:
    message = onnx.MapProto(name=name, key_type=value.keys.dtype.number)
    keys = value.keys.array.ravel().tolist()
    if value.keys.dtype.name == "string":
        message.string_keys.extend(str(key).encode() for key in keys)
    else:
        message.keys.extend(keys)
    message.values.tensor_values.append(_tensor(value.values, ""))
    message.values.elem_type = onnx.SequenceProto.TENSOR
    return message


def _tensor(value: Tensor, name: str) -> onnx.TensorProto:
    if value.dtype.name == "string":
        texts = [str(item).encode() for item in value.array.ravel().tolist()]
        return onnx.TensorProto(
            name=name, data_type=value.dtype.number, dims=value.shape, string_data=texts
        )
    return numpy_helper.from_array(value.array, name)


def _value(message: Any) -> Value:
    if isinstance(message, onnx.TensorProto):
        return _array(message)
    if isinstance(message, onnx.SequenceProto):
        items = [*message.tensor_values, *message.map_values, *message.sequence_values]
        return [_value(item) for item in items]
    if isinstance(message, onnx.MapProto):
        key_type = dtypes.of_number(message.key_type)
        texts = [key.decode() for key in message.string_keys]
        keys = np.array(texts, object) if texts else np.array(message.keys, key_type.numpy)
        (values,) = message.values.tensor_values
        return MapValue(Tensor(keys, key_type), _array(values))
    kinds = {
        onnx.OptionalProto.TENSOR: "tensor_value",
        onnx.OptionalProto.SEQUENCE: "sequence_value",
        onnx.OptionalProto.MAP: "map_value",
    }
    field = kinds.get(message.elem_type)
    return _value(getattr(message, field)) if field else None


def _array(message: onnx.TensorProto) -> Tensor:
    dtype = dtypes.of_number(message.data_type)
    array = numpy_helper.to_array(message)
    if dtype.name == "string":
        texts = [text.decode() if isinstance(text, bytes) else text for text in array.ravel()]
        plain = np.empty(len(texts), object)
        plain[:] = texts
        return Tensor(plain.reshape(array.shape), dtype)
    return Tensor(array, dtype)
