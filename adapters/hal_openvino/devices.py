"""Device ids, and what is claimed of each device.

An id is OpenVINO's name in lower case: "cpu", "gpu", "gpu.1", "npu". Two of OpenVINO's devices
choose among the others: "auto" (and "auto:gpu,cpu") takes the first that answers, and
"hetero:gpu,cpu" splits a model between those it lists. These are not listed by a probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from hal.errors import DeviceNotFound
from hal.spec import DeviceInfo
from hal_openvino.options import PRECISIONS
from hal_openvino.tensors import ONNX_TYPES

OPSETS: Mapping[str, tuple[int, int]] = MappingProxyType({"": (1, 28)})
"""The opsets of the standard's own cases that OpenVINO converts. Its importer takes any number,
999 too, and reads the operators as the newest it knows: so the shell must ask this table."""

CHOOSERS = ("AUTO", "HETERO")

_FEATURES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "CPU": frozenset(
            {
                "bind",
                "deterministic",
                "dynamic_shapes",
                "placement",
                "profile",
                "query",
                "submit",
            }
        ),
        "GPU": frozenset({"bind", "dynamic_shapes", "profile", "query", "submit"}),
        "NPU": frozenset({"bind", "profile", "query", "submit"}),
    }
)
"""Placement is claimed where every unit is known to run on the device itself: a GPU runs some
on the host, and the runtime model does not say which."""

_CHOSEN = frozenset({"bind"})

_CPU_TYPES = frozenset(ONNX_TYPES.values())
_OTHER_TYPES = _CPU_TYPES - {"float4e2m1", "float8e8m0", "float64"}

_CAPABILITIES = {"fp32": "FP32", "bf16": "BF16", "fp16": "FP16"}

_KINDS: Mapping[str, Literal["cpu", "gpu", "npu"]] = MappingProxyType(
    {"CPU": "cpu", "GPU": "gpu", "NPU": "npu"}
)


@dataclass(frozen=True)
class Name:
    """A device id taken apart: OpenVINO's name, the chooser if there is one, those it names."""

    full: str
    chooser: str | None
    devices: tuple[str, ...]

    @classmethod
    def of(cls, device: str) -> Name:
        """OpenVINO's name for a device id."""
        full = device.upper()
        head, _, rest = full.partition(":")
        if head in CHOOSERS:
            return cls(full, head, tuple(part for part in rest.split(",") if part))
        return cls(full, None, (full,))


def listed(core: Any) -> list[DeviceInfo]:
    """Every device that OpenVINO sees."""
    return [_info(core, name) for name in core.available_devices]


def found(core: Any, device: str) -> DeviceInfo:
    """The device of that id.

    Raises:
        DeviceNotFound: it, or one that it is made of, is not there.
    """
    name = Name.of(device)
    present = list(core.available_devices)
    for part in name.devices:
        # "GPU" is also the first of "GPU.0", "GPU.1".
        if part not in present and f"{part}.0" not in present:
            raise DeviceNotFound(
                f"no device {part.lower()!r}; OpenVINO sees {sorted(map(str.lower, present))}",
                device=device,
            )
    if name.chooser is None:
        return _info(core, name.full, device)
    if name.chooser == "HETERO" and not name.devices:
        raise DeviceNotFound(
            "hetero splits a model between devices; name them: hetero:gpu,cpu", device=device
        )
    return _chosen(core, name, device, present)


def _info(core: Any, name: str, device: str | None = None) -> DeviceInfo:
    capabilities = _ask(core, name, "OPTIMIZATION_CAPABILITIES", [])
    default = str(_ask(core, name, "INFERENCE_PRECISION_HINT", ""))
    family = name.partition(".")[0]
    build = _build(core, name)
    saved = {"save"} if "EXPORT_IMPORT" in capabilities else set[str]()
    return DeviceInfo(
        id=device or name.lower(),
        name=str(_ask(core, name, "FULL_DEVICE_NAME", name)).strip(),
        vendor="Intel",
        kind=_KINDS.get(family, "npu"),
        sdk=build.partition("-")[0],
        driver=str(_ask(core, name, "DRIVER_VERSION", build)),
        dtypes=_CPU_TYPES if family == "CPU" else _OTHER_TYPES,
        opsets=OPSETS,
        features=_FEATURES.get(family, frozenset({"query"})) | saved,
        arithmetic=_arithmetic(capabilities, default),
        properties={
            "architecture": str(_ask(core, name, "DEVICE_ARCHITECTURE", "")),
            "capabilities": " ".join(sorted(capabilities)),
            "float64": "computed as float32",
        },
    )


def _chosen(core: Any, name: Name, device: str, present: list[str]) -> DeviceInfo:
    parts = [_info(core, _first(part, present)) for part in name.devices or present]
    common = {name for name in _CPU_TYPES if all(name in part.dtypes for part in parts)}
    arithmetic = [a for a in parts[0].arithmetic if all(a in p.arithmetic for p in parts)]
    return DeviceInfo(
        id=device,
        name=f"{name.chooser} over {', '.join(part.name for part in parts)}",
        vendor="Intel",
        kind=parts[0].kind,
        sdk=parts[0].sdk,
        driver=" ".join(part.driver for part in parts if part.driver),
        dtypes=frozenset(common),
        opsets=OPSETS,
        features=_CHOSEN,
        arithmetic=tuple(arithmetic),
        properties={"devices": " ".join(part.id for part in parts)},
    )


def _first(name: str, present: list[str]) -> str:
    return name if name in present else f"{name}.0"


def _arithmetic(capabilities: list[str], default: str) -> tuple[str, ...]:
    """The names that can be asked for, what the device computes in unasked first."""
    offered = [name for name, word in _CAPABILITIES.items() if word in capabilities]
    words = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
    unasked = next((ours for theirs, ours in words.items() if theirs in default), "")
    return tuple(
        sorted(offered, key=lambda name: (name != unasked, list(PRECISIONS).index(name)))
    )


def _build(core: Any, name: str) -> str:
    import openvino as ov

    versions = core.get_versions(name)
    return next((v.build_number for v in versions.values()), str(ov.__version__))


def _ask(core: Any, device: str, prop: str, otherwise: Any) -> Any:
    """A property, where the device has it: not every plugin answers each of these."""
    if prop not in core.get_property(device, "SUPPORTED_PROPERTIES"):
        return otherwise
    return core.get_property(device, prop)
