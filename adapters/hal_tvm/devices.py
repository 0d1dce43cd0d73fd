"""What TVM generates code for, and what is claimed of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any, Literal

from hal.adapter import import_sdk
from hal.spec import DeviceInfo

INSTALL = "pip install 'onnx-hal[tvm]'"

TARGETS: Mapping[str, tuple[Literal["cpu", "gpu"], str, str]] = {
    "llvm": ("cpu", "cpu", "LLVM machine code for the CPU"),
    "c": ("cpu", "ext_dev", "C sources"),
    "cuda": ("gpu", "cuda", "CUDA"),
    "metal": ("gpu", "metal", "Metal"),
    "opencl": ("gpu", "opencl", "OpenCL"),
    "webgpu": ("gpu", "webgpu", "WebGPU"),
}
"""TVM's name of a target -> what it is, the runtime device it needs, what is generated.

What is generated for "c" is not run: it is there to be compiled elsewhere.
"""

DTYPES = frozenset(
    {"bool", "bfloat16", "float16", "float32", "float64", "float8e8m0"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
"""Of TVM's other small floats, which it takes too, all casts give wrong values: not claimed."""


def sdk() -> Any:
    """The module `tvm`.

    Raises:
        SDKMissing: it is not installed.
    """
    return import_sdk("tvm", "Apache TVM", INSTALL)


def listed() -> tuple[DeviceInfo, ...]:
    """The targets that this build of TVM has a code generator for."""
    tvm = sdk()
    return tuple(
        _info(tvm, target)
        for target in TARGETS
        if tvm.get_global_func(f"target.build.{target}", allow_missing=True) is not None
    )


def runs(tvm: Any, target: str) -> bool:
    """Whether this TVM, on this machine, has what runs the target's programs."""
    return target == "llvm" or (target != "c" and tvm.device(TARGETS[target][1]).exist)


def _info(tvm: Any, target: str) -> DeviceInfo:
    kind, _, text = TARGETS[target]
    here = runs(tvm, target)
    features = {"deterministic", "dynamic_shapes", "query"}
    features |= {"placement"} if target == "llvm" else set()
    features |= {"save"} if shutil.which("g++") or shutil.which("gcc") else set()
    return DeviceInfo(
        id=target,
        name=f"TVM, {text}{'' if here else ' (compiles; nothing here runs it)'}",
        vendor="Apache",
        kind=kind,
        sdk=str(tvm.__version__),
        dtypes=DTYPES,
        opsets={"": (1, 28)},
        features=frozenset(features),
        arithmetic=("fp32",),
        properties={"runs": "yes" if here else "no"},
    )
