"""What the parser and the log say, in our words; texts as TensorRT-RTX 1.7.1 printed them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hal_tensorrt import errors
from hal_tensorrt.adapter import TensorRTAdapter, TensorRTRtxAdapter

from hal.adapter import refuse_options
from hal.errors import CompileError, DeviceNotFound, HALError, InputError, Unsupported

PLUGIN = 'creator && "Plugin not found, are the plugin name, version, and namespace correct?"'
FP8 = (
    "IBuilder::buildSerializedNetwork: Error Code 1: Myelin ([pass.cpp:1500: run_passes] "
    "Cannot compile for target(s) sm80, because the model contains HW-specific datatypes: "
    "fp8_e4m3.)"
)
NO_DRIVER = (
    "[checkMacros.cpp::catchCudaError::250] Error Code 1: Cuda Runtime (In catchCudaError at "
    "/_src/common/dispatch/checkMacros.cpp:250 (cudaError 35: CUDA driver version is "
    "insufficient for CUDA runtime version))"
)


def said(code: str, text: str, op: str = "Foo") -> Any:
    return SimpleNamespace(
        code=lambda: SimpleNamespace(name=code),
        desc=lambda: text,
        node=lambda: 1,
        node_name=lambda: "",
        node_operator=lambda: op,
    )


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("INVALID_NODE", PLUGIN, Unsupported),
        ("UNSUPPORTED_NODE", "false", Unsupported),
        ("MODEL_DESERIALIZE_FAILED", "Failed to parse the ONNX model.", InputError),
        ("INVALID_NODE", "ITensor::getDimensions: Error Code 4: Shape Error", Unsupported),
        ("INTERNAL_ERROR", "Unexpected exception", CompileError),
        (
            "INVALID_NODE",
            f"Shape Error (reshape changes volume. Reshaping [2,3] to [4,4].) {NO_DRIVER}",
            InputError,
        ),
    ],
)
def test_the_parsers_code_and_text_decide(code: str, text: str, kind: type[HALError]) -> None:
    assert type(errors.of_parser(said(code, text))) is kind


def test_the_parsers_error_names_operator_and_node() -> None:
    error = errors.of_parser(said("UNSUPPORTED_NODE", "false", "Col2Im"))
    assert error.op == "Col2Im"
    assert error.message == "the parser, at Col2Im #1: false (UNSUPPORTED_NODE)"


def test_the_log_is_the_reason_when_the_builder_gives_nothing() -> None:
    error = errors.of_log([(3, "Detected 1 inputs"), (1, FP8), (1, NO_DRIVER)], "the builder")
    assert type(error) is Unsupported
    assert "fp8_e4m3" in error.message
    assert "cudaError" not in error.message


def test_a_missing_driver_names_its_package() -> None:
    error = errors.of_cuda(
        "cudaSetDevice: no CUDA-capable device (cudaError 100)", "apt, nvidia-driver"
    )
    assert type(error) is DeviceNotFound
    assert "nvidia-driver" in error.message


def test_a_log_that_says_nothing_is_told_as_such() -> None:
    assert "nothing in the log" in errors.of_log([], "the builder").message


def test_a_timing_cache_is_an_option_where_there_is_one() -> None:
    assert "timing_cache" in TensorRTAdapter.options
    with pytest.raises(
        InputError, match=r"'timing_cache'.*\['optimization_level', 'profiles'\]"
    ):
        refuse_options({"timing_cache": "cache.bin"}, TensorRTRtxAdapter.options)
