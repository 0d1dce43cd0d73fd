"""Microsoft's WebGPU plugin, on a GPU or on a software Vulkan."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import hal
from hal.device import Device
from hal.errors import DeviceError, DeviceLost, Unsupported
from hal.worker.client import WorkerAdapter

Build: TypeAlias = Callable[..., bytes]

pytestmark = pytest.mark.skipif(
    find_spec("onnxruntime_ep_webgpu") is None,
    reason="needs the package onnxruntime-ep-webgpu: pip install 'onnx-hal[webgpu]'",
)

X = np.array([[-1, 2, 3], [4, -5, 6]], np.float32)


@pytest.fixture
def gpu(build: Build) -> Iterator[Device]:
    """In a process of its own, for a driver that is missing may end it."""
    try:
        with hal.open("webgpu", isolated=True) as device:
            device.compile(build("Neg")).close()
            yield device
    except DeviceError as error:
        pytest.skip(f"no GPU and no software Vulkan here: {error.message[:200]}")


def wheres(executable: Any) -> dict[str, str]:
    return {node.node: node.where for node in executable.placement().nodes}


@pytest.mark.parametrize("dims", [(2, 3), ("batch", 3)])
def test_a_model_computes_there(gpu: Device, build: Build, dims: tuple[Any, ...]) -> None:
    with gpu.compile(build("Neg", "Relu", dims=dims)) as exe:
        np.testing.assert_array_equal(exe({"x": X})["y"], np.maximum(-X, 0))
        assert wheres(exe) == {"neg": "device", "relu": "device"}


def test_a_saved_program_computes_the_same(gpu: Device, build: Build) -> None:
    with gpu.compile(build("Neg")) as exe:
        saved = exe.save()
    with gpu.load(saved) as again:
        np.testing.assert_array_equal(again({"x": X})["y"], -X)
        assert wheres(again) == {"neg": "device"}


def test_what_it_has_no_kernel_for_is_refused_or_seen(gpu: Device, build: Build) -> None:
    model = build("Neg", "Det", dims=(3, 3))
    with pytest.raises(Unsupported, match=r"leaves 1 of 2 nodes to the CPU.*Det"):
        gpu.compile(model)
    with gpu.compile(model, vendor={"cpu_fallback": "record"}) as exe:
        exe({"x": np.eye(3, dtype=np.float32)})
        assert wheres(exe) == {"neg": "device", "det": "host"}


def test_bound_inputs_are_read_anew_from_the_devices_memory(gpu: Device, build: Build) -> None:
    assert len(gpu.info.memories) == 2
    # A worker binds nothing: in this process, now that the driver is known to be there.
    with hal.open("webgpu") as here, here.compile(build("Neg")) as exe:
        x, y = X.copy(), np.zeros_like(X)
        with exe.bind({"x": x}, {"y": y}) as bound:
            for _ in range(2):
                x += 1
                bound.run()
                np.testing.assert_array_equal(y, -x)


@pytest.fixture
def undriven(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Vulkan driver is found, and the plugin lists its device all the same."""
    monkeypatch.setenv("ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER", "1")
    for name in ("VK_ICD_FILENAMES", "VK_DRIVER_FILES"):
        monkeypatch.setenv(name, "/nonexistent/icd.json")


@pytest.mark.usefixtures("undriven")
def test_without_a_driver_compiling_is_an_error_of_the_device(build: Build) -> None:
    with (
        hal.open("webgpu", isolated=True) as device,
        pytest.raises(DeviceError, match="Failed to get a WebGPU adapter"),
    ):
        device.compile(build("Neg"))


COMPILER = """
from hal.model import Model
from hal.spec import CompileOptions
from hal_onnxruntime.artifacts import compiled_by_plugin
from hal_onnxruntime.plugin_library import PluginDevice
from hal_onnxruntime.session import Recipe


def context(adapter, path):
    found = PluginDevice.parse("onnxruntime_ep_webgpu").find()
    recipe = Recipe(Model(path), found.ep_name, CompileOptions(), devices=(found,))
    return len(compiled_by_plugin(recipe) or b"")
"""


@pytest.mark.usefixtures("undriven")
def test_without_a_driver_the_model_compiler_aborts_and_ends_a_worker_alone(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compiler.py").write_text(COMPILER)
    (tmp_path / "model.onnx").write_bytes(build("Neg"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    worker = WorkerAdapter("onnxruntime-ep")
    with pytest.raises(DeviceLost) as lost:
        worker.call("compiler:context", {"path": str(tmp_path / "model.onnx")})
    assert lost.value.signal == 6
    worker.close()
