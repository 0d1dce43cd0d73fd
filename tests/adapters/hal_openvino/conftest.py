"""A real OpenVINO CPU device, and small models for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hal_openvino.adapter import OpenVINOAdapter
from onnx import TensorProto, helper

from hal.adapter import Program
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo
from hal.tensor import Array, Tensor

Build = Callable[..., Model]
Compile = Callable[..., Program]
Run = Callable[..., list[Any]]


_KEPT: list[Any] = []


@pytest.fixture(scope="session")
def core() -> Any:
    """OpenVINO without us; never released, as the adapter's own is not."""
    import openvino as ov

    _KEPT.append(ov.Core())
    return _KEPT[-1]


@pytest.fixture(scope="session")
def adapter() -> OpenVINOAdapter:
    return OpenVINOAdapter()


@pytest.fixture(scope="session")
def cpu(adapter: OpenVINOAdapter) -> DeviceInfo:
    return adapter.find("cpu")


@pytest.fixture
def build() -> Build:
    """A model of those nodes; inputs and outputs are (name, number of the type, shape)."""

    def make(
        nodes: Sequence[onnx.NodeProto],
        inputs: Sequence[tuple[str, int, Sequence[int | str | None]]],
        outputs: Sequence[tuple[str, int, Sequence[int | str | None]]],
        initializers: Sequence[onnx.TensorProto] = (),
        opset: int = 21,
    ) -> Model:
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info(*value) for value in inputs],
            [helper.make_tensor_value_info(*value) for value in outputs],
            list(initializers),
        )
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return Model(model.SerializeToString())

    return make


@pytest.fixture
def compiled(adapter: OpenVINOAdapter, cpu: DeviceInfo) -> Iterator[Compile]:
    made: list[Program] = []

    def make(model: Model, device: DeviceInfo = cpu, **options: Any) -> Program:
        options.setdefault("arithmetic", "fp32")
        made.append(adapter.compile(model, device, CompileOptions(**options)))
        return made[-1]

    yield make
    for program in made:
        program.close()


@pytest.fixture
def run() -> Run:
    """Run a program on plain arrays; the results are plain arrays."""

    def call(program: Program, **feeds: Array) -> list[Any]:
        values = program.run({name: Tensor.of(array) for name, array in feeds.items()})
        return [value.array for value in values if isinstance(value, Tensor)]

    return call


@pytest.fixture
def add(build: Build) -> Model:
    """y = a + b over float32, with a symbolic first dimension."""
    shape = ("N", 4)
    return build(
        [helper.make_node("Add", ["a", "b"], ["y"], name="add")],
        [("a", TensorProto.FLOAT, shape), ("b", TensorProto.FLOAT, shape)],
        [("y", TensorProto.FLOAT, shape)],
    )


@pytest.fixture
def pair() -> dict[str, Array]:
    return {
        "a": np.arange(12, dtype=np.float32).reshape(3, 4),
        "b": np.full((3, 4), 10, np.float32),
    }
