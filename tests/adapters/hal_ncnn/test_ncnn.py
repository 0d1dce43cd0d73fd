"""ncnn: what pnnx says, and the networks themselves where the environment has been made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hal_ncnn import convert
from onnx import parser

import hal
from hal.errors import (
    ArtifactError,
    CompileError,
    DeviceLost,
    DeviceNotFound,
    SDKMissing,
    Unsupported,
)
from hal.model import Model
from hal.spec import TensorSpec
from hal.targets import Target

TARGET = "ncnn"
HEAD = '<ir_version: 8, opset_import: ["": 17, "somebody": 1]>\n'
SCRIPT = """\
            ex.input("in0", ncnn.Mat(in0.numpy(), batch_index=0).clone())
            ex.input("in1", ncnn.Mat(in1.numpy(), batch_index=233).clone())
            _, out0 = ex.extract("out0")
            out.append(torch.from_numpy(out0.numpy(batch_index=1)))
"""
LAYERS = "7767517\n2 2\nInput in0 0 1 in0\nConvolution conv_0 1 1 in0 out0 0=4 1=3\n"


def model(text: str) -> onnx.ModelProto:
    return parser.parse_model(HEAD + text)


def relu() -> Model:
    text = "g (float[1,3] x) => (float[1,3] y) { y = Relu(x) }"
    return Model(model(text).SerializeToString())


@pytest.fixture
def pnnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A converter that does what a test writes down."""
    script = tmp_path / "pnnx"
    monkeypatch.setattr(convert, "pnnx", lambda: script)
    return script


def does(script: Path, *lines: str) -> None:
    script.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    script.chmod(0o755)


def test_the_batch_axis_of_each_blob_is_read_from_the_script_pnnx_writes(pnnx: Path) -> None:
    does(
        pnnx,
        f"cat > model_ncnn.py <<'END'\n{SCRIPT}END",
        f"printf '{LAYERS}' > model.ncnn.param",
        "printf weights > model.ncnn.bin",
    )
    made = convert.convert(relu(), half=False)
    assert dict(made.axes) == {"in0": 0, "in1": convert.NO_BATCH, "out0": 1}
    assert made.kinds() == ["Input", "Convolution"]
    assert made.weights == b"weights"


def test_what_pnnx_has_no_conversion_for_is_refused_by_its_name(pnnx: Path) -> None:
    does(pnnx, "echo 'todo NonZero'")
    with pytest.raises(Unsupported, match="no conversion for NonZero") as caught:
        convert.convert(relu(), half=False)
    assert caught.value.op == "NonZero"


def test_a_crash_of_pnnx_is_no_refusal_and_tells_its_last_complaint(pnnx: Path) -> None:
    complaint = "ort CreateSession failed my:Foo(-1) is not a registered function/op"
    does(pnnx, f"echo '{complaint}'", "kill -SEGV $$")
    with pytest.raises(DeviceLost, match=r"ended by SIGSEGV: ort .*my:Foo") as caught:
        convert.convert(relu(), half=False)
    assert caught.value.signal == 11


def test_an_end_without_a_network_is_a_failure(pnnx: Path) -> None:
    does(pnnx, "echo 'ort Run failed somewhere'", "exit 3")
    with pytest.raises(CompileError, match="status 3 and wrote no network: ort Run failed"):
        convert.convert(relu(), half=False)


def test_a_network_survives_being_saved() -> None:
    x = TensorSpec("x", "float32", (2, 3))
    made = convert.Converted((x,), (x,), LAYERS, b"\x00\n", {"in0": 0})
    assert convert.Converted.unpack(made.pack()) == made
    with pytest.raises(ArtifactError):
        convert.Converted.unpack(b"something else")


def test_without_ncnn_the_line_that_brings_it_is_told() -> None:
    with pytest.raises(SDKMissing, match="hal env create ncnn"):
        hal.open("ncnn:cpu")


def test_a_batch_is_computed_whole(device: hal.Device) -> None:
    x = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)
    text = "g (float[N,3,4,4] x) => (float[N,3,1,1] y) { y = GlobalAveragePool(x) }"
    y = device.compile(model(text))({"x": x})["y"]
    np.testing.assert_allclose(y, x.mean(axis=(2, 3), keepdims=True), rtol=1e-6)


def test_pnnx_dies_of_a_custom_operator_and_the_device_lives_on(device: hal.Device) -> None:
    with pytest.raises(DeviceLost, match="pnnx was ended by SIGSEGV"):
        device.compile(model("g (float[2,3] x) => (float[2,3] y) { y = somebody.Foo(x) }"))
    x = np.array([[-1, 2, -3]], np.float32)
    assert device.compile(relu())({"x": x})["y"].tolist() == [[0, 2, 0]]


def test_a_saved_network_computes_the_same(device: hal.Device) -> None:
    text = "g (float[4,4] x) => (float[4,4] y) { y = MatMul(x, x) }"
    exe = device.compile(model(text))
    feeds = {"x": np.linspace(-3, 3, 16, dtype=np.float32).reshape(4, 4)}
    again = device.load(exe.save())(feeds)["y"]
    np.testing.assert_array_equal(again, exe(feeds)["y"])


def test_a_vulkan_device_that_is_not_there_names_the_packages(target: Target) -> None:
    with pytest.raises(DeviceNotFound, match="apt install libvulkan1 mesa-vulkan-drivers"):
        hal.open(Target("far", "ncnn", "vulkan.99", env=target.env))
