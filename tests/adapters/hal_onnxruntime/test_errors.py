"""Every exception of ONNX Runtime has one name of ours, chosen on purpose."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import pytest
from hal_onnxruntime import errors
from onnx import TensorProto, helper

from hal.errors import (
    CompileError,
    DeviceLost,
    ExecutionError,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)
from hal.tensor import Tensor

state: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
Build: TypeAlias = Callable[..., bytes]
Compile: TypeAlias = Callable[..., Any]


def exceptions() -> list[type[Exception]]:
    """What ONNX Runtime can raise, found in its module."""
    members = [getattr(state, name) for name in dir(state)]
    return [m for m in members if isinstance(m, type) and issubclass(m, Exception)]


def test_introspection_finds_the_exceptions() -> None:
    assert {"Fail", "InvalidGraph", "NotImplemented"} <= {e.__name__ for e in exceptions()}


@pytest.mark.parametrize("kind", exceptions(), ids=lambda kind: kind.__name__)
def test_every_exception_type_is_mapped_on_purpose(kind: type[Exception]) -> None:
    assert type(errors.translate(kind("something"))) is errors.TYPES[kind.__name__]


def test_an_exception_that_is_not_onnxruntimes_is_left_alone() -> None:
    assert errors.translate(KeyError("x")) is None
    assert errors.translate(ValueError("x")) is None


def refusal(compiled: Compile, model: bytes) -> HALError:
    with pytest.raises(Exception) as caught:  # noqa: PT011  ORT's types are what is tested
        compiled(model)
    found = errors.translate(caught.value)
    assert found is not None
    return found


def test_an_unknown_operator_is_unsupported_by_name(build: Build, compiled: Compile) -> None:
    model = build(helper.make_node("Blorp", ["x"], ["y"], name="odd"))
    found = refusal(compiled, model)
    assert (type(found), found.op, found.node, found.opset) == (Unsupported, "Blorp", "odd", 21)


def test_an_unknown_domain_is_unsupported_by_name(build: Build, compiled: Compile) -> None:
    model = build(helper.make_node("Blorp", ["x"], ["y"], domain="acme"), acme=1)
    found = refusal(compiled, model)
    assert (type(found), found.op) == (Unsupported, "acme:Blorp")


def test_a_missing_kernel_is_unsupported_and_names_even_a_nameless_node(
    build: Build, compiled: Compile
) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    found = refusal(compiled, build(*nodes, opset=5))
    assert (type(found), found.op, found.node, found.opset) == (Unsupported, "Relu", "#0", 1)


def test_an_opset_to_come_is_unsupported(build: Build, compiled: Compile) -> None:
    found = refusal(compiled, build(helper.make_node("Relu", ["x"], ["y"]), opset=999))
    assert (type(found), found.opset) == (Unsupported, 999)


def test_a_type_an_operator_does_not_take_is_unsupported(
    build: Build, compiled: Compile
) -> None:
    texts = helper.make_tensor_value_info("x", TensorProto.STRING, [2])
    found = refusal(compiled, build(helper.make_node("Relu", ["x"], ["y"]), inputs=[texts]))
    assert (type(found), found.dtype, found.op) == (Unsupported, "string", "Relu")


def test_a_type_onnxruntime_does_not_know_is_unsupported(
    build: Build, compiled: Compile
) -> None:
    values = [helper.make_tensor_value_info(n, TensorProto.COMPLEX64, [2]) for n in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    found = refusal(compiled, build(node, inputs=values[:1], outputs=values[1:]))
    assert (type(found), found.dtype) == (Unsupported, "complex64")


def test_a_cyclic_graph_is_the_callers_mistake(build: Build, compiled: Compile) -> None:
    nodes = [helper.make_node("Relu", ["y"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    assert type(refusal(compiled, build(*nodes))) is InputError


def test_a_missing_initialiser_is_the_callers_mistake(build: Build, compiled: Compile) -> None:
    found = refusal(compiled, build(helper.make_node("Add", ["x", "w"], ["y"])))
    assert type(found) is InputError


def test_a_failing_kernel_is_an_execution_error_at_its_node(
    build: Build, compiled: Compile
) -> None:
    ids = helper.make_tensor_value_info("i", TensorProto.INT64, [1])
    values = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    node = helper.make_node("Gather", ["x", "i"], ["y"], name="pick")
    program = compiled(build(node, inputs=[values, ids]))
    feeds = {"x": Tensor.of(np.ones((2, 3), np.float32)), "i": Tensor.of(np.array([9]))}
    with pytest.raises(Exception) as caught:  # noqa: PT011  ORT's types are what is tested
        program.run(feeds)
    found = errors.translate(caught.value)
    assert (type(found), found.node, found.op) == (ExecutionError, "pick", "Gather")  # type: ignore[union-attr]


def test_a_full_memory_is_out_of_memory(build: Build, compiled: Compile) -> None:
    lengths = helper.make_tensor_value_info("s", TensorProto.INT64, [2])
    program = compiled(
        build(helper.make_node("ConstantOfShape", ["s"], ["y"]), inputs=[lengths])
    )
    with pytest.raises(Exception) as caught:  # noqa: PT011  ORT's types are what is tested
        program.run({"s": Tensor.of(np.array([1 << 25, 1 << 25]))})
    assert type(errors.translate(caught.value)) is OutOfMemory


def test_messages_do_not_show_the_machine_onnxruntime_was_built_on(
    build: Build, compiled: Compile
) -> None:
    found = refusal(compiled, build(helper.make_node("Relu", ["x"], ["y"]), opset=999))
    assert found.message.startswith("ONNX Runtime only")


def test_the_types_map_to_more_than_one_class() -> None:
    assert {CompileError, DeviceLost, InputError, Unsupported} <= set(errors.TYPES.values())
