"""TOSA: what its tools and the model say, and the model itself where its environment is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hal_tosa import lower, program
from onnx import parser

import hal
from hal import tools
from hal.errors import CompileError, DeviceLost, ExecutionError, SDKMissing, Unsupported
from hal.targets import Target

TARGET = "tosa"
ILLEGAL = (
    "onnx.mlir:4:10: error: failed to legalize operation 'torch.aten.linalg_det' that was "
    'explicitly marked illegal\n    %0 = torch.operator "onnx.Det"(%arg0) : tensor\n'
)


def model(text: str) -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]>\ng {text}')


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
    with pytest.raises(DeviceLost, match=r"by SIGABRT: tosa-opt: .* Assertion `so`") as caught:
        lower.call(Path("tosa-opt"), (), "out", tmp_path)
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


def test_integers_come_back_as_integers(device: hal.Device) -> None:
    x = np.arange(6).reshape(2, 3)
    text = "(int64[N,3] x) => (int64[N,3] y) { y = Add(x, x) }"
    y = device.compile(model(text))({"x": x})["y"]
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, x + x)


def test_an_operator_without_a_lowering_is_a_gap(device: hal.Device) -> None:
    with pytest.raises(Unsupported, match="Det"):
        device.compile(model("(float[3,3] x) => (float y) { y = Det(x) }"))


def test_an_index_out_of_range_ends_the_worker_and_not_its_caller(target: Target) -> None:
    with hal.open(target) as device:
        exe = device.compile(
            model("(float[5,3] x, int64[2] i) => (float[2,3] y) { y = Gather(x, i) }")
        )
        with pytest.raises(DeviceLost, match="SIGABRT"):
            exe({"x": np.ones((5, 3), np.float32), "i": np.array([1, 9])})
