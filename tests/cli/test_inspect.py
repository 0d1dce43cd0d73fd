"""`hal inspect`: what a model is made of, and who could take it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hal import targets

Hal = Callable[..., Any]
Save = Callable[..., Path]


def branching(save: Save) -> Path:
    """An If whose branches hold weights of their own."""
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    branches: dict[str, Any] = {}
    for name in ("then_branch", "else_branch"):
        weight = numpy_helper.from_array(np.ones(2, np.float32), f"{name}_w")
        node = helper.make_node("Identity", [f"{name}_w"], ["y"])
        branches[name] = helper.make_graph([node], name, [], [out], [weight])
    node = helper.make_node("If", ["c"], ["y"], "choose", **branches)
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    return save("if.onnx", [node], [condition], [out])


def test_the_models_facts_are_told(hal: Hal, conv: Path) -> None:
    done = hal("inspect", conv, "--no-targets", "--json")
    assert done.code == 0, done
    told = done.json
    assert told["opsets"] == {"ai.onnx": 17}
    assert told["ir_version"] == 8
    assert told["ops"] == {"Conv": 1, "Relu": 1, "GlobalAveragePool": 1, "Flatten": 1}
    assert told["parameters"] == 5 * 3 * 3 * 3
    assert told["parameter_bytes"] == 4 * told["parameters"]
    assert told["dtypes"] == ["float32"]
    assert told["dynamic_dimensions"] == {"N": ["image"]}
    assert told["file_bytes"] == conv.stat().st_size
    assert told["inputs"][0]["shape"] == ["N", 3, 8, 8]
    assert told["control_flow"] == {}
    assert told["targets"] == []


def test_control_flow_and_what_lies_inside_it_is_counted(hal: Hal, save: Save) -> None:
    told = hal("inspect", branching(save), "--no-targets", "--json").json
    assert told["control_flow"] == {"If": 1}
    assert told["ops"] == {"Identity": 2, "If": 1}
    assert told["parameters"] == 4


def with_weights_outside(model: Path) -> Path:
    """Move the model's weights into a file beside it; returns that file."""
    io: Any = onnx  # its load and save are only half annotated
    outside = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    io.save(io.load(str(model)), str(model), **outside)
    return model.parent / "weights.bin"


def test_weights_beside_the_model_are_told_apart(hal: Hal, conv: Path) -> None:
    with_weights_outside(conv)
    told = hal("inspect", conv, "--no-targets", "--json").json
    assert told["external_files"] == {"weights.bin": 5 * 3 * 3 * 3 * 4}
    assert told["parameters"] == 5 * 3 * 3 * 3


def test_weights_that_are_not_there_are_wrong_input(hal: Hal, conv: Path) -> None:
    with_weights_outside(conv).unlink()
    done = hal("inspect", conv)
    assert done.code == 2
    assert "'weights.bin' is not in" in done.err


def test_every_named_target_is_asked(hal: Hal, conv: Path) -> None:
    done = hal("inspect", conv, "--json")
    answers = {row["target"]: row["answer"] for row in done.json["targets"]}
    assert set(answers) == set(targets.all())
    here = {answers[name] for name in ("reference", "onnxruntime", "openvino")}
    assert here <= {"yes", "claims only"}


def test_a_prediction_names_the_nodes_that_are_refused(hal_with_toys: Hal, conv: Path) -> None:
    done = hal_with_toys("inspect", conv, "-d", "toy:0", "--json")
    assert done.code == 0
    [row] = done.json["targets"]
    assert (row["answer"], row["refused"]) == ("no", ["relu"])
    assert "Relu" in row["reason"]


def test_a_claim_that_excludes_the_model_is_told(hal_with_toys: Hal, save: Save) -> None:
    value = helper.make_tensor_value_info
    node = helper.make_node("Add", ["x", "x"], ["y"])
    x, y = (value(name, TensorProto.UINT8, [2]) for name in "xy")
    done = hal_with_toys("inspect", save("u8.onnx", [node], [x], [y]), "-d", "toy:0", "--json")
    [row] = done.json["targets"]
    assert row["answer"] == "no"
    assert "uint8" in row["reason"]


def test_a_device_that_cannot_be_asked_is_told_apart(hal_with_toys: Hal, double: Path) -> None:
    done = hal_with_toys("inspect", double, "-d", "toy:bare", "--json")
    assert done.json["targets"][0]["answer"] == "claims only"


def test_a_target_that_is_not_here_is_a_row(hal_with_toys: Hal, double: Path) -> None:
    done = hal_with_toys("inspect", double, "-d", "toy:9", "-d", "toy:0", "--json")
    assert done.code == 0
    assert [row["answer"] for row in done.json["targets"]] == ["absent", "yes"]


def test_the_text_names_inputs_and_operators(hal: Hal, conv: Path) -> None:
    done = hal("inspect", conv, "--no-targets")
    assert "input         image: float32[N, 3, 8, 8]" in done.out
    assert "135 in 1 tensors" in done.out
