"""TOSA: what its tools and the model say, and the model itself where its environment is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hal_tosa import lower, program
from onnx import TensorProto, helper

import hal
from hal import env, targets, tools
from hal.errors import CompileError, DeviceLost, ExecutionError, SDKMissing, Unsupported

TARGET = targets.resolve("tosa")
here = pytest.mark.skipif(
    TARGET.env is None or env.found(TARGET.env) is None,
    reason="needs the environment that `hal env create tosa` makes",
)
F, I64 = TensorProto.FLOAT, TensorProto.INT64
ILLEGAL = (
    "onnx.mlir:4:10: error: failed to legalize operation 'torch.aten.linalg_det' that was "
    'explicitly marked illegal\n    %0 = torch.operator "onnx.Det"(%arg0) : tensor\n'
)


def one(op: str, *inputs: tuple[int, list[int | str]]) -> bytes:
    names = [f"x{index}" for index in range(len(inputs))]
    ports = [
        helper.make_tensor_value_info(n, t, s) for n, (t, s) in zip(names, inputs, strict=True)
    ]
    node = helper.make_node(op, names, ["y"])
    out = helper.make_tensor_value_info("y", inputs[0][0], None)
    graph = helper.make_graph([node], "g", ports, [out])
    opsets = [helper.make_opsetid("", 17)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return model.SerializeToString()


def test_an_operator_without_a_lowering_is_refused_by_its_name() -> None:
    error = lower.failure("torch-mlir-opt", ILLEGAL)
    assert isinstance(error, Unsupported)
    assert error.op == "Det"
    assert "torch-mlir-opt on Det: failed to legalize" in error.message


def test_any_other_failure_is_the_tools() -> None:
    assert isinstance(lower.failure("tosa-opt", "error: expected ')'"), CompileError)
    assert "nothing known" in lower.failure("tosa-opt", "nothing known").message


def test_an_operator_the_specification_lacks_is_refused_in_its_words() -> None:
    log = "could not allocate op    EQUAL input=(INT16 rank 3) -> (BOOL rank 3)Subgraph: x"
    error = program.refusal("Invalid TOSA graph", log)
    assert isinstance(error, Unsupported)
    assert (error.op, error.message) == (
        "EQUAL",
        "TOSA has no EQUAL input=(INT16 rank 3) -> (BOOL rank 3)",
    )
    assert isinstance(program.refusal("Invalid inputs.", ""), ExecutionError)


def test_a_crash_of_a_compiler_tells_its_assertion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> tools.Ended:
        said = "warning\ntosa-opt: APFloat.cpp:1: Assertion `so` failed.\n #0 0x1 main\n"
        raise DeviceLost("tosa-opt was ended by SIGABRT", signal=6, stderr=said)

    monkeypatch.setattr(tools, "run", dies)
    call = getattr(lower, "_call")  # noqa: B009  where the tools are called
    with pytest.raises(DeviceLost, match=r"by SIGABRT: tosa-opt: .* Assertion `so`") as caught:
        call("tosa-opt", ("tosa-opt",), "out", tmp_path)
    assert caught.value.signal == 6


def test_a_status_that_is_not_valid_is_reported_and_gives_no_results() -> None:
    class Status:
        TOSA_VALID = 0

    class Unpredictable:
        GraphStatus = Status

        @staticmethod
        def run(*_: object, **__: object) -> tuple[list[object], object]:
            return [], type("TOSA_UNPREDICTABLE", (), {"name": "TOSA_UNPREDICTABLE"})()

    made = object.__new__(program.TosaProgram)
    made.inputs = made.outputs = ()
    for name, value in (("_graph", b""), ("_model", Unpredictable)):
        setattr(made, name, value)
    with pytest.raises(ExecutionError, match="ends with TOSA_UNPREDICTABLE"):
        made.run({})


def test_without_the_tools_the_line_that_brings_them_is_told() -> None:
    with pytest.raises(SDKMissing, match="hal env create tosa"):
        hal.open("tosa:model")


@pytest.fixture(scope="module")
def device() -> Iterator[hal.Device]:
    with hal.open(TARGET) as opened:
        yield opened


@here
def test_integers_come_back_as_integers(device: hal.Device) -> None:
    x = np.arange(6).reshape(2, 3)
    y = device.compile(one("Add", (I64, ["N", 3]), (I64, ["N", 3])))({"x0": x, "x1": x})["y"]
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, x + x)


@here
def test_an_operator_without_a_lowering_is_a_gap(device: hal.Device) -> None:
    with pytest.raises(Unsupported, match="Det"):
        device.compile(one("Det", (F, [3, 3])))


@here
def test_an_index_out_of_range_ends_the_worker_and_not_its_caller() -> None:
    with hal.open(TARGET) as device:
        exe = device.compile(one("Gather", (F, [5, 3]), (I64, [2])))
        x = np.ones((5, 3), np.float32)
        with pytest.raises(DeviceLost, match="SIGABRT"):
            exe({"x0": x, "x1": np.array([1, 9])})
