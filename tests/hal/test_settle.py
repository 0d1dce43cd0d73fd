"""What follows from static shapes becomes constants, and nothing else does."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from hal.model import Model
from hal.settle import settled


def settled_graph(graph: str) -> onnx.GraphProto:
    text = f'<ir_version: 9, opset_import: ["": 20]> {graph}'
    return settled(Model(parser.parse_model(text).SerializeToString())).proto().graph


def constants(graph: onnx.GraphProto) -> dict[str, object]:
    return {
        node.output[0]: numpy_helper.to_array(node.attribute[0].t).tolist()
        for node in graph.node
        if node.op_type == "Constant"
    }


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ("Shape(x)", [2, 3, 4]),
        ("Shape<start = 1>(x)", [3, 4]),
        ("Shape<start = -3, end = -1>(x)", [2, 3]),
        ("Size(x)", 24),
    ],
)
def test_a_measure_of_a_known_shape_is_a_constant(node: str, value: list[int] | int) -> None:
    graph = settled_graph(f"g(float[2, 3, 4] x) => (int64[A] y) {{ y = {node} }}")
    assert constants(graph) == {"y": value}


def test_what_is_worked_out_from_a_shape_is_a_constant() -> None:
    graph = settled_graph(
        "g(float[2, 3, 4] x) => (float[A, B] y) <int64[1] rest = {-1}, int64 at = {0}> {"
        "s = Shape(x) n = Gather(s, at) zero = Constant<value_ints = [0]>()"
        "m = Unsqueeze(n, zero) to = Concat<axis = 0>(m, rest) y = Reshape(x, to) }"
    )
    assert constants(graph)["to"] == [2, -1]
    assert [node.op_type for node in graph.node if node.op_type != "Constant"] == ["Reshape"]


def test_a_shape_that_follows_from_a_constant_found_before_is_found() -> None:
    graph = settled_graph(
        "g(float[2, 6] x) => (int64[A] y) <int64[1] rest = {-1}> {"
        "s = Shape<start = 1>(x) to = Concat<axis = 0>(s, rest)"
        "z = Reshape(x, to) y = Shape(z) }"
    )
    assert constants(graph)["y"] == [6, 2]


def test_an_unknown_shape_stays_to_be_measured() -> None:
    graph = settled_graph("g(float[N, 3] x) => (int64[2] y) { y = Shape(x) }")
    assert [node.op_type for node in graph.node] == ["Shape"]


def test_a_known_part_of_a_shape_with_unknowns_stays_to_be_measured() -> None:
    graph = settled_graph(
        "g(float[N, 3] x) => (int64[1] y) <int64[1] at = {1}>{ s = Shape(x) y = Gather(s, at) }"
    )
    assert [node.op_type for node in graph.node] == ["Shape", "Gather"]


def test_constants_that_have_nothing_to_do_with_a_shape_are_left_to_compute() -> None:
    graph = settled_graph(
        "g() => (int64[2] y) <int64[2] a = {1, 2}, int64[2] b = {3, 4}> { y = Add(a, b) }"
    )
    assert [node.op_type for node in graph.node] == ["Add"]


def test_numbers_that_are_no_integers_are_left_to_compute() -> None:
    graph = settled_graph(
        "g(float[2, 8] x) => (float y) { n = Size(x) f = Cast<to = 1>(n) y = Sqrt(f) }"
    )
    assert [node.op_type for node in graph.node] == ["Constant", "Cast", "Sqrt"]


@pytest.mark.parametrize(
    ("shape", "value"), [("int64[2] s = {1, 2}", [[7, 7]]), ("int64[0] s = {}", 7)]
)
def test_a_small_constant_of_a_known_shape_is_a_constant(
    shape: str, value: list[list[int]] | int
) -> None:
    graph = settled_graph(
        f"g() => (int64 y) <{shape}> {{ y = ConstantOfShape<value = int64[1] {{7}}>(s) }}"
    )
    assert constants(graph) == {"y": value}


def test_a_large_constant_of_a_known_shape_is_left_to_compute() -> None:
    graph = settled_graph("g() => (float[A] y) <int64[1] s = {65}> { y = ConstantOfShape(s) }")
    assert [node.op_type for node in graph.node] == ["ConstantOfShape"]


def test_long_values_are_left_to_compute() -> None:
    graph = settled_graph(
        "g(float[99, 2] x) => (int64[A] y) <int64 zero = {0}, int64 one = {1}> {"
        "n = Shape<end = 1>(x) m = Squeeze(n) y = Range(zero, m, one) }"
    )
    assert "Range" in {node.op_type for node in graph.node}


def test_a_shape_that_the_model_only_says_is_not_believed() -> None:
    text = (
        '<ir_version: 9, opset_import: ["": 20]>'
        "g(float[N] x) => (int64[1] y) <float[3] z> { z = Relu(x) y = Shape(z) }"
    )
    model = Model(parser.parse_model(text).SerializeToString())
    assert [node.op_type for node in settled(model).proto().graph.node] == ["Relu", "Shape"]


@pytest.mark.parametrize(
    ("attribute", "dtype", "value"),
    [
        ("value_int = 3", np.int64, 3),
        ("value_ints = [3, 4]", np.int64, [3, 4]),
        ("value_float = 0.5", np.float32, 0.5),
        ("value_floats = [0.5]", np.float32, [0.5]),
    ],
)
def test_every_constant_holds_a_tensor(attribute: str, dtype: type, value: object) -> None:
    graph = settled_graph(f"g() => (float[A] y) {{ y = Constant<{attribute}>() }}")
    held = numpy_helper.to_array(graph.node[0].attribute[0].t)
    assert (held.dtype, held.tolist()) == (np.dtype(dtype), value)


def test_constants_in_branches_hold_tensors_too() -> None:
    graph = settled_graph(
        "g(bool c) => (float y) { y = If (c) <"
        "then_branch = t () => (float p) { p = Constant<value_float = 1.0>() }, "
        "else_branch = e () => (float q) { q = Constant<value_float = 2.0>() }> }"
    )
    branches = [attribute.g.node[0].attribute[0].name for attribute in graph.node[0].attribute]
    assert branches == ["value", "value"]
