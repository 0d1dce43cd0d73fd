"""Where nodes ran, read from programs as TPU-MLIR 1.30.2 writes them, and its errors."""

from __future__ import annotations

import numpy as np
import pytest
from hal_tpumlir import errors, placement

import hal
from hal import env, targets
from hal.errors import CompileError, SDKMissing, Unsupported
from hal.spec import NodeFacts

PROGRAM = """\
#loc = loc(unknown)
#loc1 = loc("x")
module @two attributes {module.chip = "bm1688"} {
    func.func @main(%arg0: tensor<2x6xf32> loc(unknown)) -> tensor<2x3xf32> {
      %0 = "top.Input"(%arg0) {do_preprocess = true} : (tensor<2x6xf32>) -> tensor<2x6xf32> loc(#loc1)
    } loc(#loc)
    func.func @subfunc_0(%arg0: tensor<2x6xf32> loc("x")) -> tensor<2x3xf32> attributes {id = 0 : i64, mode = #tpu<run_mode TPU_STATIC>} {
      %1:2 = "tpu.Group"(%arg0) ({
        %3 = "tpu.Slice"(%2, %0) {axes = []} : (tensor<2x6xf32>, none) -> tensor<2x3xf32> loc(#loc2)
        %4 = "tpu.Store"(%3, %0) {} : (tensor<2x3xf32>, none) -> tensor<2x3xf32> loc(#loc2)
        %5 = "tpu.Slice"(%2, %0) {axes = []} : (tensor<2x6xf32>, none) -> tensor<2x3xf32> loc(#loc3)
      }) {group_type = 0 : i64} : (tensor<2x6xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) loc(#loc5)
    } loc(#loc)
    func.func @subfunc_1(%arg0: tensor<2x3xf32> loc("x")) -> tensor<2x3xf32> attributes {id = 1 : i64, mode = #tpu<run_mode CPU>} {
      %1 = "tpu.GenericCpu"(%arg0) {cpu_op_name = "topk"} : (tensor<2x3xf32>) -> tensor<2x3xf32> loc(#loc4)
    } loc(#loc)
} loc(#loc)
#loc2 = loc("z_Split")
#loc3 = loc("y_Split")
#loc4 = loc("top_TopK")
#loc5 = loc(fused[#loc2, #loc3])
"""  # noqa: E501  as written


def test_operations_bear_the_names_of_the_values_they_give() -> None:
    split, topk = NodeFacts("#0", "Split", "", 13), NodeFacts("#1", "TopK", "", 11)
    lost = NodeFacts("#2", "Relu", "", 14)
    values = {"y": split, "z": split, "top": topk, "r": lost}
    placed = placement.placement(values, PROGRAM)
    assert [(node.node, node.where) for node in placed.nodes] == [
        ("#0", "device"),
        ("#1", "host"),
        ("#2", "unknown"),
    ]
    assert placed.evidence == "logged"


def test_values_are_known_whatever_operator_gives_them_by_now() -> None:
    assert placement.value_of("my_value_Gemm") == "my_value"
    assert placement.value_of("y_Gemm_f32") == "y"
    add = NodeFacts("#0", "Add", "", 14)
    text = PROGRAM.replace("z_Split", "z_Concat")
    (placed,) = placement.placement({"z": add}, text).nodes
    assert (placed.op, placed.where, placed.by) == ("Add", "device", "TPU_STATIC:Slice")


def test_a_refusal_names_the_operator() -> None:
    error = errors.of_text(
        "Traceback\n  File \"OnnxConverter.py\"\nRuntimeError: Op not support:{'Det'}\n",
    )
    assert isinstance(error, Unsupported)
    assert error.op == "Det"


def test_a_tool_that_died_is_no_refusal() -> None:
    printed = (
        "*** stack smashing detected ***: terminated\nRuntimeError: [!Error]: tpuc-opt x\n"
    )
    error = errors.of_text(printed)
    assert isinstance(error, CompileError)
    assert "stack smashing detected" in error.message


def test_without_the_tools_the_line_that_brings_them_is_told() -> None:
    with pytest.raises(SDKMissing, match="hal env create sophgo-bm1684x"):
        hal.open("tpumlir:bm1684x")


TARGET = targets.resolve("sophgo-bm1684x")


@pytest.mark.slow
@pytest.mark.skipif(
    TARGET.env is None or env.found(TARGET.env) is None,
    reason="needs the environment that `hal env create sophgo-bm1684x` makes",
)
def test_a_chips_model_computes_in_the_arithmetic_it_is_asked_for() -> None:
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [16, 16]) for n in "xy"]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "x"], ["y"])], "g", ports[:1], ports[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = np.linspace(-3, 3, 256, dtype=np.float32).reshape(16, 16)
    off: dict[str, float] = {}
    with hal.open(TARGET) as device:
        for arithmetic in ("fp16", "fp32"):
            exe = device.compile(model, arithmetic=arithmetic)
            off[arithmetic] = float(np.abs(exe({"x": x})["y"] - x @ x).max())
            assert exe.placement().counts()["device"] == 1
    assert off["fp32"] < 1e-4 < off["fp16"] < 0.2
