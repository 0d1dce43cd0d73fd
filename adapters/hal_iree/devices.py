"""Which devices IREE has here, and what its compiler is told for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from hal.adapter import import_sdk
from hal.errors import DeviceNotFound, InputError
from hal.spec import DeviceInfo

INSTALL = "pip install 'onnx-hal[iree]'"
_LOCAL = ("--iree-hal-target-device=local",)


@dataclass(frozen=True)
class Kind:
    """A device of IREE's: its driver, its compiler's flags, who makes it, what brings it.

    `architecture` is the flag that names a chip, with the chip that is meant where none is.
    """

    driver: str
    flags: tuple[str, ...]
    vendor: str
    brings: str = ""
    architecture: tuple[str, str] | None = None


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "llvm-cpu": Kind(
            "local-task",
            (
                *_LOCAL,
                "--iree-hal-local-target-device-backends=llvm-cpu",
                "--iree-llvmcpu-target-cpu=host",
            ),
            "IREE",
        ),
        "vmvx": Kind(
            "local-task", (*_LOCAL, "--iree-hal-local-target-device-backends=vmvx"), "IREE"
        ),
        "vulkan": Kind(
            "vulkan",
            ("--iree-hal-target-device=vulkan",),
            "Khronos",
            "a Vulkan loader and driver (Debian: libvulkan1, mesa-vulkan-drivers 25 or later)",
            ("--iree-vulkan-target", ""),
        ),
        "cuda": Kind(
            "cuda",
            ("--iree-hal-target-device=cuda",),
            "NVIDIA",
            "NVIDIA's driver (Debian: libcuda1)",
            ("--iree-cuda-target", "sm_80"),
        ),
        "hip": Kind(
            "hip",
            ("--iree-hal-target-device=hip",),
            "AMD",
            "AMD's HIP runtime (Debian: libamdhip64-5)",
            ("--iree-rocm-target", "gfx942"),
        ),
    }
)
"""By the first part of a device's id; "cuda:sm_90" names the chip too."""


def kind_of(device: str) -> Kind:
    """The kind a device's id begins with.

    Raises:
        DeviceNotFound: there is none.
    """
    kind = KINDS.get(device.partition(":")[0])
    if kind is None or (":" in device and kind.architecture is None):
        raise DeviceNotFound(
            f"IREE has no device {device!r} here; it has {sorted(KINDS)}", device=device
        )
    return kind


def flags(device: str) -> list[str]:
    """What the compiler is told for a device."""
    kind = kind_of(device)
    told = list(kind.flags)
    if kind.architecture is not None:
        flag, usual = kind.architecture
        chip = device.partition(":")[2] or usual
        told += [f"{flag}={chip}"] if chip else []
    return told


def names(kind: Kind) -> list[str]:
    """What the driver calls the devices that are here.

    Raises:
        DeviceNotFound: its driver cannot be loaded, or sees none; what brings it is named.
    """
    runtime = import_sdk("iree.runtime", "IREE", INSTALL)
    try:
        found = runtime.get_driver(kind.driver).query_available_devices()
    except (RuntimeError, ValueError, OSError) as error:
        told = " ".join(str(error).split(";", 1)[-1].split())[:200]
        raise DeviceNotFound(
            f"IREE's {kind.driver} driver wants {kind.brings}: {told}"
        ) from error
    if not found:
        raise DeviceNotFound(f"IREE's {kind.driver} driver sees no device; {kind.brings}")
    return [str(device["name"]) for device in found]


def seen(kind: Kind) -> str | None:
    """What the driver calls its first device, if there is one."""
    try:
        return names(kind)[0]
    except DeviceNotFound:
        return None


def info(device: str, name: str) -> DeviceInfo:
    """The device, with what is claimed of it; no types are, for the compiler tells."""
    kind = kind_of(device)
    local = kind.driver.startswith("local")
    what: Literal["cpu", "gpu"] = "cpu" if local else "gpu"
    features = {"deterministic", "dynamic_shapes", "save"}
    return DeviceInfo(
        id=device,
        name=f"{processor()} ({device})" if local else name,
        vendor=kind.vendor,
        kind=what,
        sdk=metadata.version("iree-base-compiler"),
        opsets={"": OPSETS},
        features=frozenset(features),
        arithmetic=("fp32",),
    )


OPSETS = (1, 28)


def processor() -> str:
    """The processor's name; code made for the host is for it alone."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1].strip() if found else "CPU"


def opened(kind: Kind, threads: int | None) -> Any:
    """The runtime's device, for one thread where that is asked.

    Raises:
        DeviceNotFound: it is not on this machine.
        InputError: another number of threads, which IREE settles for a whole process.
    """
    names(kind)
    local = kind.driver == "local-task"
    if threads not in (None, 1) and local:
        raise InputError(
            f"IREE takes threads=1 or none here, not {threads}: it settles any other number "
            "for a whole process"
        )
    runtime = import_sdk("iree.runtime", "IREE", INSTALL)
    return runtime.get_device("local-sync" if local and threads == 1 else kind.driver)
