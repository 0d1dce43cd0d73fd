"""Which of tinygrad's devices are on this machine, found without opening any of them."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import Any

from hal.adapter import import_sdk
from hal.spec import DeviceInfo

INSTALL = "pip install 'onnx-hal[tinygrad]'"

DTYPES = frozenset(
    {"bfloat16", "bool", "float16", "float32", "float64"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
"""The element types that tinygrad's reader of ONNX knows."""

_ROOM = 256
"""For the devices of one platform, and for the bytes of a driver's longest answer."""


def module(name: str) -> Any:
    """One of tinygrad's own modules.

    Raises:
        SDKMissing: tinygrad is not installed.
    """
    return import_sdk(f"tinygrad.{name}", "tinygrad", INSTALL)


def listed() -> list[DeviceInfo]:
    """The devices that are here.

    Raises:
        SDKMissing: tinygrad is not installed.
    """
    module("device")
    compiler = clang()
    told = _version(compiler) if compiler else ""
    found = [_info("cpu", f"CPU, kernels by {told}", "tiny corp", told)] if told else []
    for driver in (_cl, _cuda):
        with suppress(AttributeError, OSError):  # tinygrad has not found the driver's library
            found += driver()
    return found


def _info(device: str, name: str, vendor: str, driver: str, **properties: str) -> DeviceInfo:
    return DeviceInfo(
        id=device.removesuffix(".0"),
        name=name,
        vendor=vendor,
        kind="cpu" if device == "cpu" else "gpu",
        sdk=version("tinygrad"),
        driver=driver,
        dtypes=DTYPES,
        opsets={"": (1, 28)},  # any number, which tells forms of an operator apart
        features=frozenset({"deterministic", "dynamic_shapes", "query"}),
        arithmetic=("fp32",),
        properties=properties,
    )


def clang() -> str | None:
    """The compiler that tinygrad is to call: what CC names, or the newest clang.

    Older than 15 it knows no bfloat16 on x86, and older than 17 it converts no number to it.
    """
    newest_first = [*(f"clang-{number}" for number in range(29, 14, -1)), "clang"]
    named = [os.environ["CC"]] if "CC" in os.environ else newest_first
    return next((name for name in named if shutil.which(name)), None)


@cache
def _version(compiler: str) -> str:
    told = subprocess.run(
        [compiler, "-dumpversion"], capture_output=True, text=True, check=False
    )
    return f"{compiler} {told.stdout.strip()}"


def _cl() -> Iterator[DeviceInfo]:
    """The devices of the first OpenCL platform, the only one that tinygrad uses."""
    cl = module("runtime.autogen.opencl")
    platforms, found = (cl.cl_platform_id * 1)(), (cl.cl_device_id * _ROOM)()
    count, text = ctypes.c_uint32(), ctypes.create_string_buffer(_ROOM)
    cl.clGetPlatformIDs(1, platforms, None)  # without one, there is no device to be found
    kind = "GPU"
    if cl.clGetDeviceIDs(platforms[0], cl.CL_DEVICE_TYPE_GPU, _ROOM, found, count):
        kind = "other than GPU"  # as PoCL's is
        cl.clGetDeviceIDs(platforms[0], cl.CL_DEVICE_TYPE_DEFAULT, _ROOM, found, count)
    for index, device in enumerate(found[: count.value]):
        told: list[str] = []
        for what in (cl.CL_DEVICE_NAME, cl.CL_DEVICE_VENDOR, cl.CL_DRIVER_VERSION):
            cl.clGetDeviceInfo(device, what, _ROOM, text, None)
            told.append(text.value.decode(errors="replace"))
        yield _info(f"cl.{index}", *told, **{"OpenCL type": kind})


def _cuda() -> Iterator[DeviceInfo]:
    cuda = module("runtime.autogen.cuda")
    count, driver = ctypes.c_int32(), ctypes.c_int32()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(count):
        return
    cuda.cuDriverGetVersion(driver)
    told = f"CUDA {driver.value // 1000}.{driver.value % 1000 // 10}"
    name = ctypes.create_string_buffer(_ROOM)
    for index in range(count.value):
        cuda.cuDeviceGetName(name, _ROOM, index)
        yield _info(f"cuda.{index}", name.value.decode(errors="replace"), "NVIDIA", told)
