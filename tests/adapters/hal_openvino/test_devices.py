"""Device ids, claims, arithmetic, options."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hal_openvino.adapter import OpenVINOAdapter
from hal_openvino.options import PRECISIONS
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper

from hal.adapter import Program
from hal.errors import DeviceNotFound, InputError, SDKMissing, Unsupported
from hal.model import Model
from hal.spec import FEATURES, DeviceInfo
from hal.tensor import Array

Build = Callable[..., Model]
Compile = Callable[..., Program]
Run = Callable[..., list[Any]]


def test_a_missing_sdk_brings_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(SDKMissing) as caught:
        OpenVINOAdapter().probe()
    assert caught.value.install == "pip install 'onnx-hal[openvino]'"


def test_the_cpu_is_found_and_identified(
    adapter: OpenVINOAdapter, cpu: DeviceInfo, core: Any
) -> None:
    import openvino as ov

    assert cpu in adapter.probe()
    assert cpu.kind == "cpu"
    assert ov.__version__.startswith(cpu.sdk)
    assert cpu.name == core.get_property("CPU", "FULL_DEVICE_NAME")
    assert cpu.features <= set(FEATURES)
    assert "fp32" in cpu.arithmetic


@pytest.mark.parametrize(
    "device", ["gpu.7", "cpu2", "hetero:gpu.7,cpu", "auto:gpu.7", "hetero"]
)
def test_an_absent_device_is_not_found(device: str, adapter: OpenVINOAdapter) -> None:
    with pytest.raises(DeviceNotFound):
        adapter.find(device)


@pytest.mark.parametrize("device", ["auto", "auto:cpu", "hetero:cpu"])
def test_devices_that_choose_among_others_run(
    device: str,
    adapter: OpenVINOAdapter,
    add: Model,
    compiled: Compile,
    run: Run,
    pair: dict[str, Array],
) -> None:
    info = adapter.find(device)
    assert info.id == device
    program = compiled(add, info, threads=1)
    (result,) = run(program, **pair)
    assert_array_equal(result, pair["a"] + 10)


@pytest.fixture
def product(build: Build) -> Model:
    shape = (64, 64)
    return build(
        [helper.make_node("MatMul", ["a", "b"], ["y"])],
        [("a", TensorProto.FLOAT, shape), ("b", TensorProto.FLOAT, shape)],
        [("y", TensorProto.FLOAT, shape)],
    )


def worst(run: Run, program: Program) -> float:
    """The largest relative error of a product of random matrices."""
    generator = np.random.default_rng(0)
    a, b = (generator.random((64, 64), np.float32) for _ in range(2))
    exact = a.astype(np.float64) @ b.astype(np.float64)
    return float(np.max(np.abs(run(program, a=a, b=b)[0] - exact) / exact))


@pytest.mark.parametrize("device", ["cpu", "hetero:cpu", "auto:cpu"])
def test_float32_is_computed_in_float32(
    device: str, adapter: OpenVINOAdapter, product: Model, compiled: Compile, run: Run
) -> None:
    assert worst(run, compiled(product, adapter.find(device), arithmetic="fp32")) < 1e-6


def test_the_first_arithmetic_is_what_is_done_unasked(
    cpu: DeviceInfo, product: Model, compiled: Compile, run: Run
) -> None:
    unasked = worst(run, compiled(product, arithmetic=None))
    assert unasked == worst(run, compiled(product, arithmetic=cpu.arithmetic[0]))


def test_each_claimed_arithmetic_has_its_own_error(
    cpu: DeviceInfo, product: Model, compiled: Compile, run: Run
) -> None:
    limits = {"fp32": (0, 1e-6), "fp16": (1e-5, 1e-3), "bf16": (1e-4, 1e-2)}
    for arithmetic in cpu.arithmetic:
        low, high = limits[arithmetic]
        assert low < worst(run, compiled(product, arithmetic=arithmetic)) < high


def test_an_arithmetic_that_is_not_offered_is_a_clean_no(
    cpu: DeviceInfo, add: Model, compiled: Compile
) -> None:
    for arithmetic in ({*PRECISIONS, "int8"}) - set(cpu.arithmetic):
        with pytest.raises(Unsupported):
            compiled(add, arithmetic=arithmetic)


def test_vendor_options_are_openvinos_properties(
    add: Model, compiled: Compile, core: Any
) -> None:
    assert "NUM_STREAMS" in core.get_property("CPU", "SUPPORTED_PROPERTIES")
    compiled(add, vendor={"NUM_STREAMS": 1, "PERF_COUNT": True})


def test_a_misspelt_vendor_option_is_told_the_nearest(add: Model, compiled: Compile) -> None:
    with pytest.raises(InputError, match="did you mean NUM_STREAMS"):
        compiled(add, vendor={"num_stream": 1})


def test_a_property_that_can_only_be_read_is_no_option(add: Model, compiled: Compile) -> None:
    with pytest.raises(InputError, match="only be read"):
        compiled(add, vendor={"FULL_DEVICE_NAME": "mine"})


def test_a_vendor_option_that_undoes_the_arithmetic_is_caught(
    cpu: DeviceInfo, add: Model, compiled: Compile
) -> None:
    if "bf16" not in cpu.arithmetic:
        pytest.skip("this CPU has no bfloat16 to ask for")
    with pytest.raises(Unsupported, match="asked for fp32 and computes in bf16"):
        compiled(add, vendor={"INFERENCE_PRECISION_HINT": "bf16"})


def test_threads_bound_the_host(add: Model, compiled: Compile, run: Run) -> None:
    program = compiled(add, threads=1)
    ones = np.ones((1, 4), np.float32)
    assert_array_equal(run(program, a=ones, b=ones)[0], ones + 1)
