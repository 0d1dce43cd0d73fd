"""What plugins and ONNX Runtime say of them, in our words; each text was seen."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hal_onnxruntime import errors

from hal.errors import DeviceError, HALError, Unsupported

state: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")

NO_ADAPTER = (
    "[ONNXRuntimeError] : 11 : EP_FAIL : /onnxruntime_src/onnxruntime/core/session/plugin_ep/"
    "ep_plugin_provider_interfaces.cc:393 virtual std::unique_ptr<onnxruntime::"
    "IExecutionProvider> onnxruntime::PluginExecutionProviderFactory::CreateProvider(const "
    "OrtSessionOptions&, const OrtLogger&) [ONNXRuntimeError] : 11 : EP_FAIL : Failed to get a "
    "WebGPU adapter: No supported adapters"
)
NO_KERNEL = (
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Exception during initialization: "
    "!node_provider_type.empty() was false. Provider type for Gemm node with name '#0' is not "
    "set."
)
NO_INPUTS = (
    "[ONNXRuntimeError] : 11 : EP_FAIL : Failed to setup QNN input tensors for graph: g_0. "
    "Having zero graph inputs is not supported on this backend."
)


@pytest.mark.parametrize(
    ("exception", "text", "kind"),
    [
        ("EPFail", NO_ADAPTER, DeviceError),
        ("RuntimeException", NO_KERNEL, Unsupported),
        ("EPFail", NO_INPUTS, Unsupported),
    ],
)
def test_what_is_said_has_a_name(exception: str, text: str, kind: type[HALError]) -> None:
    assert type(errors.translate(getattr(state, exception)(text))) is kind


def test_a_node_without_any_kernel_is_named() -> None:
    found = errors.translate(state.RuntimeException(NO_KERNEL))
    assert found is not None
    assert (found.op, found.node) == ("Gemm", "#0")
