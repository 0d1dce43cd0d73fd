"""TensorRT-RTX itself, which needs no GPU to parse and to build."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

import hal
from hal.device import Device
from hal.errors import DeviceNotFound, HALError, InputError, Unsupported
from hal.model import Model

trt = pytest.importorskip("tensorrt_rtx")
pytest.importorskip("cuda.bindings")

Made = Callable[..., Model]
RELU = helper.make_node("Relu", ["x"], ["y"], name="the_relu")


@pytest.fixture
def device() -> Iterator[Device]:
    with hal.open("tensorrt-rtx:sm80") as opened:
        yield opened


def here() -> bool:
    """Whether this machine has a GPU, on which engines run."""
    with hal.open("tensorrt-rtx:sm80") as opened:
        return "not here" not in opened.info.properties["runs"]


def test_an_engine_is_built_ahead_and_says_it_runs_elsewhere(
    device: Device, model: Made
) -> None:
    feeds = {"x": np.ones((2, 3), np.float32)}
    with device.compile(model(RELU)) as exe:
        assert exe.placement().counts()["device"] == 1
        if not here():
            with pytest.raises(DeviceNotFound, match=r"compiled for sm80.*nvidia-driver"):
                exe(feeds)


def test_every_capability_the_api_names_is_a_device_and_no_other(device: Device) -> None:
    seen = {info.id for info in device.adapter.probe() if not info.id.startswith("gpu")}
    named = {name.lower() for name in trt.ComputeCapability.__members__ if name[:2] == "SM"}
    assert seen == {*named, "portable"}
    with pytest.raises(DeviceNotFound, match="sm80"):
        hal.open("tensorrt-rtx:sm13")


def test_an_opset_that_is_not_there_yet_is_refused(device: Device, model: Made) -> None:
    proto = model(RELU).proto()
    proto.opset_import[0].version = 999
    with pytest.raises(Unsupported, match="opset 999"):
        device.compile(proto)


@pytest.mark.parametrize("target", ["sm75", "portable"])
def test_other_targets_are_built_for(target: str, model: Made) -> None:
    with hal.open(f"tensorrt-rtx:{target}") as opened, opened.compile(model(RELU)) as exe:
        assert len(exe.save()) > 1000


def test_a_saved_engine_has_signature_and_placement(device: Device, model: Made) -> None:
    with device.compile(model(RELU, shape=("n", 3))) as exe:
        saved, kept = exe.save(), (exe.inputs, exe.outputs, exe.placement())
    with device.load(saved) as again:
        assert (again.inputs, again.outputs, again.placement()) == kept


def test_open_dimensions_keep_their_names(device: Device, model: Made) -> None:
    with device.compile(model(RELU, shape=("n", 3))) as exe:
        assert exe.inputs[0].shape == ("n", 3)


def test_a_dimension_may_be_bound_or_given_a_range(device: Device, model: Made) -> None:
    wide = model(RELU, shape=("n", 3))
    with device.compile(wide, dimensions={"n": 4}) as exe:
        assert exe.inputs[0].shape == (4, 3)
    with device.compile(wide, vendor={"profiles": {"n": [1, 8, 2000]}}) as exe:
        assert exe.inputs[0].shape == ("n", 3)
    for wrong, words in (
        ([8, 1, 2000], "MIN<=OPT<=MAX"),
        ([1, 8], "least, likeliest, largest"),
    ):
        with pytest.raises(InputError, match=words):
            device.compile(wide, vendor={"profiles": {"n": wrong}})


def test_the_prediction_names_the_node_that_is_not_taken(device: Device, model: Made) -> None:
    mixed = model(
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Foo", ["a"], ["y"], domain="com.acme", name="mine"),
        domains=("com.acme",),
    )
    support = device.query(mixed)
    assert [node.supported for node in support.nodes] == [True, False]
    assert re.search(r"Foo mine: .*Plugin not found", support.nodes[1].reason)
    with pytest.raises(Unsupported) as refused:
        device.compile(mixed)
    assert (refused.value.op, refused.value.node) == ("Foo", "mine")


def test_a_no_to_no_node_in_particular_is_one_to_all(device: Device, model: Made) -> None:
    old = helper.make_node("Add", ["x", "x"], ["y"])
    proto = model(helper.make_node("Relu", ["x"], ["a"]), old).proto()
    proto.opset_import[0].version = 6
    support = device.query(proto)
    assert [node.supported for node in support.nodes] == [False, False]
    assert all("broadcasting" in node.reason for node in support.nodes)


def test_nodes_inside_a_node_have_its_answer(device: Device, model: Made) -> None:
    def body(op: str) -> Any:
        out = helper.make_tensor_value_info("z", 1, None)
        return helper.make_graph([helper.make_node(op, ["x"], ["z"])], op, [], [out])

    flag = helper.make_node(
        "Constant", [], ["c"], value=numpy_helper.from_array(np.array(True))
    )
    choose = helper.make_node(
        "If", ["c"], ["y"], then_branch=body("Relu"), else_branch=body("Neg"), name="choose"
    )
    support = device.query(model(flag, choose))
    answers = {node.node: node.supported for node in support.nodes}
    assert len(answers) == 4
    inside = {v for name, v in answers.items() if name.startswith("choose/")}
    assert inside == {answers["choose"]}


def test_float64_is_refused_where_the_parser_would_take_float32(
    device: Device, model: Made
) -> None:
    with pytest.raises(Unsupported, match=r"float64\[2, 3\] as float32") as refused:
        device.compile(model(RELU, dtype="DOUBLE"))
    assert refused.value.dtype == "float64"


def test_float8_is_refused_by_the_builder_for_a_gpu_without_it(
    device: Device, model: Made
) -> None:
    small = model(helper.make_node("Identity", ["x"], ["y"]), dtype="FLOAT8E4M3FN")
    with pytest.raises(Unsupported, match=r"sm80.*fp8"):
        device.compile(small)


@pytest.mark.parametrize("dtype", ["FLOAT16", "BFLOAT16"])
def test_a_model_of_small_floats_stays_one(device: Device, model: Made, dtype: str) -> None:
    with device.compile(model(RELU, dtype=dtype)) as exe:
        assert exe.inputs[0].dtype == dtype.lower()


def test_arithmetic_of_less_than_the_models_types_is_refused(
    device: Device, model: Made
) -> None:
    assert device.info.arithmetic == ("tf32", "fp32")
    with pytest.raises(HALError, match="fp16"):
        device.compile(model(RELU), arithmetic="fp16")


def test_quantised_nodes_are_built_as_they_stand(device: Device, model: Made) -> None:
    scale = helper.make_node(
        "Constant", [], ["s"], value=numpy_helper.from_array(np.array(0.1, np.float32))
    )
    zero = helper.make_node(
        "Constant", [], ["z"], value=numpy_helper.from_array(np.array(0, np.int8))
    )
    quantise = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="quantise")
    back = helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], name="back")
    with device.compile(model(scale, zero, quantise, back)) as exe:
        where = {node.node: node.where for node in exe.placement().nodes}
    assert where["quantise"] == where["back"] == "device"


def test_sizes_given_with_a_run_are_compiled_for_then(device: Device) -> None:
    x = helper.make_tensor_value_info("x", 1, [2, 3])
    to = helper.make_tensor_value_info("to", 7, [1])
    y = helper.make_tensor_value_info("y", 1, ["n"])
    node = helper.make_node("Reshape", ["x", "to"], ["y"])
    graph = helper.make_graph([node], "graph", [x, to], [y])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    with device.compile(proto) as exe, pytest.raises((DeviceNotFound, InputError)) as met:
        exe({"x": np.ones((2, 3), np.float32), "to": np.array([4])})
    assert isinstance(met.value, InputError)
    assert "changes volume" in met.value.message
