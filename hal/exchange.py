"""Values as files, for programs in any language: what is fed, and what came out.

A folder holds the inputs of one run (`role` "input") or its outputs ("output"), in the model's
order, in up to three forms:

    input_0.pb, input_1.pb      the messages of onnx's own suite (TensorProto, ...)
    input_0.npy, input_1.npy    NumPy's format; for tensors of its own types only
    inputs.bin, inputs.json     all elements one after another, and where each value lies

The last form needs no library. `inputs.json` is {"values": [...]}, each with `name` and

    a tensor            dtype, number (in onnx.proto), shape, offset and bytes in the .bin
    text                dtype, shape, data: a list of strings
    a sequence          sequence: a list of values
    a map               map: its keys and its values, two tensors
    an empty optional   none: true

Elements are in C order, little endian; bool and the types of less than 8 bits take a byte each.
What is read back may leave out dtype and shape where the model declares them, may have `data`
(numbers, "0x1.8p+1", "inf" and "nan" as text, complex ones as two numbers) instead of bytes,
and may be a mapping of names.
Loads with NumPy alone, on Python 3.10; `onnx` is imported where .pb files are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from hal import dtypes
from hal.dtypes import DType
from hal.errors import HALError, InputError
from hal.spec import TensorSpec
from hal.tensor import Array, MapValue, Tensor, Value

FORMS = ("raw", "npy", "pb")
Entry: TypeAlias = "dict[str, Any]"  # of inputs.json


def write(
    folder: Path,
    role: str,
    specs: Sequence[TensorSpec],
    values: Sequence[Value],
    forms: Sequence[str] = FORMS,
) -> None:
    """Write the values, in each of the forms that is asked for and fits.

    Raises:
        InputError: there is no such form.
    """
    check_forms(forms)
    if "raw" in forms:
        _write_raw(folder, role, specs, values)
    for number, (spec, value) in enumerate(zip(specs, values, strict=True)):
        path = folder / f"{role}_{number}"
        if "npy" in forms and isinstance(value, Tensor) and _is_plain(value.dtype):
            np.save(path.with_suffix(".npy"), value.array)
        if "pb" in forms:
            from hal.messages import encode

            path.with_suffix(".pb").write_bytes(encode(value, spec))


def check_forms(forms: Sequence[str]) -> None:
    """Whether these are forms of files.

    Raises:
        InputError: there is no such form.
    """
    unknown = sorted({*forms} - {*FORMS})
    if unknown:
        raise InputError(f"no form {unknown[0]!r} of files; the forms are {list(FORMS)}")


def read(folder: Path, role: str, specs: Sequence[TensorSpec]) -> list[Value]:
    """The values that a program wrote, in whichever form it chose.

    Raises:
        HALError: a value is missing, or its file cannot be read; the message names the file.
    """
    index = folder / f"{role}s.json"
    if index.is_file():
        return _read_raw(index, folder / f"{role}s.bin", specs)
    return [_read_one(folder, f"{role}_{number}", spec) for number, spec in enumerate(specs)]


def is_there(folder: Path, role: str) -> bool:
    """Whether any value of that role lies in the folder."""
    if (folder / f"{role}s.json").is_file():
        return True
    return any(any(folder.glob(f"{role}_*.{suffix}")) for suffix in ("npy", "pb"))


def _is_plain(dtype: DType) -> bool:
    return not dtype.is_extension and dtype.name != "string"


def _write_raw(
    folder: Path, role: str, specs: Sequence[TensorSpec], values: Sequence[Value]
) -> None:
    content = bytearray()
    entries = [
        {"name": spec.name, **_described(value, content)}
        for spec, value in zip(specs, values, strict=True)
    ]
    (folder / f"{role}s.bin").write_bytes(content)
    text = json.dumps({"values": entries}, indent=1)
    (folder / f"{role}s.json").write_text(text + "\n", encoding="utf-8")


def _described(value: Value, content: bytearray) -> Entry:
    if value is None:
        return {"none": True}
    if isinstance(value, list):
        return {"sequence": [_described(item, content) for item in value]}
    if isinstance(value, MapValue):
        return {"map": [_described(value.keys, content), _described(value.values, content)]}
    told: Entry = {"dtype": value.dtype.name, "number": value.dtype.number}
    told["shape"] = list(value.shape)
    if value.dtype.name == "string":
        return {**told, "data": [str(text) for text in value.array.ravel().tolist()]}
    data = _little(value.array).tobytes()
    told |= {"offset": len(content), "bytes": len(data)}
    content += data
    return told


def _little(array: Array) -> Array:
    return array.byteswap() if sys.byteorder == "big" else array


def _read_raw(index: Path, data: Path, specs: Sequence[TensorSpec]) -> list[Value]:
    try:
        found: Any = json.loads(index.read_text(encoding="utf-8"))
        entries = list(_entries(found))
        if len(entries) != len(specs):
            raise HALError(f"{index} lists {len(entries)} values, the model has {len(specs)}")
        content = data.read_bytes() if data.is_file() else b""
        return [_value(entry, spec, content) for entry, spec in zip(entries, specs)]  # noqa: B905  counted
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        kind = type(error).__name__
        raise HALError(f"{index} cannot be read as values: {kind}: {error}") from error


def _entries(found: Any) -> Iterator[Entry]:
    """The values that are listed, or named, there or under "values" or "outputs"."""
    if isinstance(found, dict):
        named = cast("dict[str, Any]", found)
        inner = named.get("values", named.get("outputs", named))
        yield from inner.values() if isinstance(inner, Mapping) else inner
    else:
        yield from found


def _value(entry: Entry, spec: TensorSpec, content: bytes) -> Value:
    if entry.get("none"):
        return None
    if "sequence" in entry:
        return [_value(item, spec, content) for item in entry["sequence"]]
    if "map" in entry:
        keys, values = (_tensor(item, spec, content) for item in entry["map"])
        return MapValue(keys, values)
    return _tensor(entry, spec, content)


def _tensor(entry: Entry, spec: TensorSpec, content: bytes) -> Tensor:
    dtype = dtypes.of_name(entry.get("dtype", spec.dtype))
    shape = tuple(entry["shape"]) if "shape" in entry else spec.shape
    if shape is None or not all(isinstance(length, int) for length in shape):
        raise ValueError(f"{spec} needs its shape told")
    lengths = cast("tuple[int, ...]", shape)
    if "data" in entry:
        return Tensor(_of_data(list(_flat(entry["data"])), dtype).reshape(lengths), dtype)
    count = int(np.prod(lengths, dtype=np.int64))
    array = np.frombuffer(content, dtype.numpy, count, int(entry.get("offset", 0)))
    return Tensor(_little(array).reshape(lengths), dtype)


def _flat(data: Any) -> Iterator[Any]:
    if isinstance(data, list):
        items: list[Any] = data  # pyright: ignore[reportUnknownVariableType]  # JSON
        for item in items:
            yield from _flat(item)
    else:
        yield data


def _of_data(items: list[Any], dtype: DType) -> Array:
    if dtype.name == "string":
        texts = np.empty(len(items), dtype=object)
        texts[:] = items
        return texts
    numbers = [_number(item) for item in items]
    if dtype.numpy.kind in "iu" and not dtype.is_extension:
        return np.array([int(number) for number in numbers], dtype.numpy)
    floats = np.array(numbers, np.float64)
    if dtype.numpy.kind == "c":
        return (floats[0::2] + 1j * floats[1::2]).astype(dtype.numpy)
    with np.errstate(all="ignore"):
        return floats.astype(dtype.numpy)


def _number(item: Any) -> Any:
    return float.fromhex(item) if isinstance(item, str) else item


def _read_one(folder: Path, name: str, spec: TensorSpec) -> Value:
    array, message = folder / f"{name}.npy", folder / f"{name}.pb"
    if array.is_file():
        return _read_npy(array, spec)
    if not message.is_file():
        raise HALError(f"{folder} holds neither {array.name} nor {message.name} for {spec}")
    from hal.messages import decode

    try:
        return decode(message.read_bytes(), spec)
    except Exception as error:  # whatever a damaged message makes onnx raise
        raise HALError(f"{message} is no value for {spec}: {error}") from error


def _read_npy(path: Path, spec: TensorSpec) -> Tensor:
    try:
        array: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise HALError(f"{path} is no array: {error}") from error
    declared = dtypes.of_name(spec.dtype)
    if declared.is_extension and array.dtype.itemsize == declared.numpy.itemsize:
        return Tensor(array.view(declared.numpy), declared)  # NumPy keeps the bits of it alone
    try:
        dtype = dtypes.of_array(array)
    except InputError as error:
        raise HALError(f"{path}: {error.message}") from error
    return Tensor(array.astype(object) if dtype.name == "string" else array, dtype)
