"""Names and order are the model's, whatever OpenVINO made of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hal_openvino.adapter import OpenVINOAdapter
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper, numpy_helper

from hal.adapter import Program
from hal.errors import Unsupported
from hal.model import Model

Build = Callable[..., Model]
Compile = Callable[..., Program]
Run = Callable[..., list[Any]]

F = TensorProto.FLOAT


def row(*numbers: float) -> np.ndarray[Any, np.dtype[Any]]:
    return np.array(numbers, np.float32)


def test_an_input_that_nothing_reads_is_still_an_input(
    build: Build, compiled: Compile, run: Run
) -> None:
    program = compiled(
        build(
            [helper.make_node("Relu", ["x"], ["y"])],
            [("unused", F, (2,)), ("x", F, (2,))],
            [("y", F, (2,))],
        )
    )
    assert [spec.name for spec in program.inputs] == ["unused", "x"]
    (result,) = run(program, unused=row(9, 9), x=row(-1, 2))
    assert_array_equal(result, row(0, 2))


def test_an_input_that_a_no_op_passes_on_keeps_its_name(
    build: Build, compiled: Compile, run: Run
) -> None:
    """OpenVINO gives such an input the name of the no-op's output."""
    program = compiled(
        build([helper.make_node("Dropout", ["x"], ["y"])], [("x", F, (2,))], [("y", F, (2,))])
    )
    assert [spec.name for spec in program.inputs] == ["x"]
    assert_array_equal(run(program, x=row(1, 2))[0], row(1, 2))


def test_a_renamed_input_is_told_from_an_unread_one(
    build: Build, compiled: Compile, run: Run
) -> None:
    nodes = [
        helper.make_node("Dropout", ["x"], ["d"]),
        helper.make_node("Dropout", ["d"], ["y"]),
        helper.make_node("Relu", ["z"], ["r"]),
    ]
    values = [(name, F, (2,)) for name in ("unused", "x", "z", "idle")]
    program = compiled(build(nodes, values, [("r", F, (2,)), ("y", F, (2,))]))
    assert [spec.name for spec in program.inputs] == ["unused", "x", "z", "idle"]
    r, y = run(program, unused=row(8, 8), x=row(1, 2), z=row(-5, 6), idle=row(7, 7))
    assert_array_equal(r, row(0, 6))
    assert_array_equal(y, row(1, 2))


def test_outputs_stand_in_the_models_order(build: Build, compiled: Compile, run: Run) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["b"]),
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Abs", ["x"], ["c"]),
    ]
    program = compiled(build(nodes, [("x", F, (2,))], [(name, F, (2,)) for name in "cab"]))
    assert [spec.name for spec in program.outputs] == ["c", "a", "b"]
    c, a, b = run(program, x=row(-1, 2))
    assert_array_equal([c, a, b], [row(1, 2), row(1, -2), row(0, 2)])


def test_one_value_under_several_names_comes_out_as_often(
    build: Build, compiled: Compile, run: Run
) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("Identity", ["y"], ["z"]),
        helper.make_node("Identity", ["y"], ["w"]),
    ]
    program = compiled(
        build(nodes, [("x", F, (2,))], [(name, F, (2,)) for name in ("z", "y", "x", "w")])
    )
    results = run(program, x=row(-1, 2))
    assert_array_equal(results, [row(0, 2), row(0, 2), row(-1, 2), row(0, 2)])
    assert not np.shares_memory(results[0], results[1])


def test_a_constant_may_be_an_output(build: Build, compiled: Compile, run: Run) -> None:
    held = numpy_helper.from_array(row(3, 4), "held")
    nodes = [
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("Identity", ["held"], ["k"]),
    ]
    program = compiled(build(nodes, [("x", F, (2,))], [("k", F, (2,)), ("y", F, (2,))], [held]))
    k, y = run(program, x=row(-1, 1))
    assert_array_equal(k, row(3, 4))
    assert_array_equal(y, row(0, 1))


def test_symbolic_dimensions_keep_their_names(add: Model, compiled: Compile) -> None:
    program = compiled(add)
    assert [spec.shape for spec in (*program.inputs, *program.outputs)] == [("N", 4)] * 3


def test_bound_dimensions_are_numbers(add: Model, compiled: Compile) -> None:
    program = compiled(add, dimensions={"N": 3})
    assert [spec.shape for spec in (*program.inputs, *program.outputs)] == [(3, 4)] * 3


def test_a_sequence_is_a_clean_no(adapter: OpenVINOAdapter, compiled: Compile) -> None:
    tensor = helper.make_tensor_type_proto(F, (2,))
    graph = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", F, (2,))],
        [helper.make_value_info("y", helper.make_sequence_type_proto(tensor))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    with pytest.raises(RuntimeError) as caught:
        compiled(Model(model.SerializeToString()))
    ours = adapter.translate(caught.value)
    assert isinstance(ours, Unsupported)
    assert ours.op == "util::SequenceMark"
