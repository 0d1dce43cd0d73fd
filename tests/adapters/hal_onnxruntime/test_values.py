"""Every kind of ONNX value goes in and comes out with its own type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import onnx
import pytest
from hal_onnxruntime import values
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper

from hal import dtypes
from hal.dtypes import DType
from hal.errors import Unsupported
from hal.tensor import MapValue, Tensor

Build: TypeAlias = Callable[..., bytes]
Compile: TypeAlias = Callable[..., Any]

# What Identity in opset 25 has a CPU kernel for, of those with a byte or more an element.
CARRIED = [
    "float32",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "bool",
    "float16",
    "float64",
    "uint32",
    "uint64",
    "bfloat16",
    "float8e4m3fn",
    "float8e4m3fnuz",
    "float8e5m2",
    "float8e5m2fnuz",
]
PACKED = ["int4", "uint4", "int2", "uint2"]


def tensor_of(dtype: DType, shape: list[int] | None, name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype.number, shape)


@pytest.mark.parametrize("name", CARRIED)
def test_a_tensor_comes_back_bit_for_bit(name: str, build: Build, compiled: Compile) -> None:
    dtype = dtypes.of_name(name)
    bits = np.random.default_rng(1).integers(0, 2, (2, 3)) if name == "bool" else None
    raw = np.arange(6).reshape(2, 3) if bits is None else bits
    array = raw.astype(dtype.numpy)
    model = build(
        helper.make_node("Identity", ["x"], ["y"]),
        inputs=[tensor_of(dtype, [2, 3], "x")],
        outputs=[tensor_of(dtype, [2, 3], "y")],
    )
    (result,) = compiled(model).run({"x": Tensor(array, dtype)})
    assert result.dtype is dtype
    assert result.array.dtype == dtype.numpy
    assert result.array.tobytes() == array.tobytes()


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_sub_byte_tensors_are_packed_in_and_unpacked(
    name: str, count: int, build: Build, compiled: Compile
) -> None:
    dtype = dtypes.of_name(name)
    low = -(1 << (dtype.bits - 1)) if name.startswith("i") else 0
    numbers = low + np.arange(count) % (1 << dtype.bits)
    array = numbers.astype(np.int8).astype(dtype.numpy)
    to_float = build(
        helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT),
        inputs=[tensor_of(dtype, [count], "x")],
        opset=25,
    )
    from_float = build(
        helper.make_node("Cast", ["x"], ["y"], to=dtype.number),
        inputs=[tensor_of(dtypes.of_name("float32"), [count], "x")],
        outputs=[tensor_of(dtype, [count], "y")],
        opset=25,
    )
    (widened,) = compiled(to_float).run({"x": Tensor(array, dtype)})
    assert_array_equal(widened.array, numbers.astype(np.float32))
    (narrowed,) = compiled(from_float).run({"x": widened})
    assert narrowed.dtype is dtype
    assert_array_equal(narrowed.array.astype(np.float32), widened.array)


@pytest.mark.parametrize("name", ["int4", "uint2", "float4e2m1"])
def test_unpacking_undoes_packing(name: str) -> None:
    dtype = dtypes.of_name(name)
    array = np.arange(7, dtype=np.uint8).astype(dtype.numpy).reshape(7, 1)
    packed = values.pack(array, dtype)
    assert packed.nbytes == -(-7 * dtype.bits // 8)
    assert_array_equal(values.unpack(packed, (7, 1), dtype), array)


def test_an_empty_tensor_of_a_small_type_keeps_its_shape(
    build: Build, compiled: Compile
) -> None:
    dtype = dtypes.of_name("bfloat16")
    model = build(
        helper.make_node("Identity", ["x"], ["y"]),
        inputs=[tensor_of(dtype, None, "x")],
        outputs=[tensor_of(dtype, None, "y")],
    )
    (result,) = compiled(model).run({"x": Tensor(np.empty((0, 3), dtype.numpy), dtype)})
    assert result.shape == (0, 3)


def test_text_goes_through_with_every_character(build: Build, compiled: Compile) -> None:
    texts = [helper.make_tensor_value_info(n, TensorProto.STRING, [3]) for n in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    program = compiled(build(node, inputs=texts[:1], outputs=texts[1:]))
    (result,) = program.run({"x": Tensor.of(np.array(["é", "", "日本"], object))})
    assert result.dtype.name == "string"
    assert result.array.tolist() == ["é", "", "日本"]


def sequence(name: str) -> onnx.ValueInfoProto:
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    return helper.make_value_info(name, helper.make_sequence_type_proto(tensor))


def optional(name: str) -> onnx.ValueInfoProto:
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    return helper.make_value_info(name, helper.make_optional_type_proto(tensor))


def test_a_sequence_goes_in_as_a_list_and_comes_out_as_one(
    build: Build, compiled: Compile
) -> None:
    node = helper.make_node("SequenceInsert", ["x", "z"], ["y"])
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    program = compiled(build(node, inputs=[sequence("x"), z], outputs=[sequence("y")]))
    parts = [Tensor.of(np.full(k, k, np.float32)) for k in (1, 2)]
    (result,) = program.run({"x": parts[:1], "z": parts[1]})
    assert [item.array.tolist() for item in result] == [[1.0], [2.0, 2.0]]
    assert program.outputs[0].containers == ("sequence",)


@pytest.mark.parametrize("given", [None, Tensor.of(np.ones(2, np.float32))])
def test_an_optional_may_be_none(given: Any, build: Build, compiled: Compile) -> None:
    flag = helper.make_tensor_value_info("y", TensorProto.BOOL, [])
    node = helper.make_node("OptionalHasElement", ["x"], ["y"])
    program = compiled(build(node, inputs=[optional("x")], outputs=[flag], opset=18))
    (result,) = program.run({"x": given})
    assert result.array.shape == ()
    assert bool(result.array) is (given is not None)


def test_an_empty_optional_comes_out_as_none(build: Build, compiled: Compile) -> None:
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    node = helper.make_node("Optional", [], ["y"], type=tensor)
    program = compiled(build(node, inputs=[], outputs=[optional("y")], opset=18))
    assert program.run({}) == [None]


def test_a_map_goes_in(build: Build, compiled: Compile) -> None:
    entry = onnx.ValueInfoProto(name="x")
    entry.type.map_type.key_type = TensorProto.STRING
    entry.type.map_type.value_type.tensor_type.elem_type = TensorProto.FLOAT
    node = helper.make_node(
        "DictVectorizer", ["x"], ["y"], domain="ai.onnx.ml", string_vocabulary=["a", "b"]
    )
    program = compiled(build(node, inputs=[entry], ai_onnx_ml=3))
    keys, amounts = Tensor.of(["b", "a"]), Tensor.of(np.array([2, 1], np.float32))
    (result,) = program.run({"x": MapValue(keys, amounts)})
    assert result.array.tolist() == [[1.0, 2.0]]


def test_a_sequence_of_maps_comes_out(build: Build, compiled: Compile) -> None:
    out = onnx.ValueInfoProto(name="y")
    entry = out.type.sequence_type.elem_type.map_type
    entry.key_type = TensorProto.INT64
    entry.value_type.tensor_type.elem_type = TensorProto.FLOAT
    node = helper.make_node(
        "ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[7, 8, 9]
    )
    program = compiled(build(node, outputs=[out], ai_onnx_ml=3))
    (result,) = program.run({"x": Tensor.of(np.array([[1, 2, 3]], np.float32))})
    assert result[0].keys.array.tolist() == [7, 8, 9]
    assert result[0].values.dtype.name == "float32"


def test_text_beside_a_small_type_is_refused_before_it_crashes(
    build: Build, compiled: Compile
) -> None:
    texts = [helper.make_tensor_value_info(n, TensorProto.STRING, [1]) for n in ("s", "t")]
    model = build(
        helper.make_node("Identity", ["s"], ["t"]),
        helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16),
        inputs=[texts[0], helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        outputs=[texts[1], helper.make_tensor_value_info("y", TensorProto.BFLOAT16, [1])],
    )
    feeds = {"s": Tensor.of(["a"]), "x": Tensor.of(np.ones(1, np.float32))}
    with pytest.raises(Unsupported, match="bfloat16"):
        compiled(model).run(feeds)
