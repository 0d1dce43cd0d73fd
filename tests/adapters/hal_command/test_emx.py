"""The example: ONNX to C for microcontrollers, described in YAML alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper

import hal
from hal import targets
from hal.errors import Unsupported

FILE = Path(__file__).parents[3] / "examples" / "emx" / "devices.yaml"
needs_emx = pytest.mark.skipif(
    not (shutil.which("emx-onnx-cgen") and shutil.which("gcc")),
    reason="emx-onnx-cgen and gcc are not on the PATH",
)


def model_of(op: str, domain: str = "") -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in "xy")
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"], domain=domain)], "g", [x], [y]
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("acme", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def test_the_example_is_a_target() -> None:
    target = targets.resolve("emx", [FILE])
    assert (target.adapter, target.device) == ("command", "emx-onnx-cgen@1.4.0")
    with hal.open(target) as device:
        assert (device.info.name, device.info.sdk) == ("emx-onnx-cgen", "1.4.0")


@needs_emx
def test_c_computes_what_the_model_says_for_every_shape() -> None:
    with hal.load(model_of("Neg"), device=targets.resolve("emx", [FILE])) as exe:
        for rows in (1, 2):
            x = np.linspace(-1, 3e38, 3 * rows, dtype=np.float32).reshape(rows, 3)
            assert_array_equal(exe({"x": x})["y"], -x)


@needs_emx
def test_an_operator_that_nobody_knows_is_a_clean_no() -> None:
    with (
        hal.load(model_of("Frobnicate", "acme"), device=targets.resolve("emx", [FILE])) as exe,
        pytest.raises(Unsupported, match=r"Unsupported op acme\.Frobnicate"),
    ):
        exe({"x": np.ones((1, 3), np.float32)})
