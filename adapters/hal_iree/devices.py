"""Which devices IREE has here, and what its compiler is told for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from hal.adapter import import_sdk
from hal.errors import DeviceNotFound, InputError
from hal.errortable import one_line
from hal.processor import processor
from hal.spec import DeviceInfo

INSTALL = "pip install 'onnx-hal[iree]'"


@dataclass(frozen=True, slots=True)
class Kind:
    """A device of IREE's: its driver, who makes it, its compiler's flags.

    `chip` is the flag that names a chip; `usual` the chip that is meant where none is named.
    """

    driver: str
    vendor: str
    flags: tuple[str, ...]
    chip: str = ""
    usual: str = ""


_ON = "--iree-hal-target-device"
_BY = "--iree-hal-local-target-device-backends"
_HOST = "--iree-llvmcpu-target-cpu=host"
KINDS: Mapping[str, Kind] = {
    "llvm-cpu": Kind("local-task", "IREE", (f"{_ON}=local", f"{_BY}=llvm-cpu", _HOST)),
    "vmvx": Kind("local-task", "IREE", (f"{_ON}=local", f"{_BY}=vmvx")),
    "vulkan": Kind("vulkan", "Khronos", (f"{_ON}=vulkan",), "--iree-vulkan-target"),
    "cuda": Kind("cuda", "NVIDIA", (f"{_ON}=cuda",), "--iree-cuda-target", "sm_80"),
    "hip": Kind("hip", "AMD", (f"{_ON}=hip",), "--iree-rocm-target", "gfx942"),
}
"""By the first part of a device's id; "cuda:sm_90" names the chip too."""

ABSENT: Mapping[str, str] = {
    "vulkan": "it wants a Vulkan driver (Debian: libvulkan1, mesa-vulkan-drivers of Mesa 25)",
    "cuda": "it wants NVIDIA's driver (Debian: libcuda1)",
    "hip": "it wants AMD's HIP runtime (Debian: libamdhip64-5)",
}
"""What a driver wants that is not here."""


def runtime() -> Any:
    """IREE's runtime, imported now."""
    return import_sdk("iree.runtime", "IREE", INSTALL)


def kind_of(device: str) -> Kind:
    """The kind a device's id begins with.

    Raises:
        DeviceNotFound: there is none.
    """
    name, colon, _ = device.partition(":")
    kind = KINDS.get(name)
    if kind is None or (colon and not kind.chip):
        raise DeviceNotFound(f"no device {device!r}; IREE has {sorted(KINDS)}", device=device)
    return kind


def flags(device: str) -> list[str]:
    """What the compiler is told for a device."""
    kind = kind_of(device)
    chip = device.partition(":")[2] or kind.usual
    return [*kind.flags, *([f"{kind.chip}={chip}"] if chip else [])]


def seen(kind: Kind) -> str:
    """What the driver calls its first device.

    Raises:
        DeviceNotFound: its driver cannot be loaded, or sees none; what brings it is named.
    """
    why = f"IREE has no {kind.driver} here; {ABSENT.get(kind.driver)}"
    try:
        found = runtime().get_driver(kind.driver).query_available_devices()
    except (RuntimeError, ValueError, OSError) as error:
        told = one_line(str(error).split(";", 1)[-1], 200)
        raise DeviceNotFound(f"{why}: {told}") from error
    if not found:
        raise DeviceNotFound(why)
    return str(found[0]["name"])


def info(device: str, name: str) -> DeviceInfo:
    """The device, with what is claimed of it; no types are, for the compiler tells."""
    kind = kind_of(device)
    local = kind.driver == "local-task"
    return DeviceInfo(
        id=device,
        # Code for the host is for its processor alone, so that a saved program bears its name.
        name=f"{processor()} ({device})" if local else name,
        vendor=kind.vendor,
        kind="cpu" if local else "gpu",
        sdk=metadata.version("iree-base-compiler"),
        opsets={"": (1, 28)},
        features=frozenset({"deterministic", "dynamic_shapes", "save"}),
        arithmetic=("fp32",),
    )


def opened(kind: Kind, threads: int | None) -> Any:
    """The runtime's device, for one thread where that is asked.

    Raises:
        DeviceNotFound: it is not on this machine.
        InputError: another number of threads, which IREE settles for a whole process.
    """
    seen(kind)
    local = kind.driver == "local-task"
    if local and threads not in (None, 1):
        raise InputError(
            f"IREE takes threads=1 or none, not {threads}: others hold for a whole process"
        )
    return runtime().get_device("local-sync" if local and threads == 1 else kind.driver)
