"""A case in a folder: values of every kind read back by what stands in the script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hal_conformance.runner import repro, valuefiles
from hal_conformance.runner.evidence import Evidence, gather
from hal_conformance.runner.known import files
from hal_conformance.runner.script import function, is_native
from hal_conformance.runner.standard_suite import StandardSuite

from hal.device import open as open_device
from hal.errors import InputError
from hal.targets import ad_hoc
from hal.tensor import MapValue, Tensor, Value, plain_of

FLOATS = Tensor.of(np.arange(6, dtype=np.float32).reshape(2, 3))
VALUES: dict[str, Value] = {
    "float32": FLOATS,
    "scalar": Tensor.of(np.float64(3.5)),
    "empty": Tensor.of(np.zeros((0, 2), np.int64)),
    "bool": Tensor.of(np.array([True, False])),
    "bfloat16": Tensor.of(np.array([1.5, -2], ml_dtypes.bfloat16)),
    "bfloat16 scalar": Tensor.of(np.array(1.5, ml_dtypes.bfloat16)),
    "float8": Tensor.of(np.array([1.5, -2], ml_dtypes.float8_e4m3fn)),
    "int4": Tensor.of(np.array([-8, 7, 1], ml_dtypes.int4)),
    "text": Tensor.of(np.array(["a", "ü"], dtype=object)),
    "sequence": [FLOATS, FLOATS],
    "none": None,
    "map": MapValue(Tensor.of(np.array([1, 2])), Tensor.of(np.array([0.5, 1.5]))),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_reads_back_without_this_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    written = valuefiles.write(tmp_path / "inputs", "../we/ird:0", VALUES[kind])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"np": np, "onnx": onnx}
    assert ("onnx." in written.expression) == written.needs_onnx
    got = eval(written.expression, names)
    np.testing.assert_equal(got, plain_of(VALUES[kind]))
    assert {path.parent for path in tmp_path.rglob("*.*")} <= {tmp_path / "inputs", tmp_path}


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """test_clip on the reference, which expects what is not true."""
    corpus = StandardSuite().corpus
    with open_device(ad_hoc("reference:cpu")) as device:
        return gather(device, corpus, corpus.case("onnx/node/test_clip"))


def wrong(evidence: Evidence) -> Evidence:
    from dataclasses import replace

    expected = [
        Tensor(value.array + 1, value.dtype)
        for value in evidence.expected
        if isinstance(value, Tensor)
    ]
    return replace(evidence, expected=expected)


def run_script(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKED, "repro.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


BLOCKED = """
import runpy, sys
sys.modules["hal"] = None  # importing it is an ImportError
runpy.run_path(sys.argv[1])
"""


def test_the_script_of_a_passing_case_passes_without_this_package(
    evidence: Evidence, tmp_path: Path
) -> None:
    repro.write(tmp_path / "r", evidence)
    done = run_script(tmp_path / "r")
    assert done.returncode == 0, done.stderr


def test_the_script_of_a_failing_case_fails_without_this_package(
    evidence: Evidence, tmp_path: Path
) -> None:
    repro.write(tmp_path / "r", wrong(evidence))
    done = run_script(tmp_path / "r")
    assert done.returncode == 1
    assert "AssertionError" in done.stderr


def test_the_folder_says_what_it_is(evidence: Evidence, tmp_path: Path) -> None:
    repro.write(tmp_path / "r", evidence)
    readme = (tmp_path / "r" / "README.md").read_text("utf-8")
    assert "# onnx/node/test_clip on reference:cpu" in readme
    assert "not onnx-hal" in readme
    assert {path.name for path in (tmp_path / "r").iterdir()} == {
        "model.onnx",
        "inputs",
        "expected",
        "got",
        "repro.py",
        "environment.txt",
        "README.md",
    }


def test_a_folder_of_ours_is_made_anew_and_another_is_refused(
    evidence: Evidence, tmp_path: Path
) -> None:
    repro.write(tmp_path / "r", evidence)
    repro.write(tmp_path / "r", evidence)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match="holds something else"):
        repro.write(tmp_path / "thesis", evidence)


def test_an_adapter_without_a_script_gets_ours_and_the_folder_says_so(toy: str) -> None:
    target = ad_hoc("toy:0")
    assert not is_native(target)
    assert "import hal  # this vendor's adapter brings no script" in function(target)
    assert "device='toy:0'" in function(target)


def test_an_adapters_expectations_are_found_without_importing_it(
    toy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "hal_toy"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    (package / "expectations.toml").write_text("schema = 1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert files(ad_hoc("toy:0")) == [package / "expectations.toml"]
