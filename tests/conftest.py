"""Fixtures for all tests: a toy device in a distribution of its own, and small models."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hal import registry

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of the adapter in `tests/fixtures/toy`, registered for this test."""
    monkeypatch.setattr(sys, "path", [str(FIXTURES / "toy"), *sys.path])
    registry.refresh()
    yield "toy"
    monkeypatch.undo()
    registry.refresh()
    sys.modules.pop("hal_toy", None)


def doubling_model(dims: tuple[int | str, ...] = ("N", 3), opset: int = 17) -> onnx.ModelProto:
    """y = x + x in float32."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(dims))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, list(dims))
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    )


@pytest.fixture
def doubling() -> onnx.ModelProto:
    """y = x + x over float32[N, 3], opset 17."""
    return doubling_model()


@pytest.fixture
def x() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A feed for it."""
    return np.arange(6, dtype=np.float32).reshape(2, 3)
