"""tract itself, behind the device interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, parser

import hal
from hal.device import Device
from hal.errors import ExecutionError, InputError, Unsupported

pytest.importorskip("tract")

HEAD = '<ir_version: 8, opset_import: ["":17]>\n'
X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def device() -> Iterator[Device]:
    with hal.open("tract:cpu") as opened:
        yield opened


def model(text: str) -> ModelProto:
    return parser.parse_model(HEAD + text)


def test_one_program_takes_several_lengths_of_a_symbolic_dimension(device: Device) -> None:
    with device.compile(model("g (float[N,3] x) => (float[N,3] y) { y = Add(x, x) }")) as exe:
        for rows in (1, 2):
            np.testing.assert_array_equal(exe({"x": X[:rows]})["y"], X[:rows] * 2)


def test_a_shape_that_comes_with_each_run_is_compiled_in(device: Device) -> None:
    text = "g (float[2,3] x, int64[2] s) => (float[a,b] y) { y = Reshape(x, s) }"
    with device.compile(model(text)) as exe:
        for shape in ((3, 2), (6, 1)):
            y = exe({"x": X, "s": np.array(shape)})["y"]
            np.testing.assert_array_equal(y, X.reshape(shape))


def test_a_shape_that_does_not_fit_fails_the_run_alone(device: Device) -> None:
    text = "g (float[2,3] x, int64[2] s) => (float[a,b] y) { y = Reshape(x, s) }"
    with device.compile(model(text)) as exe:
        with pytest.raises(ExecutionError):
            exe({"x": X, "s": np.array([4, 4])})
        assert exe({"x": X, "s": np.array([3, 2])})["y"].shape == (3, 2)


def test_a_scale_that_comes_with_each_run_is_compiled_in(device: Device) -> None:
    text = (
        "g (float[2,3] x, float s, uint8 z) => (uint8[2,3] y) { y = QuantizeLinear(x, s, z) }"
    )
    with device.compile(model(text)) as exe:
        for scale in (1, 0.5):
            feeds = {"x": X, "s": np.array(scale, np.float32), "z": np.array(1, np.uint8)}
            np.testing.assert_array_equal(exe(feeds)["y"], X / scale + 1)


def test_a_shape_is_an_int64_result(device: Device) -> None:
    with device.compile(model("g (float[N,3] x) => (int64[2] y) { y = Shape(x) }")) as exe:
        y = exe({"x": X})["y"]
    assert (y.dtype, y.tolist()) == (np.int64, [2, 3])


def test_an_unknown_operator_is_refused_when_compiling_and_predicted(device: Device) -> None:
    unknown = model("g (float[N,3] x) => (float y) { z = Relu(x) y = Det(z) }")
    with pytest.raises(Unsupported) as caught:
        device.compile(unknown)
    assert caught.value.op == "Det"
    told = {node.op: node.supported for node in device.query(unknown).nodes}
    assert told == {"Relu": True, "Det": False}


def test_weights_beside_a_model_are_read(device: Device, tmp_path: Path) -> None:
    proto = model("g (float[2,3] x) => (float[2,3] y) { y = Mul(x, w) }")
    weights = np.array([1, 2, 3], np.float32)
    (tmp_path / "w.bin").write_bytes(weights.tobytes())
    tensor = proto.graph.initializer.add(name="w", dims=[3], data_type=TensorProto.FLOAT)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.bin")
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    data = hal.Model((tmp_path / "m.onnx").read_bytes(), folder=tmp_path)
    for given in (tmp_path / "m.onnx", data):
        with device.compile(given) as exe:
            np.testing.assert_array_equal(exe({"x": X})["y"], X * weights)


def test_a_saved_program_takes_several_shapes_too(device: Device) -> None:
    with device.compile(model("g (float[N,3] x) => (float[N,3] y) { y = Exp(x) }")) as exe:
        saved = exe.save()
    with device.load(saved) as loaded:
        for rows in (1, 2):
            np.testing.assert_allclose(loaded({"x": X[:rows]})["y"], np.exp(X[:rows]), 1e-6)


def test_options_of_a_vendor_are_refused(device: Device) -> None:
    with pytest.raises(InputError, match="no vendor options"):
        device.compile(
            model("g (float[2] x) => (float[2] y) { y = Relu(x) }"), vendor={"fast": 1}
        )


def test_bounds_that_come_with_each_run_are_compiled_in(device: Device) -> None:
    text = "g (float[2,3] x, int64[2] a, int64[2] b) => (float[p,q] y) { y = Slice(x, a, b) }"
    with device.compile(model(text)) as exe:
        for end in (1, 2):
            y = exe({"x": X, "a": np.array([0, 1]), "b": np.array([end, 3])})["y"]
            np.testing.assert_array_equal(y, X[:end, 1:])
