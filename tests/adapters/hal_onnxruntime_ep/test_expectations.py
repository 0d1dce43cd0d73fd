"""What is known of plugins stands apart from what is known of ONNX Runtime's own providers."""

from __future__ import annotations

import pytest
from hal_conformance.expectation_files import load
from hal_conformance.runner import known

from hal import targets


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("onnxruntime:cpu", "expectations.toml"),
        ("onnxruntime-ep:onnxruntime_qnn", "expectations.onnxruntime-ep.toml"),
        ("webgpu", "expectations.onnxruntime-ep.toml"),
    ],
)
def test_each_adapter_of_a_package_has_its_own_file(target: str, name: str) -> None:
    [path] = known.files(targets.resolve(target))
    assert (path.parent.name, path.name) == ("hal_onnxruntime", name)


def test_the_file_of_plugins_can_be_read() -> None:
    entries = load(known.files(targets.resolve("webgpu"))).entries
    assert {"qnn-htp-*", "webgpu"} <= {
        pattern for entry in entries for pattern in entry.expectation.targets
    }
