"""Which of tinygrad's devices are on this machine, found without opening any of them."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from hal.adapter import import_sdk
from hal.errors import SDKMissing
from hal.spec import DeviceInfo

INSTALL = "pip install 'onnx-hal[tinygrad]'"

DTYPES = frozenset(
    {"bfloat16", "bool", "float16", "float32", "float64"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
"""The element types that tinygrad's reader of ONNX knows."""

OPSETS: Mapping[str, tuple[int, int]] = {"": (1, 28)}
"""It reads any number, which tells forms of an operator apart where it has several."""

MISSING = {
    "cpu": "it needs clang, which Debian's package clang brings",
    "cl": "it needs an OpenCL driver; Debian's package pocl-opencl-icd brings one for CPUs",
    "cuda": "it needs NVIDIA's driver and a GPU",
}
"""Why a device of tinygrad's is not here."""


def listed() -> list[DeviceInfo]:
    """The devices that are here.

    Raises:
        SDKMissing: tinygrad is not installed, or nothing that it could compute with.
    """
    import_sdk("tinygrad", "tinygrad", INSTALL)
    found = [info for find in (_cpu, _cl, _cuda) for info in find()]
    if not found:
        needs = "; ".join(f"for {device}, {why}" for device, why in MISSING.items())
        raise SDKMissing(f"tinygrad has no device here: {needs}", install="apt install clang")
    return found


def _info(
    device: str, name: str, kind: Literal["cpu", "gpu"], vendor: str, driver: str
) -> DeviceInfo:
    from importlib.metadata import version

    return DeviceInfo(
        id=device,
        name=name,
        vendor=vendor,
        kind=kind,
        sdk=version("tinygrad"),
        driver=driver,
        dtypes=DTYPES,
        opsets=OPSETS,
        features=frozenset({"deterministic", "dynamic_shapes", "query"}),
        arithmetic=("fp32",),
    )


def _cpu() -> Iterator[DeviceInfo]:
    compiler = clang()
    if compiler is not None:
        version = _version(compiler)
        yield _info("cpu", f"CPU, kernels by {version}", "cpu", "tiny corp", version)


def clang() -> str | None:
    """The compiler that tinygrad is to call: what CC names, or the newest clang.

    Older than 15 it knows no bfloat16 on x86.
    """
    newest_first = [*(f"clang-{number}" for number in range(29, 14, -1)), "clang"]
    named = [os.environ["CC"]] if "CC" in os.environ else newest_first
    return next((name for name in named if shutil.which(name)), None)


@cache
def _version(compiler: str) -> str:
    told = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\S+) version (\d[\w.]*)", told.stdout)
    return f"{found[1]} {found[2]}" if found else compiler


def _cl() -> Iterator[DeviceInfo]:
    """The devices of the first OpenCL platform, the only one that tinygrad uses."""
    try:
        cl = import_sdk("tinygrad.runtime.autogen.opencl", "tinygrad", INSTALL)
        platforms = (cl.cl_platform_id * 1)()
        count = ctypes.c_uint32()
        if cl.clGetPlatformIDs(1, platforms, count) or not count.value:
            return
        for kind in (cl.CL_DEVICE_TYPE_GPU, cl.CL_DEVICE_TYPE_DEFAULT):
            if not cl.clGetDeviceIDs(platforms[0], kind, 0, None, count) and count.value:
                break
        else:
            return
        found = (cl.cl_device_id * count.value)()
        cl.clGetDeviceIDs(platforms[0], kind, count.value, found, None)
    except (AttributeError, OSError):  # no library of OpenCL
        return
    sort = "GPU" if kind == cl.CL_DEVICE_TYPE_GPU else "other than GPU"  # as PoCL's is
    for index, device in enumerate(found):
        asked = (cl.CL_DEVICE_NAME, cl.CL_DEVICE_VENDOR, cl.CL_DRIVER_VERSION)
        name, vendor, driver = (_text(cl.clGetDeviceInfo, device, what) for what in asked)
        info = _info(f"cl.{index}" if index else "cl", name, "gpu", vendor, driver)
        yield replace(info, properties={"OpenCL type": sort})


def _text(ask: Callable[..., int], device: Any, what: int) -> str:
    buffer = ctypes.create_string_buffer(256)
    ask(device, what, 256, buffer, None)
    return buffer.value.decode(errors="replace")


def _cuda() -> Iterator[DeviceInfo]:
    try:
        cuda = import_sdk("tinygrad.runtime.autogen.cuda", "tinygrad", INSTALL)
        count, driver = ctypes.c_int32(), ctypes.c_int32()
        if cuda.cuInit(0) or cuda.cuDeviceGetCount(count):
            return
        cuda.cuDriverGetVersion(driver)
    except (AttributeError, OSError):  # no library of NVIDIA's driver
        return
    for index in range(count.value):
        name = ctypes.create_string_buffer(256)
        cuda.cuDeviceGetName(name, 256, index)
        version = f"CUDA {driver.value // 1000}.{driver.value % 1000 // 10}"
        identity = f"cuda.{index}" if index else "cuda"
        yield _info(identity, name.value.decode(errors="replace"), "gpu", "NVIDIA", version)
