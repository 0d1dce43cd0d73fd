"""A plugin execution provider, compiled here, and small models."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest
from onnx import TensorProto, helper

Plugin: TypeAlias = Callable[[str], str]
Build: TypeAlias = Callable[..., bytes]

SOURCE = Path(__file__).with_name("plugin.c")
FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC")


@pytest.fixture(scope="session")
def compiled_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here to build a plugin with")
    library = tmp_path_factory.mktemp("acme") / "acme.so"
    subprocess.run([compiler, *FLAGS, "-o", str(library), str(SOURCE)], check=True)
    return library


@pytest.fixture(scope="session")
def plugin(compiled_plugin: Path) -> Plugin:
    """The device id of a plugin that behaves as its name says; each has its own library."""

    def device_of(name: str) -> str:
        library = compiled_plugin.with_name(f"lib{name.lower()}.so")
        if not library.exists():
            shutil.copy(compiled_plugin, library)
        return f"{library}#{name}"

    return device_of


@pytest.fixture
def build() -> Build:
    """Bytes of a model: operators one after another on x of float32."""

    def model_of(
        *ops: str,
        dims: Sequence[int | str | None] | None = (2, 3),
        element: int = TensorProto.FLOAT,
    ) -> bytes:
        names = ["x", *(f"t{i}" for i in range(len(ops) - 1)), "y"]
        nodes = [
            helper.make_node(op, [names[i]], [names[i + 1]], name=op.lower())
            for i, op in enumerate(ops)
        ]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)
        y = helper.make_tensor_value_info("y", element, dims if ops[-1] != "Shape" else None)
        graph = helper.make_graph(nodes, "g", [x], [y])
        opsets = [helper.make_opsetid("", 21)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        return made.SerializeToString()

    return model_of
