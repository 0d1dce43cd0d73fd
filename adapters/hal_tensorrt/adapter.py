"""TensorRT's and TensorRT-RTX's side of the SPI: devices, queries, saved programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hal.adapter import Adapter, CanLoad, CanQuery, OptionSchema, Program, import_sdk
from hal.errors import InputError
from hal.spec import CompileOptions, DeviceInfo, NodeSupport, Support
from hal.specialize import Specialized, control_inputs
from hal_tensorrt import build, cuda
from hal_tensorrt.program import Engine, TensorRTProgram

if TYPE_CHECKING:
    from hal.model import Model

_FEATURES = frozenset({"dynamic_shapes", "placement", "query", "save"})
_COUNT = {"type": "integer", "minimum": 0}
_PROFILE = {"type": "array", "items": _COUNT, "minItems": 3, "maxItems": 3}


class TensorRTAdapter(Adapter, CanQuery, CanLoad):
    """TensorRT: the GPUs of this machine."""

    name: ClassVar[str] = "tensorrt"
    module: ClassVar[str] = "tensorrt"
    install: ClassVar[str | None] = "pip install tensorrt cuda-bindings"
    system_packages: ClassVar[tuple[str, ...]] = ("nvidia-driver",)
    options_schema: ClassVar[OptionSchema] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "optimization_level": _COUNT,
            "profiles": {"type": "object", "additionalProperties": _PROFILE},
            "timing_cache": {"type": "string"},
        },
    }

    def probe(self) -> Sequence[DeviceInfo]:
        sdk = self._sdk()
        return [_gpu(sdk, gpu) for gpu in cuda.gpus()]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        sdk = self._sdk()
        self.check(options)

        def made(narrow: Model) -> Program:
            engine = build.engine(sdk, narrow, self.target(device), options)
            return TensorRTProgram(sdk, engine, device)

        steering = {*control_inputs(model), *build.steering(sdk, model)}
        if steering:
            return Specialized(model, made, static=False, freeze=steering)
        return made(model)

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:  # noqa: ARG002  one parser for all
        whole, taken, reasons = build.supported(self._sdk(), model)
        return Support(tuple(_nodes(model, whole, taken, reasons)))

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        self.check(options)
        return TensorRTProgram(self._sdk(), Engine.unpack(blob), device)

    def target(self, device: DeviceInfo) -> str | None:  # noqa: ARG002  for the other SDK
        """Which compute capability to build for, where that has to be said."""
        return None

    def check(self, options: CompileOptions) -> None:
        """Refuse vendor options that this SDK has not.

        Raises:
            InputError: there is no such option, or it cannot have that value.
        """
        known = self.options_schema["properties"]
        for name, value in options.vendor.items():
            if name not in known:
                raise InputError(f"no vendor option {name!r}; there are {sorted(known)}")
            if name == "profiles":
                build.check_profiles(value)

    def _sdk(self) -> Any:
        return import_sdk(self.module, self.module.replace("_", "-"), self.install)


class TensorRTRtxAdapter(TensorRTAdapter):
    """TensorRT-RTX: it also builds for GPUs that are not here, by their compute capability."""

    name: ClassVar[str] = "tensorrt-rtx"
    module: ClassVar[str] = "tensorrt_rtx"
    install: ClassVar[str | None] = "pip install 'onnx-hal[tensorrt-rtx]'"
    options_schema: ClassVar[OptionSchema] = {
        **TensorRTAdapter.options_schema,
        "properties": {
            # No timing cache: the calls are there, and do nothing since 1.2.
            "optimization_level": _COUNT,
            "profiles": {"type": "object", "additionalProperties": _PROFILE},
        },
    }

    def probe(self) -> Sequence[DeviceInfo]:
        sdk = self._sdk()
        absent = cuda.why_none()
        return [*super().probe(), *(_ahead(sdk, name, absent) for name in build.targets(sdk))]

    def target(self, device: DeviceInfo) -> str | None:
        if device.id == build.PORTABLE:
            return None
        return device.id.upper() if device.id.startswith("sm") else "CURRENT"


def _gpu(sdk: Any, gpu: cuda.Gpu) -> DeviceInfo:
    return DeviceInfo(
        id=f"gpu.{gpu.index}",
        name=gpu.name,
        vendor="NVIDIA",
        kind="gpu",
        sdk=sdk.__version__,
        driver=gpu.driver,
        opsets=build.OPSETS,
        features=_FEATURES | {"bind"},
        arithmetic=build.arithmetic(sdk),
        properties={"compute_capability": gpu.capability},
    )


def _ahead(sdk: Any, target: str, absent: str) -> DeviceInfo:
    """A device to compile for: sm80, or portable; `absent` is why nothing runs here."""
    what = "compute capability 8.0 and later" if target == build.PORTABLE else target.upper()
    return DeviceInfo(
        id=target,
        name=f"GPU of {what} (compiled ahead)",
        vendor="NVIDIA",
        kind="gpu",
        sdk=sdk.__version__,
        opsets=build.OPSETS,
        features=_FEATURES,
        arithmetic=build.arithmetic(sdk),
        properties={"runs": f"not here: {absent}" if absent else "on gpu.0, if it takes it"},
    )


def _nodes(
    model: Model, whole: bool, taken: frozenset[int], reasons: Mapping[int, str]
) -> Iterator[NodeSupport]:
    """The parser's answer for each node; those inside a node have its answer.

    It numbers the nodes of the graph; nodes of local functions have the whole model's answer.
    """
    top, at = [own for own, _ in build.nodes(model)], -1
    inside = (*top, "")
    for facts in model.facts.nodes:
        if facts.id == inside[at + 1]:
            at += 1
        local = facts.id == inside[at] or facts.id.startswith(f"{inside[at]}/")
        ok = at in taken if local else whole
        why = reasons.get(at) or reasons.get(-1) or "the parser takes no graph with this node"
        yield NodeSupport(facts.id, facts.op, ok, "" if ok else why)
