"""Outputs that are no tensors: maps of a classifier, a sequence that a Loop fills."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hal_conformance.models import devices
from hal_conformance.numerics.arithmetic import ARITHMETICS, Array
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hal_conformance.numerics.typical import typical
from hal_conformance.numerics.verdict import judge
from hal_conformance.records import Outcome
from onnx import helper, numpy_helper

import hal
from hal.tensor import Tensor, Value

FP32 = ARITHMETICS["fp32"]
X: Array = np.random.Generator(np.random.PCG64(3)).standard_normal((3, 4)).astype(np.float32)


def classifier() -> onnx.ModelProto:
    """A linear classifier whose probabilities come as a map for each row."""
    maps = onnx.TypeProto()
    of = maps.sequence_type.elem_type.map_type
    of.key_type = onnx.TensorProto.INT64
    of.value_type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["x"],
            ["label", "p"],
            domain="ai.onnx.ml",
            coefficients=[float(k % 5) - 2 for k in range(12)],
            intercepts=[0.1, 0.2, 0.3],
            classlabels_ints=[0, 1, 2],
            post_transform="SOFTMAX",
        ),
        helper.make_node(
            "ZipMap", ["p"], ["z"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]
        ),
    ]
    outputs = [
        helper.make_tensor_value_info("label", 7, (3,)),
        onnx.ValueInfoProto(name="z", type=maps),
    ]
    return made(nodes, outputs)


def filled() -> onnx.ModelProto:
    """The exponentials of each row, inserted into a sequence turn by turn."""
    turn = helper.make_graph(
        [
            helper.make_node("Gather", ["x", "i"], ["row"], axis=0),
            helper.make_node("Exp", ["row"], ["power"]),
            helper.make_node("SequenceInsert", ["before", "power"], ["after"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("i", 7, ()),
            helper.make_tensor_value_info("go", 9, ()),
            helper.make_tensor_sequence_value_info("before", 1, None),
        ],
        [
            helper.make_tensor_value_info("on", 9, ()),
            helper.make_tensor_sequence_value_info("after", 1, None),
        ],
    )
    nodes = [
        helper.make_node("SequenceEmpty", [], ["empty"], dtype=1),
        helper.make_node("Loop", ["turns", "", "empty"], ["z"], body=turn),
    ]
    return made(nodes, [helper.make_tensor_sequence_value_info("z", 1, None)])


def made(nodes: list[onnx.NodeProto], outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", 1, X.shape)],
        outputs,
        [numpy_helper.from_array(np.array(3, np.int64), "turns")],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


MODELS = {"classifier": classifier, "filled": filled}


def outcomes(proto: onnx.ModelProto, got: list[Value]) -> set[Outcome]:
    names = [output.name for output in proto.graph.output]
    feeds: dict[str, Quantity] = {"x": Pair.exact(X)}
    return {one.outcome for one in judge(names, got, typical(proto, feeds, FP32), FP32)}


@pytest.mark.parametrize("name", MODELS)
def test_a_right_answer_passes(name: str) -> None:
    proto = MODELS[name]()
    assert outcomes(proto, devices.run(proto, {"x": Pair.exact(X)})) == {Outcome.PASS}


@pytest.mark.parametrize("name", MODELS)
def test_a_real_runtime_passes(name: str) -> None:
    pytest.importorskip("onnxruntime")
    proto = MODELS[name]()
    with hal.load(proto.SerializeToString(), device="onnxruntime:cpu") as exe:
        assert outcomes(proto, exe.run_values({"x": Tensor.of(X)})) == {Outcome.PASS}


@pytest.mark.parametrize("name", MODELS)
def test_what_bfloat16_stores_is_found(name: str) -> None:
    proto = MODELS[name]()
    got = devices.run(proto, {"x": Pair.exact(X)}, ARITHMETICS["bf16"])
    assert Outcome.FAIL in outcomes(proto, got)


def test_every_value_of_a_map_has_a_bound() -> None:
    (_, maps) = typical(classifier(), {"x": Pair.exact(X)}, FP32)
    assert isinstance(maps, list)
    for one in maps:
        assert isinstance(one, Table)
        assert one.keys.is_exact
        assert (one.values.errors() > 0).all()
