"""Rockchip's simulator itself, where its environment has been made (`hal env create`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import hal
from hal import env, targets
from hal.errors import SDKMissing, Unsupported

TARGET = targets.resolve("rknn-rk3588")
here = pytest.mark.skipif(
    TARGET.env is None or env.found(TARGET.env) is None,
    reason="needs the environment that `hal env create rknn-rk3588` makes",
)
F = TensorProto.FLOAT


def one(op: str, *shapes: list[int | str], opset: int = 17) -> onnx.ModelProto:
    names = [f"x{index}" for index in range(len(shapes))]
    inputs = [
        helper.make_tensor_value_info(n, F, s) for n, s in zip(names, shapes, strict=True)
    ]
    node = helper.make_node(op, names, ["y"], name="only")
    graph = helper.make_graph(
        [node], "g", inputs, [helper.make_tensor_value_info("y", F, None)]
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.fixture(scope="module")
def device() -> Iterator[hal.Device]:
    with hal.open(TARGET) as opened:
        yield opened


def test_without_the_toolkit_the_line_that_brings_it_is_told() -> None:
    with pytest.raises(SDKMissing, match="hal env create rknn-rk3588"):
        hal.open("rknn:rk3588")


@here
def test_it_is_labelled_what_it_is(device: hal.Device) -> None:
    assert device.info.kind == "simulator"
    assert "float16 imitation, kernels by onnxruntime" in device.info.name


@here
def test_float32_is_computed_in_float16(device: hal.Device) -> None:
    x = np.linspace(-3, 3, 4096, dtype=np.float32).reshape(64, 64)
    exe = device.compile(one("MatMul", [64, 64], [64, 64]))
    off = np.abs(exe({"x0": x, "x1": x})["y"] - x @ x).max()
    assert 1e-4 < off < 0.2
    assert [node.where for node in exe.placement().nodes] == ["device"]
    assert exe.placement().evidence == "logged"


@here
def test_a_node_that_the_log_puts_on_the_cpu_is_refused(device: hal.Device) -> None:
    model = one("Det", [1, 3, 3])
    with pytest.raises(Unsupported, match=r"Det \(only\)"):
        device.compile(model)
    placed = device.compile(model, allow_fallback=True).placement()
    assert [(node.node, node.where) for node in placed.nodes] == [("only", "host")]


@here
def test_open_dimensions_are_refused_until_they_are_bound(device: hal.Device) -> None:
    model = one("Relu", ["N", 4])
    with pytest.raises(Unsupported, match="static shapes"):
        device.compile(model)
    exe = device.compile(model, dimensions={"N": 3})
    assert exe({"x0": np.ones((3, 4), np.float32)})["y"].shape == (3, 4)
