"""Qualcomm's plugin: its simulator of the Hexagon tensor processor, on x86."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import pytest

import hal
from hal import targets
from hal.device import Device
from hal.errors import DeviceError, Unsupported

Build: TypeAlias = Callable[..., bytes]

pytestmark = pytest.mark.skipif(
    find_spec("onnxruntime_qnn") is None or platform.machine() != "x86_64",
    reason="needs the package onnxruntime-qnn on x86-64: pip install 'onnx-hal[qnn]'",
)

X = np.array([[-1, 2, 3], [4, -5, 6]], np.float32)


@pytest.fixture
def chip() -> Iterator[Device]:
    """In a process of its own: the chip is settled once a process."""
    with hal.open("qnn-htp-v75", isolated=True) as device:
        yield device


def wheres(executable: Any) -> dict[str, str]:
    return {node.node: node.where for node in executable.placement().nodes}


def near(found: Any) -> None:
    np.testing.assert_allclose(found, np.maximum(-X, 0), rtol=1e-3)


def test_it_is_a_simulator_of_qualcomms(chip: Device) -> None:
    assert (chip.info.kind, chip.info.vendor, chip.info.name) == (
        "simulator",
        "Qualcomm",
        "QNN",
    )


def test_a_model_computes_there(chip: Device, build: Build) -> None:
    with chip.compile(build("Neg", "Relu")) as exe:
        near(exe({"x": X})["y"])
        assert wheres(exe) == {"neg": "device", "relu": "device"}


def test_the_compiled_context_is_saved_and_loaded(chip: Device, build: Build) -> None:
    with chip.compile(build("Neg", "Relu")) as exe:
        saved = exe.save()
    assert b"EPContext" in saved
    with chip.load(saved) as again:
        near(again({"x": X})["y"])
        assert wheres(again) == {"neg": "device", "relu": "device"}


def test_a_dynamic_batch_is_bound_to_the_feeds(chip: Device, build: Build) -> None:
    with chip.compile(build("Neg", "Relu", dims=("batch", 3))) as exe:
        near(exe({"x": X})["y"])
        assert exe({"x": X[:1]})["y"].shape == (1, 3)
        assert wheres(exe) == {"neg": "device", "relu": "device"}


def test_a_dynamic_batch_as_declared_falls_back_silently_and_is_seen(
    chip: Device, build: Build
) -> None:
    model = build("Neg", "Relu", dims=("batch", 3))
    with chip.compile(model, vendor={"cpu_fallback": "record"}) as exe:
        near(exe({"x": X})["y"])
        assert wheres(exe) == {"neg": "host", "relu": "host"}


def test_a_backend_that_cannot_be_loaded_is_refused_or_seen(chip: Device, build: Build) -> None:
    missing = {"provider_options": {"backend_path": "/nonexistent/libQnnHtp.so"}}
    missing["provider_options"] |= {"soc_model": "57", "htp_arch": "75"}
    with hal.open("onnxruntime-ep:onnxruntime_qnn", isolated=True) as device:
        with pytest.raises(Unsupported, match="leaves 2 of 2 nodes to the CPU"):
            device.compile(build("Neg", "Relu"), vendor=missing)
        silent = {**missing, "cpu_fallback": "record"}
        with device.compile(build("Neg", "Relu"), vendor=silent) as exe:
            near(exe({"x": X})["y"])
            assert wheres(exe) == {"neg": "host", "relu": "host"}


def test_another_chip_in_the_same_process_is_refused(chip: Device, build: Build) -> None:
    chip.compile(build("Neg")).close()
    other = dict(targets.resolve("qnn-htp-v73").options.vendor)
    with pytest.raises(DeviceError, match="keeps soc_model = '57' until this process ends"):
        chip.compile(build("Neg"), vendor=other)


def test_two_chips_are_two_targets(build: Build) -> None:
    for name in ("qnn-htp-v75", "qnn-htp-v73"):
        with hal.load(build("Neg", "Relu"), name, isolated=True) as exe:
            near(exe({"x": X})["y"])
