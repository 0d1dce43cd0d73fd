"""A vendor we have never heard of: its distribution and ours, installed from wheels, judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

TARGET = "acme:0"


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="module")
def hal(wheel: Path, clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `hal` command of an environment with our wheel and the stranger's, and no vendor."""
    folder = tmp_path_factory.mktemp("stranger")
    acme = clone / "tests" / "fixtures" / "acme"
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    _run(*build, acme, cwd=folder)
    [theirs] = folder.glob("*.whl")
    _run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    install = (folder / "venv" / "bin" / "python", "-m", "pip", "install", "-qq", "--no-input")
    constraints = ("--constraint", clone / "constraints.txt")
    _run(*install, *constraints, wheel, theirs, cwd=folder)
    return folder / "venv" / "bin" / "hal"


@pytest.fixture(scope="module")
def results(hal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `hal conform` wrote, started in an empty one."""
    empty = tmp_path_factory.mktemp("empty")
    _run(hal, "conform", TARGET, "--suite", "all", "-j", "2", "-o", "out", cwd=empty)
    return empty / "out"


@pytest.fixture(scope="module")
def records(results: Path) -> list[dict[str, Any]]:
    lines = (results / "results.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_environment_holds_no_vendor_we_know(hal: Path, tmp_path: Path) -> None:
    python = hal.parent / "python"
    listed = _run(python, "-m", "pip", "list", "--format=json", cwd=tmp_path).stdout
    names = {package["name"].lower() for package in json.loads(listed)}
    assert not names & {"onnxruntime", "openvino"}


def test_the_stranger_is_listed(hal: Path, tmp_path: Path) -> None:
    listed = json.loads(_run(hal, "devices", "--json", cwd=tmp_path).stdout)
    assert "acme" in json.dumps(listed)


def test_every_case_has_exactly_one_record(
    results: Path, records: list[dict[str, Any]]
) -> None:
    header = json.loads((results / "run.json").read_text())
    cases = [record["case"] for record in records]
    assert len(cases) == len(set(cases)) == header["cases"]
    assert {record["target"] for record in records} == {TARGET}


def test_every_suite_of_all_ran(records: list[dict[str, Any]]) -> None:
    kinds = {record["case"].split("/")[0] for record in records}
    assert kinds == {"api", "onnx", "graphs", "ops"}
    assert sum(record["case"].startswith("onnx/") for record in records) == 2033


def test_the_reports_name_the_device(results: Path) -> None:
    for name in ("report.html", "report.md", "junit.xml"):
        assert TARGET in (results / name).read_text(), name


def test_the_header_names_the_strangers_version(results: Path) -> None:
    [target] = json.loads((results / "run.json").read_text())["targets"]
    assert (target["adapter"], target["device"]) == ("acme", "0")
    assert target["adapter_version"]
