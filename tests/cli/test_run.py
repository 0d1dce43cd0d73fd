"""`hal run`: inputs, outputs, comparisons, on real runtimes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx import TensorProto, helper

Hal = Callable[..., Any]
Save = Callable[..., Path]
value = helper.make_tensor_value_info


def identity(save: Save, kind: int, shape: list[int | str | None]) -> Path:
    node = helper.make_node("Identity", ["x"], ["y"])
    return save("identity.onnx", [node], [value("x", kind, shape)], [value("y", kind, shape)])


def test_files_go_in_and_come_out(hal: Hal, folder: Path, double: Path) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(folder / "x.npy", x)
    done = hal("run", double, "-d", "onnxruntime:cpu", "-i", "x=x.npy", "-o", "out")
    assert done.code == 0, done
    assert_array_equal(np.load(folder / "out" / "y.npy"), x * 2)
    [listed] = json.loads((folder / "out" / "outputs.json").read_text())["outputs"]
    assert (listed["name"], listed["file"], listed["shape"]) == ("y", "y.npy", [2, 3])


def test_random_inputs_are_the_same_for_the_same_seed(hal: Hal, double: Path) -> None:
    def mean(*words: str) -> float:
        done = hal("run", double, "-d", "reference:cpu", "--json", "--dim", "N=4", *words)
        return float(done.json["outputs"][0]["mean"])

    assert mean() == mean("-i", "random") == mean("-i", "x=random", "--seed", "0")
    assert mean() != mean("--seed", "1")


def test_dim_binds_a_symbolic_dimension(hal: Hal, double: Path) -> None:
    done = hal("run", double, "-d", "openvino:cpu", "--dim", "N=5", "--json")
    assert done.json["outputs"][0]["shape"] == [5, 3]


def test_a_random_input_may_have_a_shape_of_its_own(hal: Hal, double: Path) -> None:
    done = hal("run", double, "-d", "onnxruntime:cpu", "-i", "x=random:7x3", "--json")
    assert done.json["outputs"][0]["shape"] == [7, 3]


def test_open_lengths_are_one_unless_said_otherwise(hal: Hal, double: Path) -> None:
    done = hal("run", double, "-d", "onnxruntime:cpu", "--json")
    assert done.json["inputs"][0]["shape"] == [1, 3]


@pytest.mark.parametrize(
    "kind", ["BOOL", "STRING", "INT64", "UINT8", "FLOAT16", "BFLOAT16", "INT4"]
)
def test_random_inputs_have_the_type_of_the_input(hal: Hal, save: Save, kind: str) -> None:
    model = identity(save, int(getattr(TensorProto, kind)), [2, 3])
    done = hal("run", model, "-d", "reference:cpu", "--json", "-o", "out")
    assert done.code == 0, done
    assert done.json["outputs"][0]["dtype"] == kind.lower()
    assert done.json["outputs"][0]["file"] == "y.npy"


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.str_])
def test_types_numpy_cannot_name_survive_files(
    hal: Hal, folder: Path, save: Save, dtype: Any
) -> None:
    x = np.array(["1.5", "-3", "0"]).astype(np.float32).astype(dtype)
    np.save(folder / "x.npy", x)
    kind = TensorProto.STRING if dtype is np.str_ else TensorProto.BFLOAT16
    model = identity(save, kind, [3])
    done = hal("run", model, "-d", "reference:cpu", "-i", "x=x.npy", "-o", "out")
    assert done.code == 0, done
    assert_array_equal(np.load(folder / "out" / "y.npy"), np.load(folder / "x.npy"))


def test_an_output_name_never_leaves_the_folder(hal: Hal, folder: Path, save: Save) -> None:
    names = ["../up", "a/b:0", "A/B:0", ".."]
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in names]
    outputs = [value(name, TensorProto.FLOAT, [1]) for name in names]
    model = save("names.onnx", nodes, [value("x", TensorProto.FLOAT, [1])], outputs)
    done = hal("run", model, "-d", "onnxruntime:cpu", "-o", "out/deep")
    assert done.code == 0, done
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*.npy")}
    assert len({name.lower() for name in written}) == len(names)
    assert all(name.startswith("out/deep/") for name in written)


def test_two_runtimes_that_agree_are_code_0(hal: Hal, conv: Path) -> None:
    done = hal("run", conv, "-d", "onnxruntime:cpu", "--compare", "openvino:cpu", "--json")
    assert done.code == 0, done
    compared = done.json["compare"]
    assert (compared["target"], compared["agree"]) == ("openvino:cpu", True)
    [scores] = compared["outputs"]
    assert scores["max_abs"] < 1e-5
    assert scores["cosine"] > 0.999999
    assert scores["top1"] == 1.0
    assert scores["ulp"] < 100


def test_a_target_that_disagrees_is_code_1_and_says_where(
    hal_with_toys: Hal, folder: Path, save: Save
) -> None:
    node = helper.make_node("Neg", ["x"], ["y"])
    x, y = (value(name, TensorProto.FLOAT, [4]) for name in "xy")
    model = save("neg.onnx", [node], [x], [y])
    done = hal_with_toys("run", model, "-d", "toy:0", "--compare", "reference:cpu")
    assert done.code == 1, done
    assert "4 of 4 elements differ" in done.out
    assert "toy:0 against reference:cpu: 1 of 1 outputs differ" in done.out


def test_a_tolerance_can_be_given(hal_with_toys: Hal, save: Save) -> None:
    node = helper.make_node("Neg", ["x"], ["y"])
    x, y = (value(name, TensorProto.FLOAT, [4]) for name in "xy")
    model = save("neg.onnx", [node], [x], [y])
    words = ("run", model, "-d", "toy:0", "--compare", "reference:cpu", "--rtol", "0")
    assert hal_with_toys(*words, "--atol", "100").code == 0


def test_both_targets_get_the_same_inputs(hal: Hal, save: Save) -> None:
    model = identity(save, TensorProto.INT64, [100])
    done = hal("run", model, "-d", "onnxruntime:cpu", "--compare", "reference:cpu", "--json")
    assert done.code == 0, done
    assert done.json["outputs"][0]["max"] == 1.0


def test_where_the_nodes_ran_is_told(hal: Hal, conv: Path) -> None:
    done = hal("run", conv, "-d", "onnxruntime:cpu", "--json")
    assert sum(done.json["placement"].values()) == 4


def test_the_values_are_those_of_the_model(hal: Hal, folder: Path, conv: Path) -> None:
    image = np.ones((2, 3, 8, 8), np.float32)
    np.save(folder / "i.npy", image)
    for number, target in enumerate(("onnxruntime:cpu", "reference:cpu")):
        hal("run", conv, "-d", target, "-i", "image=i.npy", "-o", f"out{number}")
    first, second = (np.load(folder / f"out{n}" / "scores.npy") for n in range(2))
    assert_allclose(first, second, rtol=1e-5)
    assert_array_equal(first[0], first[1])


def test_an_npz_is_refused_by_name(hal: Hal, folder: Path, double: Path) -> None:
    np.savez(folder / "x.npz", x=np.zeros((1, 3), np.float32))
    done = hal("run", double, "-d", "reference:cpu", "-i", "x=x.npz")
    assert done.code == 2
    assert ".npz" in done.err


def test_pickled_objects_are_never_loaded(hal: Hal, folder: Path, double: Path) -> None:
    np.save(folder / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    done = hal("run", double, "-d", "reference:cpu", "-i", "x=x.npy")
    assert done.code == 2
    assert "cannot read input 'x'" in done.err
    assert "not an array" in done.err
    assert "unsafely" not in done.err


def test_a_folder_that_cannot_be_written_is_wrong_input(hal: Hal, double: Path) -> None:
    done = hal("run", double, "-d", "reference:cpu", "-o", double)
    assert done.code == 2
    assert "cannot write the outputs" in done.err


def test_an_unknown_rank_asks_for_a_shape(hal: Hal, save: Save) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy")
    model = save("rank.onnx", [helper.make_node("Neg", ["x"], ["y"])], [x], [y])
    refused = hal("run", model, "-d", "onnxruntime:cpu")
    assert refused.code == 2
    assert "-i x=random:2x3" in refused.err
    assert hal("run", model, "-d", "onnxruntime:cpu", "-i", "x=random:2x3").code == 0


def test_a_sequence_is_fed_and_shown_element_by_element(hal: Hal, save: Save) -> None:
    x = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["N"])
    y = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, ["N"])
    model = save("sequence.onnx", [helper.make_node("Identity", ["x"], ["y"])], [x], [y])
    words = ("run", model, "-d", "reference:cpu", "--compare", "onnxruntime:cpu", "--json")
    done = hal(*words)
    assert done.code == 0, done
    assert [one["name"] for one in done.json["outputs"]] == ["y[0]", "y[1]"]


@pytest.mark.parametrize("target", ["onnxruntime:cpu", "openvino:cpu", "reference:cpu"])
def test_lengths_written_as_paddle_does_are_open(hal: Hal, save: Save, target: str) -> None:
    model = identity(save, TensorProto.FLOAT, [-1, 3, "?", "?"])
    done = hal("run", model, "-d", target, "-i", "x=random:2x3x4x5", "--json")
    assert done.code == 0, done
    assert done.json["outputs"][0]["shape"] == [2, 3, 4, 5]


def test_a_failure_names_the_lengths_that_were_made_up(hal: Hal, save: Save) -> None:
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"])]
    shape = helper.make_tensor("s", TensorProto.INT64, [1], [6])
    x, y = value("x", TensorProto.FLOAT, ["N"]), value("y", TensorProto.FLOAT, [6])
    model = save("reshape.onnx", nodes, [x], [y], [shape])
    done = hal("run", model, "-d", "onnxruntime:cpu")
    assert done.code == 4, done
    assert "taken as 1 (x is 1); --dim" in done.err
    assert hal("run", model, "-d", "onnxruntime:cpu", "--dim", "N=6").code == 0
