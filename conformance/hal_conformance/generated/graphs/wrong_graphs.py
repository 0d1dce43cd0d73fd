"""What is no graph, and what control flow and functions may not be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import helper

from hal_conformance.generated.graphs.wrong import (
    MATRIX,
    TWICE,
    Wrong,
    node_of,
    told,
)


def branch(op: str) -> onnx.NodeProto:
    graphs: dict[str, Any] = {
        f"{word}_branch": helper.make_graph(
            [node_of(name, "x", f"{word}_y")], word, [], [told(f"{word}_y")]
        )
        for word, name in (("then", op), ("else", "Relu"))
    }
    return node_of("If", "c", **graphs)


def graphs() -> Iterator[Wrong]:
    """What is no graph."""
    yield Wrong("undefined_input", [node_of("Add", "x q")], MATRIX)
    yield Wrong("undefined_output", [node_of("Relu", "x", "z")], MATRIX)
    yield Wrong("unsorted", [node_of("Relu", "z"), node_of("Neg", "x", "z")], MATRIX)
    yield Wrong("cycle", [node_of("Add", "x z", "y"), node_of("Neg", "y", "z")], MATRIX)
    yield Wrong("self_cycle", [node_of("Add", "x y", "y")], MATRIX)
    yield Wrong(
        "output_is_an_input_name", [node_of("Relu", "x", "x"), node_of("Neg", "x", "y")], MATRIX
    )
    yield Wrong(
        "output_is_a_weight_name",
        [node_of("Relu", "x", "w"), node_of("Neg", "w", "y")],
        MATRIX,
        {"w": np.ones((3, 4), np.float32)},
    )
    yield Wrong("undefined_in_branch", [branch_of("q")], MATRIX, {"c": np.array(True)})
    yield Wrong(
        "inner_name_read_outside",
        [branch_of("x", "z"), node_of("Neg", "then_y", "y")],
        MATRIX,
        {"c": np.array(True)},
    )
    yield Wrong("branches_of_other_counts", [_uneven()], MATRIX, {"c": np.array(True)})
    yield Wrong("loop_body_inputs", [_loop(inputs=2)], MATRIX, TWICE)
    yield Wrong("loop_body_outputs", [_loop(outputs=1)], MATRIX, TWICE)
    yield Wrong("loop_condition_no_bool", [_loop(condition="float32")], MATRIX, TWICE)
    yield Wrong(
        "condition_of_floats", [branch_of("x")], MATRIX, {"c": np.array(1.0, np.float32)}
    )
    yield Wrong(
        "function_undefined_name",
        [node_of("F", "x", domain="local")],
        MATRIX,
        edit=lambda m: _function(m, "q"),
    )
    yield Wrong(
        "function_calls_itself",
        [node_of("F", "x", domain="local")],
        MATRIX,
        edit=lambda m: _function(m, "x", op="F", domain="local"),
    )
    yield Wrong(
        "function_too_many_inputs",
        [node_of("F", "x x", domain="local")],
        MATRIX,
        edit=lambda m: _function(m, "x"),
    )


def branch_of(name: str, output: str = "y") -> onnx.NodeProto:
    graphs: dict[str, Any] = {
        f"{word}_branch": helper.make_graph(
            [node_of(op, name, f"{word}_y")], word, [], [told(f"{word}_y")]
        )
        for word, op in (("then", "Neg"), ("else", "Relu"))
    }
    return node_of("If", "c", output, **graphs)


def _uneven() -> onnx.NodeProto:
    then = helper.make_graph([node_of("Neg", "x", "a")], "then", [], [told("a")])
    nodes = [node_of("Neg", "x", "b"), node_of("Relu", "x", "d")]
    other = helper.make_graph(nodes, "else", [], [told("b"), told("d")])
    return node_of("If", "c", "y", then_branch=then, else_branch=other)


def _loop(inputs: int = 3, outputs: int = 2, condition: str = "bool") -> onnx.NodeProto:
    given = [told("i", (), "int64"), told("go", (), condition), told("v", (3, 4))][:inputs]
    nodes = [node_of("Identity", "go", "on")]
    nodes.append(node_of("Neg", "v" if inputs > 2 else "x", "w_out"))
    results = [told("on", (), condition), told("w_out", (3, 4))][:outputs]
    body = helper.make_graph(nodes, "body", given, results)
    return helper.make_node("Loop", ["m", "", "x"], ["y"], body=body)


def _function(model: onnx.ModelProto, name: str, op: str = "Neg", domain: str = "") -> None:
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
    model.functions.append(
        helper.make_function(
            "local", "F", ["x"], ["z"], [node_of(op, name, "z", domain)], opsets
        )
    )
    model.opset_import.append(helper.make_opsetid("local", 1))
