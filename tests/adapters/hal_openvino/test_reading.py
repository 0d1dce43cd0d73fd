"""Models by path, as bytes, and with weights in files beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from hal.adapter import Program
from hal.errors import InputError
from hal.model import Model

Compile = Callable[..., Program]
Run = Callable[..., list[Any]]

WEIGHTS = np.arange(1024, dtype=np.float32)
X = np.ones(1024, np.float32)


def write(folder: Path, location: str) -> onnx.ModelProto:
    """y = x + w, with w in the file `location` beside the model."""
    (folder / location).parent.mkdir(parents=True, exist_ok=True)
    (folder / location).write_bytes(WEIGHTS.tobytes())
    held = numpy_helper.from_array(WEIGHTS, "w")
    set_external_data(held, location)
    held.ClearField("raw_data")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1024,))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1024,))],
        [held],
    )
    opsets = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return model


@pytest.mark.parametrize("location", ["weights.bin", "deep/weights.bin"])
def test_a_path_is_read_with_the_weights_beside_it(
    location: str, tmp_path: Path, compiled: Compile, run: Run
) -> None:
    write(tmp_path, location)
    program = compiled(Model(tmp_path / "model.onnx"))
    assert_array_equal(run(program, x=X)[0], WEIGHTS + 1)


@pytest.mark.parametrize("location", ["weights.bin", "deep/weights.bin"])
def test_bytes_are_read_with_the_weights_in_their_folder(
    location: str, tmp_path: Path, compiled: Compile, run: Run
) -> None:
    model = write(tmp_path, location)
    program = compiled(Model(model.SerializeToString(), folder=tmp_path))
    assert_array_equal(run(program, x=X)[0], WEIGHTS + 1)


def test_a_path_without_the_usual_suffix_is_read_too(
    tmp_path: Path, compiled: Compile, run: Run
) -> None:
    write(tmp_path, "weights.bin")
    (tmp_path / "model.onnx").rename(tmp_path / "model")
    program = compiled(Model(tmp_path / "model"))
    assert_array_equal(run(program, x=X)[0], WEIGHTS + 1)


def test_a_file_is_read_as_well_as_its_bytes(tmp_path: Path, compiled: Compile) -> None:
    """OpenVINO's importer for files knows no Bernoulli, its importer for bytes does."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (4,)) for name in "xy")
    node = helper.make_node("Bernoulli", ["x"], ["y"], seed=1.0)
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 22)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    program = compiled(Model(tmp_path / "model.onnx"))
    assert program.outputs == compiled(Model(model.SerializeToString())).outputs


def test_weights_outside_the_folder_are_not_read(tmp_path: Path, compiled: Compile) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    write(inside, "../outside.bin")
    with pytest.raises(InputError, match="leaves the model's folder"):
        compiled(Model(inside / "model.onnx"))
