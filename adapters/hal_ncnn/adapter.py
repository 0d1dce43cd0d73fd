"""Devices, compilation, loading: pnnx converts, ncnn computes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from hal.adapter import Adapter, CanLoad, Program, import_sdk, refuse_options
from hal.spec import CompileOptions, DeviceInfo
from hal.specialize import Specialized, bound, check_tensors, control_inputs
from hal_ncnn.convert import INSTALL, Converted, convert, pnnx
from hal_ncnn.program import NcnnProgram

if TYPE_CHECKING:
    from hal.model import Model

_VULKAN = ("libvulkan1", "mesa-vulkan-drivers")
_DTYPES = frozenset({"bool", "float32", "int32", "int64"})
_FED = frozenset({"float32", "int32", "int64"})
_FEATURES = frozenset({"deterministic", "dynamic_shapes", "save"})


class NcnnAdapter(Adapter, CanLoad):
    """Tencent's ncnn: one network of layers, on the CPU or on a Vulkan device."""

    name: ClassVar[str] = "ncnn"
    install: ClassVar[str | None] = INSTALL
    system_packages: ClassVar[tuple[str, ...]] = _VULKAN
    absent: ClassVar[Mapping[str, str]] = {
        "vulkan": "a Vulkan device needs its vendor's driver, or the software one of Debian: "
        f"apt install {' '.join(_VULKAN)}"
    }

    def probe(self) -> Sequence[DeviceInfo]:
        ncnn = import_sdk("ncnn", "ncnn", INSTALL)
        pnnx()
        version = str(ncnn.__version__)
        gpus = [_gpu(ncnn, index, version) for index in range(ncnn.get_gpu_count())]
        return [_info("cpu", "CPU (ncnn)", version, ("fp32",)), *gpus]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        refuse_options(options.vendor)

        def made(static: Model) -> Program:
            return _program(static, device, options)

        model = bound(model, options.dimensions)
        freeze = control_inputs(model)
        if not freeze and all(spec.is_static for spec in model.facts.inputs):
            return made(model)
        return Specialized(model, made, static=True, freeze=freeze)

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        return NcnnProgram(Converted.unpack(blob), _index(device), options)

    def close(self) -> None:
        if "ncnn" in sys.modules:
            sys.modules["ncnn"].destroy_gpu_instance()


def _info(device: str, name: str, sdk: str, arithmetic: tuple[str, ...]) -> DeviceInfo:
    return DeviceInfo(
        id=device,
        name=name,
        vendor="Tencent",
        kind="cpu" if device == "cpu" else "gpu",
        sdk=sdk,
        dtypes=_DTYPES,
        opsets={"": (1, 26)},  # those of the ONNX Runtime inside pnnx
        features=_FEATURES,
        arithmetic=arithmetic,
    )


def _gpu(ncnn: Any, index: int, sdk: str) -> DeviceInfo:
    found = ncnn.get_gpu_info(index)
    info = _info(f"vulkan.{index}", str(found.device_name()), sdk, ("fp16", "fp32"))
    return replace(info, driver=str(found.driver_version()))


def _index(device: DeviceInfo) -> int | None:
    """Which of the Vulkan devices it is; None for the CPU."""
    return None if device.id == "cpu" else int(device.id.removeprefix("vulkan."))


def _program(model: Model, device: DeviceInfo, options: CompileOptions) -> NcnnProgram:
    check_tensors(model.facts.inputs, "ncnn", _FED)
    check_tensors(model.facts.outputs, "ncnn, which keeps no types,", {"float32"})
    half = options.arithmetic != "fp32" and device.kind == "gpu"
    return NcnnProgram(convert(model, half=half), _index(device), options)
