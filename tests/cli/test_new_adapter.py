"""`hal new-adapter`: a vendor's own distribution that works as it is written."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Hal = Callable[..., Any]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A distribution that was written, and is installed beside it in `site`."""
    folder = tmp_path_factory.mktemp("new") / "hal-zeta-npu"
    _python("-m", "hal", "new-adapter", "zeta_npu", "-o", str(folder))
    site = folder.parent / "site"
    _python(
        *("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--disable-pip-version-check", "--no-index", "--target", str(site), str(folder)),
    )
    return folder


def _python(*words: str) -> None:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_what_it_writes_is_a_device_once_it_is_installed(hal: Hal, written: Path) -> None:
    done = hal(
        "devices", "zeta_npu", "--json", env={"PYTHONPATH": str(written.parent / "site")}
    )
    assert done.code == 0, done
    (row,) = done.json["adapters"]
    assert [(info["id"], info["kind"]) for info in row["devices"]] == [("0", "null")]


def test_its_own_tests_pass_the_contract_suite_among_them(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(written.parent / "site"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=written,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_its_target_is_named_as_its_workflow_names_it(hal: Hal, written: Path) -> None:
    done = hal(
        *("conform", "zeta_npu", "--suite", "api", "--gate"),
        *("--devices", str(written / "devices.yaml"), "-o", str(written.parent / "results")),
        env={"PYTHONPATH": str(written.parent / "site")},
    )
    assert done.code == 0, done
    workflow = (written / ".github/workflows/conformance.yml").read_text("utf-8")
    assert "hal conform zeta_npu --suite api --gate" in workflow


def test_its_name_is_in_every_place_and_the_template_s_in_none(written: Path) -> None:
    project = tomllib.loads((written / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "hal-zeta-npu"
    assert project["entry-points"]["hal.adapters"] == {
        "zeta_npu": "hal_zeta_npu.adapter:ZetaNpuAdapter"
    }
    files = [path for path in written.rglob("*") if path.is_file()]
    texts = [path.read_text("utf-8") for path in files if "__pycache__" not in path.parts]
    assert not [text for text in texts if "hal_template" in text or "Template" in text]


@pytest.mark.parametrize("name", ["Acme", "2fast", "acme-npu", "../up", ""])
def test_a_name_that_is_none_of_a_module_is_wrong_usage(
    hal: Hal, folder: Path, name: str
) -> None:
    done = hal("new-adapter", name)
    assert done.code == 2
    assert "cannot name an adapter" in done.err
    assert not list(folder.iterdir())


def test_an_adapter_that_is_there_is_not_written_again(hal: Hal) -> None:
    done = hal("new-adapter", "openvino")
    assert done.code == 2
    assert "has an adapter 'openvino' already" in done.err


def test_nothing_that_lies_in_the_folder_is_lost(hal: Hal, folder: Path) -> None:
    (folder / "hal-acme").mkdir()
    (folder / "hal-acme" / "mine.txt").write_text("mine")
    done = hal("new-adapter", "acme")
    assert done.code == 2
    assert "is not empty" in done.err
    assert [p.name for p in (folder / "hal-acme").iterdir()] == ["mine.txt"]
