"""Bound buffers are the caller's own memory, in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper

from hal import dtypes
from hal.errors import InputError, Unsupported
from hal.tensor import Array, Tensor

Build: TypeAlias = Callable[..., bytes]
Compile: TypeAlias = Callable[..., Any]


def tensor(name: str, shape: list[int | str] | None, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def program_of(build: Build, compiled: Compile, shape: list[int | str] | None) -> Any:
    node = helper.make_node("Add", ["x", "x"], ["y"])
    return compiled(build(node, inputs=[tensor("x", shape)], outputs=[tensor("y", shape)]))


def pointer(array: Array) -> int:
    return int(array.ctypes.data)


def test_inputs_are_read_from_the_callers_array(build: Build, compiled: Compile) -> None:
    x = np.ones((2, 3), np.float32)
    bound = program_of(build, compiled, [2, 3]).bind({"x": Tensor.of(x)}, {})
    bound.run()
    x[:] = 4
    bound.run()
    assert pointer(bound.inputs["x"]) == pointer(x)
    assert_array_equal(bound.outputs["y"], np.full((2, 3), 8))


def test_outputs_are_written_to_the_callers_array(build: Build, compiled: Compile) -> None:
    x, y = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)
    bound = program_of(build, compiled, ["n", 3]).bind({"x": Tensor.of(x)}, {"y": Tensor.of(y)})
    bound.run()
    assert pointer(bound.outputs["y"]) == pointer(y)
    assert_array_equal(y, np.full((2, 3), 2))


def test_an_output_of_known_shape_keeps_its_place(build: Build, compiled: Compile) -> None:
    bound = program_of(build, compiled, [2, 3]).bind(
        {"x": Tensor.of(np.ones((2, 3), "f4"))}, {}
    )
    place = bound.outputs["y"]
    bound.run()
    assert pointer(bound.outputs["y"]) == pointer(place)
    assert_array_equal(place, np.full((2, 3), 2))


def test_an_output_of_unknown_shape_may_change_it(build: Build, compiled: Compile) -> None:
    node = helper.make_node("NonZero", ["x"], ["y"])
    outputs = [tensor("y", None, TensorProto.INT64)]
    program = compiled(build(node, inputs=[tensor("x", [4])], outputs=outputs))
    x = np.array([1, 0, 0, 1], np.float32)
    bound = program.bind({"x": Tensor.of(x)}, {})
    bound.run()
    first = bound.outputs["y"]
    x[:] = 1
    bound.run()
    assert bound.outputs["y"].tolist() == [[0, 1, 2, 3]]
    assert first.tolist() == [[0, 3]]


def test_a_small_type_is_bound_without_a_copy(build: Build, compiled: Compile) -> None:
    dtype = dtypes.of_name("bfloat16")
    values = [tensor(name, [2], TensorProto.BFLOAT16) for name in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    program = compiled(build(node, inputs=values[:1], outputs=values[1:]))
    x = np.array([1, 2]).astype(dtype.numpy)
    bound = program.bind({"x": Tensor(x, dtype)}, {})
    x[0] = 5
    bound.run()
    assert bound.outputs["y"].astype(np.float32).tolist() == [5, 2]


def test_a_strided_input_is_copied_and_the_copy_is_what_is_read(
    build: Build, compiled: Compile
) -> None:
    x = np.ones((3, 2), np.float32).T
    bound = program_of(build, compiled, [2, 3]).bind({"x": Tensor.of(x)}, {})
    bound.inputs["x"][:] = 3
    bound.run()
    assert_array_equal(bound.outputs["y"], np.full((2, 3), 6))


@pytest.mark.parametrize(
    ("buffer", "reason"),
    [
        (np.zeros((2, 3), np.float64), "float64"),
        (np.zeros((3, 2), np.float32).T, "contiguous"),
        (np.broadcast_to(np.float32(0), (2, 3)), "writeable"),
    ],
    ids=["type", "order", "read-only"],
)
def test_a_buffer_onnxruntime_would_damage_is_refused(
    buffer: Array, reason: str, build: Build, compiled: Compile
) -> None:
    feeds = {"x": Tensor.of(np.ones((2, 3), np.float32))}
    with pytest.raises(InputError, match=reason):
        program_of(build, compiled, [2, 3]).bind(feeds, {"y": Tensor.of(buffer)})


def test_a_buffer_of_the_wrong_shape_is_an_error(build: Build, compiled: Compile) -> None:
    feeds = {"x": Tensor.of(np.ones((2, 3), np.float32))}
    buffer = Tensor.of(np.zeros((1, 3), np.float32))
    with pytest.raises(InputError, match=r"\[1, 3\]"):
        program_of(build, compiled, [2, 3]).bind(feeds, {"y": buffer})


def test_text_is_not_bound(build: Build, compiled: Compile) -> None:
    texts = [tensor(name, [1], TensorProto.STRING) for name in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    program = compiled(build(node, inputs=texts[:1], outputs=texts[1:]))
    with pytest.raises(Unsupported, match="string"):
        program.bind({"x": Tensor.of(["a"])}, {})
