"""Where each node of the original model ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from hal_onnxruntime import placement
from hal_onnxruntime.placement import Assigned
from hal_onnxruntime.session import Recipe
from onnx import TensorProto, helper, numpy_helper

from hal.model import Model
from hal.spec import CompileOptions

Build: TypeAlias = Callable[..., bytes]
Compile: TypeAlias = Callable[..., Any]

make = helper.make_node


def placed(program: Any) -> list[tuple[str, str]]:
    return [(node.node, node.where) for node in program.placement().nodes]


def test_the_evidence_is_onnxruntimes_own_record(build: Build, compiled: Compile) -> None:
    found = compiled(build(make("Relu", ["x"], ["y"], name="a"))).placement()
    assert found.evidence == "assigned"
    assert found.nodes[0].by == "CPUExecutionProvider"


def test_nameless_nodes_are_told_apart(build: Build, compiled: Compile) -> None:
    weight = numpy_helper.from_array(np.ones(3, np.float32), "w")
    program = compiled(
        build(
            make("Add", ["w", "w"], ["v"]),
            make("Add", ["x", "v"], ["z"]),
            make("Identity", ["z"], ["u"]),
            make("Add", ["u", "v"], ["y"]),
            weights=[weight],
        )
    )
    assert placed(program) == [
        ("#0", "folded"),
        ("#1", "device"),
        ("#2", "fused"),
        ("#3", "device"),
    ]


def test_what_depends_on_constants_alone_is_folded(build: Build, compiled: Compile) -> None:
    program = compiled(
        build(
            make("Constant", [], ["c"], name="c", value_floats=[1.0, 2.0, 3.0]),
            make("Neg", ["c"], ["n"], name="n"),
            make("Add", ["x", "n"], ["y"], name="a"),
        )
    )
    assert placed(program) == [("c", "folded"), ("n", "folded"), ("a", "device")]


def test_a_batch_normalisation_joins_its_convolution(build: Build, compiled: Compile) -> None:
    weights = [numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "w")]
    weights += [numpy_helper.from_array(np.ones(4, np.float32), n) for n in "sbmv"]
    program = compiled(
        build(
            make("Conv", ["x", "w"], ["c"], name="conv"),
            make("BatchNormalization", ["c", "s", "b", "m", "v"], ["y"], name="norm"),
            inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 4, 4])],
            weights=weights,
        )
    )
    assert placed(program) == [("conv", "device"), ("norm", "fused")]


def test_an_operator_without_a_kernel_ran_where_its_body_did(
    build: Build, compiled: Compile
) -> None:
    found = compiled(build(make("HardSwish", ["x"], ["y"], name="h"))).placement().nodes[0]
    assert (found.where, found.by) == ("device", "its function body on CPUExecutionProvider")


@pytest.mark.parametrize("names", [("inner", "other"), ("", "")])
def test_nodes_of_a_subgraph_are_placed(
    names: tuple[str, str], build: Build, compiled: Compile
) -> None:
    out = helper.make_tensor_value_info("r", TensorProto.FLOAT, None)
    branches: dict[str, Any] = {
        branch: helper.make_graph([make(op, ["x"], ["r"], name=name)], branch, [], [out])
        for branch, op, name in zip(
            ("then_branch", "else_branch"), ("Relu", "Neg"), names, strict=True
        )
    }
    flag = helper.make_tensor_value_info("f", TensorProto.BOOL, [])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    program = compiled(build(make("If", ["f"], ["y"], **branches), inputs=[x, flag]))
    assert [node.where for node in program.placement().nodes] == ["device"] * 3


def test_calls_and_bodies_of_functions_are_placed(build: Build, compiled: Compile) -> None:
    function = helper.make_function(
        "acme",
        "Twice",
        ["a"],
        ["b"],
        [make("Relu", ["a"], ["t"], name="r"), make("Neg", ["t"], ["b"])],
        [helper.make_opsetid("", 21)],
    )
    calls = [make("Twice", ["x"], ["z"], domain="acme", name="one")]
    calls += [make("Twice", ["z"], ["y"], domain="acme")]
    program = compiled(build(*calls, functions=[function], acme=1))
    assert placed(program) == [
        ("one", "device"),
        ("#1", "device"),
        ("acme.Twice/r", "device"),
        ("acme.Twice/#1", "device"),
    ]


def test_naming_nodes_leaves_the_callers_model_alone(build: Build, compiled: Compile) -> None:
    data = build(make("Relu", ["x"], ["y"]))
    model = Model(data)
    compiled(model).placement()
    assert model.bytes() == data


def test_with_two_providers_a_node_without_a_trace_is_unknown(build: Build) -> None:
    model = Model(
        build(
            make("Relu", ["x"], ["a"], name="relu"),
            make("Identity", ["a"], ["b"], name="gone"),
            make("Neg", ["b"], ["y"], name="neg"),
        )
    )
    record = [
        Assigned("NpuExecutionProvider", "relu", "", "Relu"),
        Assigned("CPUExecutionProvider", "neg", "", "Neg"),
    ]
    recipe = Recipe(model, "NpuExecutionProvider", CompileOptions())
    found = placement.placement(recipe, record)
    assert [node.where for node in found.nodes] == ["device", "unknown", "host"]


@pytest.mark.parametrize(
    ("provider", "where"), [("CPUExecutionProvider", "device"), ("Npu", "unknown")]
)
def test_without_a_record_placement_is_a_claim(provider: str, where: str, build: Build) -> None:
    model = Model(build(make("Relu", ["x"], ["y"])))
    found = placement.placement(Recipe(model, provider, CompileOptions()), None)
    assert (found.evidence, found.nodes[0].where) == ("claimed", where)
