"""Values written as files are read back to the bit, whichever form a program chose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from hal import exchange
from hal.errors import HALError, InputError
from hal.spec import TensorSpec
from hal.tensor import MapValue, Tensor, Value


def text(*items: str) -> Tensor:
    return Tensor.of(np.array(items, object))


FLOATS = Tensor.of(np.array([[1.5, np.nan, -0.0]], np.float32))
COUNTS = MapValue(text("a", "é"), FLOATS)
VALUES: dict[str, tuple[TensorSpec, Value]] = {
    "float32": (TensorSpec("x", "float32", (1, 3)), FLOATS),
    "scalar": (TensorSpec("x", "int64", ()), Tensor.of(np.array(-7))),
    "nothing": (TensorSpec("x", "float16", (0, 2)), Tensor.of(np.empty((0, 2), np.float16))),
    "bool": (TensorSpec("x", "bool", (2,)), Tensor.of(np.array([True, False]))),
    "complex": (TensorSpec("x", "complex64", (1,)), Tensor.of(np.array([1 - 2j], "c8"))),
    "bfloat16": (
        TensorSpec("x", "bfloat16", (2,)),
        Tensor.of(np.array([1.5, np.inf], ml_dtypes.bfloat16)),
    ),
    "int4": (
        TensorSpec("x", "int4", (3,)),
        Tensor.of(np.array([1, -8, 7], ml_dtypes.int4)),
    ),
    "text": (TensorSpec("x", "string", (3,)), text("", "a b", "é")),
    "sequence": (TensorSpec("x", "float32", None, ("sequence",)), [FLOATS, FLOATS]),
    "empty sequence": (TensorSpec("x", "float32", None, ("sequence",)), []),
    "absent": (TensorSpec("x", "float32", None, ("optional",)), None),
    "present": (TensorSpec("x", "float32", None, ("optional",)), FLOATS),
    "optional sequence": (TensorSpec("x", "float32", None, ("optional", "sequence")), [FLOATS]),
    "map": (TensorSpec("x", "float32", None, ("map",)), COUNTS),
    "maps": (TensorSpec("x", "float32", None, ("sequence", "map")), [COUNTS, COUNTS]),
}
PLAIN = ("float32", "scalar", "nothing", "bool", "complex")


def same(left: Value, right: Value) -> bool:
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        if (left.dtype, left.shape) != (right.dtype, right.shape):
            return False
        if left.dtype.name == "string":
            return bool((left.array == right.array).all())
        return left.array.tobytes() == right.array.tobytes()
    if isinstance(left, MapValue) and isinstance(right, MapValue):
        return same(left.keys, right.keys) and same(left.values, right.values)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left is None and right is None


@pytest.mark.parametrize("form", ["raw", "pb"])
@pytest.mark.parametrize("kind", VALUES)
def test_any_value_comes_back_to_the_bit(tmp_path: Path, kind: str, form: str) -> None:
    spec, value = VALUES[kind]
    exchange.write(tmp_path, "output", [spec], [value], [form])
    assert exchange.is_there(tmp_path, "output")
    (found,) = exchange.read(tmp_path, "output", [spec])
    assert same(found, value), found


@pytest.mark.parametrize("kind", PLAIN)
def test_arrays_of_numpys_own_types_come_back_from_npy(tmp_path: Path, kind: str) -> None:
    spec, value = VALUES[kind]
    exchange.write(tmp_path, "output", [spec], [value], ["npy"])
    assert [path.name for path in tmp_path.iterdir()] == ["output_0.npy"]
    assert same(exchange.read(tmp_path, "output", [spec])[0], value)


def test_a_type_numpy_lacks_may_come_as_an_array_of_its_bits(tmp_path: Path) -> None:
    spec, value = VALUES["bfloat16"]
    assert isinstance(value, Tensor)
    np.save(tmp_path / "output_0.npy", value.array.view(np.uint16))
    assert same(exchange.read(tmp_path, "output", [spec])[0], value)


def test_messages_are_those_of_onnx(tmp_path: Path) -> None:
    spec, value = VALUES["int4"]
    exchange.write(tmp_path, "input", [spec], [value], ["pb"])
    message = onnx.TensorProto.FromString((tmp_path / "input_0.pb").read_bytes())
    assert (message.name, message.data_type) == ("x", onnx.TensorProto.INT4)
    assert numpy_helper.to_array(message).tolist() == [1, -8, 7]


def test_raw_values_lie_one_after_another(tmp_path: Path) -> None:
    specs = [VALUES["scalar"][0], VALUES["bool"][0]]
    exchange.write(tmp_path, "input", specs, [VALUES["scalar"][1], VALUES["bool"][1]], ["raw"])
    assert (tmp_path / "inputs.bin").read_bytes() == b"\xf9" + 7 * b"\xff" + b"\x01\x00"
    second = json.loads((tmp_path / "inputs.json").read_text())["values"][1]
    told = {"name": "x", "dtype": "bool", "number": 9, "shape": [2], "offset": 8, "bytes": 2}
    assert second == told


def outputs(folder: Path, content: Any, *specs: TensorSpec) -> list[Value]:
    (folder / "outputs.json").write_text(json.dumps(content))
    return exchange.read(folder, "output", specs)


def test_a_program_may_print_its_numbers(tmp_path: Path) -> None:
    spec = TensorSpec("y", "float32", ("N", 2))
    printed = {"outputs": {"y": {"shape": [2, 2], "data": [["0x1.8p+1", "nan"], ["-inf", 2]]}}}
    (found,) = outputs(tmp_path, printed, spec)
    expected = Tensor.of(np.array([[3, np.nan], [-np.inf, 2]], np.float32))
    assert same(found, expected), found


def test_integers_that_are_printed_keep_all_their_digits(tmp_path: Path) -> None:
    largest = 2**64 - 1
    (found,) = outputs(tmp_path, [{"data": [largest, 1]}], TensorSpec("y", "uint64", (2,)))
    assert isinstance(found, Tensor)
    assert found.array.tolist() == [largest, 1]


def test_complex_numbers_are_printed_as_two(tmp_path: Path) -> None:
    spec = TensorSpec("y", "complex64", (2,))
    (found,) = outputs(tmp_path, [{"data": [[1, "-0x1p+1"], [0, 3]]}], spec)
    assert same(found, Tensor.of(np.array([1 - 2j, 3j], np.complex64))), found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("no json", "cannot be read"),
        ([], "lists 0 values, the model has 1"),
        ([{"data": [1, 2, 3]}], "cannot be read"),
        ([{"offset": 0, "shape": [1000]}], "cannot be read"),
        ([{"data": [1], "shape": None}], "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_the_files_name(
    tmp_path: Path, content: Any, told: str
) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "outputs.json").write_text(text)
    with pytest.raises(HALError, match=told) as caught:
        exchange.read(tmp_path, "output", [TensorSpec("y", "float32", (2,))])
    assert "outputs.json" in caught.value.message
    assert type(caught.value) is HALError, "nobody may take it for a refusal"


def test_a_missing_output_is_told_by_name(tmp_path: Path) -> None:
    assert not exchange.is_there(tmp_path, "output")
    with pytest.raises(HALError, match=r"neither output_0\.npy nor output_0\.pb for y"):
        exchange.read(tmp_path, "output", [TensorSpec("y", "float32", (2,))])


@pytest.mark.parametrize("name", ["output_0.npy", "output_0.pb"])
def test_a_damaged_file_is_told_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xffnonsense")
    with pytest.raises(HALError, match=name):
        exchange.read(tmp_path, "output", [TensorSpec("y", "float32", (2,))])


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no form 'hdf5'"):
        exchange.write(tmp_path, "input", [], [], ["hdf5"])
