"""The null device answers with zeros of the right shapes, and says no cleanly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import hal_template
import numpy as np
import onnx
import pytest
from hal_template import errors
from hal_template.adapter import TemplateAdapter
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper

import hal
from hal.errors import HALError, InputError, Unsupported

F = TensorProto.FLOAT
Port = tuple[str, int, Sequence[int | str | None]]


def build(
    node: onnx.NodeProto, inputs: list[Port], outputs: list[Port], opset: int = 21
) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(*port) for port in inputs],
        [helper.make_tensor_value_info(*port) for port in outputs],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def relu(shape: Sequence[int | str | None] = ("N", 3)) -> onnx.ModelProto:
    node = helper.make_node("Relu", ["x"], ["y"])
    return build(node, [("x", F, shape)], [("y", F, shape)])


def test_it_is_labelled_a_null_device() -> None:
    (info,) = TemplateAdapter().probe()
    assert info.kind == "null"


def test_importing_it_loads_no_vendor() -> None:
    code = (
        "import sys, hal_template.adapter as a; a.TemplateAdapter().probe();"
        "print('onnx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_results_are_zeros_of_the_shape_the_feeds_imply(rows: int) -> None:
    with hal.load(relu(), device="template:null") as exe:
        result = exe({"x": np.ones((rows, 3), np.float32)})["y"]
    assert_array_equal(result, np.zeros((rows, 3), np.float32))
    assert result.dtype == np.float32


def test_bound_dimensions_are_part_of_the_signature() -> None:
    with hal.load(relu(), device="template:null", dimensions={"N": 2}) as exe:
        assert [spec.shape for spec in (*exe.inputs, *exe.outputs)] == [(2, 3), (2, 3)]
        assert exe({"x": np.ones((2, 3), np.float32)})["y"].shape == (2, 3)


def test_a_shape_that_depends_on_values_is_a_clean_no() -> None:
    node = helper.make_node("NonZero", ["x"], ["y"])
    model = build(node, [("x", F, (4,))], [("y", TensorProto.INT64, (1, None))])
    with pytest.raises(Unsupported, match="y"):
        hal.load(model, device="template:null")


def test_an_unknown_operator_is_a_clean_no() -> None:
    model = build(
        helper.make_node("Frobnicate", ["x"], ["y"]), [("x", F, (4,))], [("y", F, (4,))]
    )
    with pytest.raises(Unsupported, match="Frobnicate"):
        hal.load(model, device="template:null")


def test_an_operator_of_another_domain_is_named() -> None:
    node = helper.make_node("Frobnicate", ["x"], ["y"], domain="acme.ops")
    model = build(node, [("x", F, (4,))], [("y", F, (4,))])
    model.opset_import.append(helper.make_opsetid("acme.ops", 1))
    with pytest.raises(Unsupported) as caught:
        hal.load(model, device="template:null")
    assert caught.value.op == "Frobnicate"


def test_what_is_outside_the_claim_is_refused() -> None:
    with pytest.raises(Unsupported):
        hal.load(
            build(
                helper.make_node("Relu", ["x"], ["y"]), [("x", F, (4,))], [("y", F, (4,))], 11
            ),
            "template:null",
        )
    double = TensorProto.DOUBLE
    node = helper.make_node("Relu", ["x"], ["y"])
    with pytest.raises(Unsupported):
        hal.load(build(node, [("x", double, (4,))], [("y", double, (4,))]), "template:null")


def test_an_option_it_does_not_have_is_the_callers_mistake() -> None:
    with pytest.raises(InputError, match="speed"):
        hal.load(relu(), device="template:null", vendor={"speed": 11})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (onnx.checker.ValidationError("No Op registered for Foo"), Unsupported),
        (onnx.checker.ValidationError("Nodes must be topologically sorted"), InputError),
        (onnx.shape_inference.InferenceError("Incompatible dimensions"), InputError),
    ],
)
def test_every_exception_of_the_checker_is_mapped(
    error: Exception, kind: type[HALError]
) -> None:
    assert type(errors.translate(error)) is kind


def test_other_exceptions_are_left_to_the_shell() -> None:
    assert errors.translate(ValueError("No Op registered for Foo")) is None


def test_the_code_to_copy_stays_short() -> None:
    folder = Path(hal_template.__file__).parent
    lines = [line for path in folder.glob("*.py") for line in path.read_text().splitlines()]
    assert len([line for line in lines if line.strip()]) < 150
