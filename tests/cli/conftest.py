"""The installed command in an empty folder, small models, and devices that misbehave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

TOY = Path(__file__).parents[1] / "fixtures" / "toy"
HAL = Path(sys.executable).parent / "hal"

ACTS = """
targets:
  toy: {adapter: toy, device: '0'}
  segfaults: {extends: toy, options: {vendor: {act: segfault}}}
  prints: {extends: toy, options: {vendor: {act: print}}}
  hangs: {extends: toy, options: {vendor: {act: hang}}, timeouts: {run_s: 1}}
  raises: {extends: toy, options: {vendor: {act: raise}}}
  dies-compiling: {extends: toy, options: {vendor: {compile: segfault}}}
"""


@dataclass(frozen=True)
class Done:
    """What one call of the command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout as the one JSON document it must be."""
        return json.loads(self.out)


Hal = Callable[..., Done]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hal(folder: Path) -> Hal:
    """Calls the installed command in `folder`."""

    def call(*words: str | Path, env: dict[str, str] | None = None) -> Done:
        done = subprocess.run(
            [HAL, *words],
            cwd=folder,
            env={**os.environ, "COLUMNS": "80", **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def hal_with_toys(hal: Hal, folder: Path) -> Hal:
    """The same with the toy adapters installed, and a devices.yaml of their misdeeds."""
    (folder / "devices.yaml").write_text(ACTS, encoding="utf-8")

    def call(*words: str | Path) -> Done:
        return hal(*words, env={"PYTHONPATH": str(TOY)})

    return call


@pytest.fixture
def save(folder: Path) -> Callable[..., Path]:
    """Writes a model of one graph into `folder`."""

    def write(
        name: str,
        nodes: Sequence[onnx.NodeProto],
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
        weights: Sequence[onnx.TensorProto] = (),
        opset: int = 17,
    ) -> Path:
        graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        path = folder / name
        path.write_bytes(model.SerializeToString())
        return path

    return write


@pytest.fixture
def conv(save: Callable[..., Path]) -> Path:
    """A small convolutional classifier over float32[N, 3, 8, 8]."""
    rng = np.random.default_rng(7)
    weights = rng.standard_normal((5, 3, 3, 3)).astype(np.float32)
    return save(
        "conv.onnx",
        [
            helper.make_node("Conv", ["image", "w"], ["c"], "conv", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"], "relu"),
            helper.make_node("GlobalAveragePool", ["r"], ["p"], "pool"),
            helper.make_node("Flatten", ["p"], ["scores"], "flatten"),
        ],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 5])],
        [numpy_helper.from_array(weights, "w")],
    )


@pytest.fixture
def double(save: Callable[..., Path]) -> Path:
    """y = x + x over float32[N, 3], which the toy device computes."""
    return save(
        "double.onnx",
        [helper.make_node("Add", ["x", "x"], ["y"], "add")],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
    )
