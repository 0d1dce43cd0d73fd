"""TVM itself: what runs on the CPU, what is frozen for it, what is compiled for others."""

from __future__ import annotations

from collections.abc import Iterator

import ml_dtypes
import numpy as np
import onnx
import pytest
from hal_tvm.adapter import TvmAdapter
from onnx import parser

import hal
from hal.errors import DeviceNotFound, ExecutionError, InputError, Unsupported

pytest.importorskip("tvm", reason="needs apache-tvm")

RESHAPE = "g(float[6] x, int64[2] shape) => (float[A, B] y) { y = Reshape(x, shape) }"
DOUBLE = "g(float[N, 3] x) => (float[N, 3] y) { y = Add(x, x) }"


def model(graph: str, opset: int = 18) -> onnx.ModelProto:
    header = f'<ir_version: 9, opset_import: ["": {opset}, "other": 1]>'
    return parser.parse_model(f"{header} {graph}")


def line(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32)


@pytest.fixture(scope="module")
def device() -> Iterator[hal.Device]:
    with hal.open("tvm:llvm") as opened:
        yield opened


def test_the_cpu_is_run_and_the_others_are_compiled_for() -> None:
    told = {info.id: info.properties["runs"] for info in TvmAdapter().probe()}
    assert told["llvm"] == "yes"
    assert {"c", "cuda", "metal", "opencl", "webgpu"} <= told.keys()


def test_one_program_takes_several_lengths(device: hal.Device) -> None:
    exe = device.compile(model(DOUBLE))
    for rows in (1, 4, 0):
        x = line(rows * 3).reshape(rows, 3)
        np.testing.assert_array_equal(exe({"x": x})["y"], x * 2)


def test_a_shape_that_a_run_brings_is_frozen(device: hal.Device) -> None:
    exe = device.compile(model(RESHAPE))
    for shape in ([2, 3], [3, 2]):
        assert exe({"x": line(6), "shape": np.array(shape)})["y"].shape == tuple(shape)


def test_without_freezing_the_importers_refusal_is_heard(device: hal.Device) -> None:
    with pytest.raises(Unsupported, match="Reshape"):
        device.compile(model(RESHAPE), vendor={"freeze": False})


def test_a_shape_that_does_not_fit_fails_the_run(device: hal.Device) -> None:
    exe = device.compile(model(RESHAPE))
    with pytest.raises(ExecutionError, match="Reshape"):
        exe({"x": line(6), "shape": np.array([4, 4])})


def test_what_follows_from_static_shapes_becomes_constant(device: hal.Device) -> None:
    graph = (
        "g(float[2, 3] x) => (float[A] y) { n = Size(x) one = Constant<value_ints = [1]>()"
        "m = Reshape(n, one) y = Reshape(x, m) }"
    )
    exe = device.compile(model(graph))
    np.testing.assert_array_equal(exe({"x": line(6).reshape(2, 3)})["y"], line(6))


@pytest.mark.parametrize("freeze", [True, False])
def test_an_optional_is_the_tensor_that_it_holds(device: hal.Device, freeze: bool) -> None:
    graph = (
        "g(optional(int32[3]) x) => (int32[3] y) { z = OptionalGetElement(x) y = Add(z, z) }"
    )
    exe = device.compile(model(graph), vendor={"freeze": freeze})
    np.testing.assert_array_equal(exe({"x": np.arange(3, dtype=np.int32)})["y"], [0, 2, 4])
    with pytest.raises(Unsupported, match="empty optional"):
        exe({"x": None})


def test_an_optional_sequence_is_refused(device: hal.Device) -> None:
    graph = "g(optional(seq(float[3])) x) => (bool y) { y = OptionalHasElement(x) }"
    with pytest.raises(Unsupported, match="sequence"):
        device.compile(model(graph))


def test_powers_of_two_in_a_byte_are_read_right(device: hal.Device) -> None:
    exe = device.compile(
        model("g(float8e8m0[4] x) => (float[4] y) { y = Cast<to = 1>(x) }", 24)
    )
    x = np.array([0.25, 1, 2, 64], ml_dtypes.float8_e8m0fnu)
    np.testing.assert_array_equal(exe({"x": x})["y"], x.astype(np.float32))


def test_an_unknown_operator_is_refused_by_name(device: hal.Device) -> None:
    with pytest.raises(Unsupported) as refusal:
        device.compile(model("g(float[2, 2] x) => (float y) { y = Det(x) }"))
    assert refusal.value.op == "Det"


def test_an_operator_of_another_domain_is_not_taken_for_its_namesake(
    device: hal.Device,
) -> None:
    with pytest.raises(Unsupported, match="other"):
        device.compile(model("g(float[2] x) => (float[2] y) { y = other.Relu(x) }"))


def test_an_unknown_option_is_refused(device: hal.Device) -> None:
    with pytest.raises(InputError, match="melt"):
        device.compile(model(DOUBLE), vendor={"melt": True})


def test_a_target_that_tvm_does_not_know_is_the_callers_mistake(device: hal.Device) -> None:
    with pytest.raises(InputError, match="nonesuch"):
        device.compile(model(DOUBLE), vendor={"target": {"nonesuch": 1}})


def test_the_pool_of_threads_may_be_one(device: hal.Device) -> None:
    exe = device.compile(model(DOUBLE), threads=1)
    np.testing.assert_array_equal(exe({"x": line(3).reshape(1, 3)})["y"], [[0, 2, 4]])


def test_a_prediction_names_the_operator_that_is_not_taken(device: hal.Device) -> None:
    graph = "g(float[2, 2] x) => (float y) { z = Relu(x) y = Det(z) }"
    nodes = device.query(model(graph)).nodes
    assert {node.op: node.supported for node in nodes} == {"Relu": True, "Det": False}


def test_a_saved_program_computes_the_same(device: hal.Device) -> None:
    x = line(6).reshape(2, 3)
    saved = device.compile(model(DOUBLE)).save()
    np.testing.assert_array_equal(device.load(saved)({"x": x})["y"], x * 2)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("c", b"ELF"),
        ("cuda", b"__global__"),
        ("metal", b"kernel void"),
        ("opencl", b"__kernel"),
        ("webgpu", b"@compute"),
    ],
)
def test_code_for_a_device_that_is_not_here_is_compiled_and_kept(
    target: str, words: bytes
) -> None:
    with hal.open(f"tvm:{target}") as other:
        if other.info.properties["runs"] == "yes":
            pytest.skip(f"{target} is here")
        exe = other.compile(model(DOUBLE.replace("N", "2")))
        saved = exe.save()
        assert words in saved
        assert other.load(saved).save() == saved
        with pytest.raises(DeviceNotFound, match=target):
            exe({"x": np.zeros((2, 3), np.float32)})
