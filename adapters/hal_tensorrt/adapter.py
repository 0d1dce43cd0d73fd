"""TensorRT's and TensorRT-RTX's side of the SPI: devices, queries, saved programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from hal import saved
from hal.adapter import Adapter, CanLoad, CanQuery, Program, import_sdk, refuse_options
from hal.spec import CompileOptions, DeviceInfo, Placement, Support
from hal.specialize import Specialized, bound, control_inputs
from hal_tensorrt import build, cuda
from hal_tensorrt.program import TensorRTProgram

if TYPE_CHECKING:
    from hal.model import Model


class TensorRTAdapter(Adapter, CanQuery, CanLoad):
    """TensorRT: the GPUs of this machine."""

    name: ClassVar[str] = "tensorrt"
    module: ClassVar[str] = "tensorrt"
    install: ClassVar[str | None] = "pip install tensorrt cuda-bindings"
    system_packages: ClassVar[tuple[str, ...]] = ("nvidia-driver",)
    absent: ClassVar[Mapping[str, str]] = {"gpu": cuda.ABSENT}
    options: ClassVar[tuple[str, ...]] = ("optimization_level", "profiles", "timing_cache")

    def probe(self) -> Sequence[DeviceInfo]:
        sdk = self._sdk()
        if cuda.why_none():
            return []
        return [_gpu(sdk, index) for index in range(cuda.call("cudaGetDeviceCount"))]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        sdk = self._sdk()
        refuse_options(options.vendor, self.options)
        model = bound(model, options.dimensions)

        def made(narrow: Model) -> Program:
            return build.engine(sdk, narrow, device, self.target(device), options)

        steering = {*control_inputs(model), *build.steering(sdk, model)}
        if steering:
            return Specialized(model, made, static=False, freeze=steering)
        return made(model)

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:  # noqa: ARG002  one parser for all
        return build.query(self._sdk(), model)

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        refuse_options(options.vendor, self.options)
        inputs, outputs, plan, facts = saved.unpack(blob)
        placement = Placement.from_json(facts["placement"])
        return TensorRTProgram(self._sdk(), device, plan, inputs, outputs, placement)

    def target(self, device: DeviceInfo) -> str | None:  # noqa: ARG002  for the other SDK
        """Which compute capability to build for, where that has to be said."""
        return None

    def _sdk(self) -> Any:
        return import_sdk(self.module, self.module.replace("_", "-"), self.install)


class TensorRTRtxAdapter(TensorRTAdapter):
    """TensorRT-RTX: it also builds for GPUs that are not here, by their compute capability."""

    name: ClassVar[str] = "tensorrt-rtx"
    module: ClassVar[str] = "tensorrt_rtx"
    install: ClassVar[str | None] = "pip install 'onnx-hal[tensorrt-rtx]'"
    absent: ClassVar[Mapping[str, str]] = {
        **TensorRTAdapter.absent,
        "sm90": "the SDK calls 9.0 invalid or not supported",
    }
    # No timing cache: the calls are there, and do nothing since 1.2.
    options: ClassVar[tuple[str, ...]] = ("optimization_level", "profiles")

    def probe(self) -> Sequence[DeviceInfo]:
        sdk, absent = self._sdk(), cuda.why_none()
        where = f"not here: {absent}" if absent else "on gpu.0, if it takes it"
        ahead = [
            replace(
                _info(sdk, target, f"GPU of {what} (compiled ahead)"),
                properties={"runs": where},
            )
            for target, what in build.targets(sdk).items()
        ]
        return [*super().probe(), *ahead]

    def target(self, device: DeviceInfo) -> str | None:
        if device.id == build.PORTABLE:
            return None
        return device.id.upper() if device.id.startswith("sm") else "CURRENT"


def _gpu(sdk: Any, index: int) -> DeviceInfo:
    facts = cuda.call("cudaGetDeviceProperties", index)
    info = _info(sdk, f"gpu.{index}", facts.name.decode().rstrip("\0"))
    return replace(
        info,
        driver=str(cuda.call("cudaDriverGetVersion")),
        features=info.features | {"bind"},
        properties={"compute_capability": f"{facts.major}.{facts.minor}"},
    )


def _info(sdk: Any, device: str, name: str) -> DeviceInfo:
    return DeviceInfo(
        id=device,
        name=name,
        vendor="NVIDIA",
        kind="gpu",
        sdk=sdk.__version__,
        # The parser takes any number, 999 too. No types are claimed: it refuses them.
        opsets={"": (1, 28)},
        features=frozenset({"dynamic_shapes", "placement", "query", "save"}),
        arithmetic=build.arithmetic(sdk),
    )
