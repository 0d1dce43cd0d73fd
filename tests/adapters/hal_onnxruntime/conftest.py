"""The adapter, its CPU, and small models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import onnx
import pytest
from hal_onnxruntime.adapter import OnnxRuntimeAdapter
from onnx import TensorProto, helper

from hal.adapter import Program
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo

Build: TypeAlias = Callable[..., bytes]
Compile: TypeAlias = Callable[..., Any]


@pytest.fixture
def adapter() -> OnnxRuntimeAdapter:
    return OnnxRuntimeAdapter()


@pytest.fixture
def cpu(adapter: OnnxRuntimeAdapter) -> DeviceInfo:
    return adapter.find("cpu")


@pytest.fixture
def compiled(adapter: OnnxRuntimeAdapter, cpu: DeviceInfo) -> Compile:
    """Compiles bytes, a path or a Model on the CPU; keywords are compile options."""

    def compile_on_cpu(source: Any, **options: Any) -> Program:
        model = source if isinstance(source, Model) else Model(source)
        return adapter.compile(model, cpu, CompileOptions(**options))

    return compile_on_cpu


@pytest.fixture
def build() -> Build:
    """Bytes of a model of these nodes; inputs and outputs default to x and y in float32."""

    def model_of(
        *nodes: onnx.NodeProto,
        inputs: Sequence[onnx.ValueInfoProto] | None = None,
        outputs: Sequence[onnx.ValueInfoProto] | None = None,
        weights: Sequence[onnx.TensorProto] = (),
        opset: int = 21,
        functions: Sequence[onnx.FunctionProto] = (),
        **domains: int,
    ) -> bytes:
        graph = helper.make_graph(
            nodes,
            "test",
            [floats("x", ["n", 3])] if inputs is None else inputs,
            [floats("y", None)] if outputs is None else outputs,
            weights,
        )
        opsets = [helper.make_opsetid("", opset)]
        opsets += [
            helper.make_opsetid(name.replace("_", "."), v) for name, v in domains.items()
        ]
        made = helper.make_model(
            graph, opset_imports=opsets, functions=list(functions), ir_version=10
        )
        return made.SerializeToString()

    return model_of


def floats(name: str, shape: Sequence[str | int] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
