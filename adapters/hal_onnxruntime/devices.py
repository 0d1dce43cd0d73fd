"""Which execution providers this build of ONNX Runtime has, and what is claimed of each.

Opsets, domains and element types are read from ONNX Runtime's own tables of schemas and
kernels, so a claim changes with the build. Providers that compile whole subgraphs (TensorRT,
QNN, CoreML) register no kernels; for them no types are claimed, and the shell then asks nothing
beforehand.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias

from hal import dtypes
from hal.spec import FEATURES, DeviceInfo
from hal_onnxruntime.session import CPU, sdk

Kind: TypeAlias = Literal["cpu", "gpu", "npu", "fpga", "simulator", "null"]

_SUFFIX = "ExecutionProvider"
# Sends single nodes of its own domain to a web service: no device that takes a model.
_NO_DEVICE = frozenset({"AzureExecutionProvider"})
_STANDARD_DOMAINS = frozenset({"", "ai.onnx.ml"})
# Layouts that the optimiser introduces; no model is written in them.
_INTERNAL_DOMAINS = frozenset({"com.microsoft.nchwc", "com.ms.internal.nhwc"})

_KINDS: Mapping[str, tuple[Kind, str]] = {
    "ACLExecutionProvider": ("cpu", "Arm"),
    "ArmNNExecutionProvider": ("cpu", "Arm"),
    "CANNExecutionProvider": ("npu", "Huawei"),
    "CUDAExecutionProvider": ("gpu", "NVIDIA"),
    "CoreMLExecutionProvider": ("npu", "Apple"),
    "DmlExecutionProvider": ("gpu", "Microsoft"),
    "DnnlExecutionProvider": ("cpu", "Intel"),
    "MIGraphXExecutionProvider": ("gpu", "AMD"),
    "NnapiExecutionProvider": ("npu", "Google"),
    "NvTensorRTRTXExecutionProvider": ("gpu", "NVIDIA"),
    "OpenVINOExecutionProvider": ("cpu", "Intel"),
    "QNNExecutionProvider": ("npu", "Qualcomm"),
    "RKNPUExecutionProvider": ("npu", "Rockchip"),
    "ROCMExecutionProvider": ("gpu", "AMD"),
    "TensorrtExecutionProvider": ("gpu", "NVIDIA"),
    "VSINPUExecutionProvider": ("npu", "VeriSilicon"),
    "VitisAIExecutionProvider": ("npu", "AMD"),
    "WebGpuExecutionProvider": ("gpu", ""),
    "WebNNExecutionProvider": ("npu", ""),
    "XnnpackExecutionProvider": ("cpu", "Google"),
}
# Builds with these end the process when asked for their kernels: it makes each provider without
# options (seen in onnxruntime-openvino 1.24.1).
_NO_KERNELS = frozenset({"OpenVINOExecutionProvider"})
_ON_CPU = frozenset(FEATURES) - {"submit"}
_ELSEWHERE = frozenset({"placement", "query"})
_CPU_MAKERS = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel", "0x41": "Arm"}
_TENSOR = re.compile(r"tensor\((\w+)\)")


def devices() -> tuple[DeviceInfo, ...]:
    """The CPU first, then the other built-in execution providers."""
    ort = sdk()
    names = [name for name in ort.get_available_providers() if name not in _NO_DEVICE]
    return tuple(_info(ort, name) for name in sorted(names, key=lambda name: name != CPU))


def provider_of(device: DeviceInfo) -> str:
    """The execution provider that is this device."""
    return device.properties["provider"]


def _info(ort: Any, provider: str) -> DeviceInfo:
    opsets, types = claims(provider)
    kind, vendor = _KINDS.get(provider, ("npu", ""))
    name = provider.removesuffix(_SUFFIX)
    features = _ELSEWHERE
    if provider == CPU:
        kind, (name, vendor), features = "cpu", _processor(), _ON_CPU
    elif not hasattr(ort.InferenceSession, "get_provider_graph_assignment_info"):
        features = frozenset[str]()  # before 1.24 nothing tells which node ran where
    return DeviceInfo(
        id=provider.removesuffix(_SUFFIX).lower(),
        name=name,
        vendor=vendor,
        kind=kind,
        sdk=ort.__version__,
        dtypes=types,
        opsets=opsets,
        features=features,
        arithmetic=("fp32",) if provider == CPU else (),
        properties={"provider": provider},
    )


@lru_cache(maxsize=32)
def claims(provider: str) -> tuple[dict[str, tuple[int, int]], frozenset[str]]:
    """The opsets of each domain, and the element types that a standard operator takes there.

    ONNX Runtime documents opset 7 as its oldest. Older ones are claimed because it has kernels
    for some of their operators: 81 cases of the standard suite below opset 7 pass.
    """
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    if not hasattr(state, "get_all_opkernel_def"):  # a build without its tables
        return {}, frozenset()
    versions: dict[str, list[int]] = {}
    for schema in state.get_all_operator_schema():
        if schema.domain not in _INTERNAL_DOMAINS:
            versions.setdefault(schema.domain, []).append(schema.since_version)
    opsets = {domain: (min(found), max(found)) for domain, found in versions.items()}
    return opsets, frozenset(_kernel_types(state, provider))


def _kernel_types(state: Any, provider: str) -> Iterator[str]:
    if not _NO_KERNELS.isdisjoint(state.get_available_providers()):
        return
    for kernel in state.get_all_opkernel_def():
        if kernel.provider == provider and kernel.domain in _STANDARD_DOMAINS:
            for types in kernel.type_constraints.values():
                for text in types:
                    for name in _TENSOR.findall(text):
                        yield dtypes.of_name(name).name


def _processor() -> tuple[str, str]:
    """The processor's name and maker; the architecture where the system does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found: dict[str, str] = dict(re.findall(r"^([\w ]+?)\s*: (.+)$", text, re.MULTILINE))
    maker = found.get("vendor_id") or found.get("CPU implementer") or ""
    name = found.get("model name") or platform.processor() or platform.machine()
    return name, _CPU_MAKERS.get(maker, maker)
