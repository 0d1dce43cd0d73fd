"""tinygrad's CPU, and small models for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import onnx
import pytest
from hal_tinygrad import devices
from hal_tinygrad.adapter import TinygradAdapter
from onnx import helper

from hal.errors import SDKMissing
from hal.model import Model
from hal.spec import DeviceInfo

Build = Callable[..., Model]


@pytest.fixture(scope="session")
def adapter() -> TinygradAdapter:
    return TinygradAdapter()


@pytest.fixture(scope="session")
def cpu(adapter: TinygradAdapter) -> DeviceInfo:
    pytest.importorskip("tinygrad")
    if devices.clang() is None:
        pytest.skip("tinygrad's CPU needs clang")
    return adapter.find("cpu")


@pytest.fixture(scope="session")
def cl(adapter: TinygradAdapter) -> DeviceInfo:
    try:
        found = [info for info in adapter.probe() if info.id == "cl"]
    except SDKMissing:
        found = []
    if not found:
        pytest.skip("no OpenCL here")
    return found[0]


@pytest.fixture
def build() -> Build:
    """A model of those nodes; inputs and outputs are (name, number of the type, shape)."""

    def make(
        nodes: Sequence[onnx.NodeProto],
        inputs: Sequence[tuple[str, int, Sequence[int | str | None]]],
        outputs: Sequence[tuple[str, int, Sequence[int | str | None] | None]],
        initializers: Sequence[onnx.TensorProto] = (),
        **domains: int,
    ) -> Model:
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info(*value) for value in inputs],
            [helper.make_tensor_value_info(*value) for value in outputs],
            list(initializers),
        )
        opsets: list[Any] = [helper.make_opsetid("", 18)]
        opsets += [helper.make_opsetid(name, version) for name, version in domains.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return Model(model.SerializeToString())

    return make
