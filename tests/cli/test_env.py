"""`hal env`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hal import env, targets

Hal = Callable[..., Any]
HOMEBODY = Path(__file__).parents[1] / "fixtures" / "homebody"
LAB = """
targets:
  home: {adapter: homebody, device: '0', env: {requires: [homebody-sdk>=2]}}
  guest: {extends: home, labels: [guest]}
  nowhere: {extends: home, env: {requires: [./missing.whl]}}
"""


@pytest.fixture(autouse=True)
def lab(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A devices.yaml with environments, which lie in a folder of this test's."""
    (folder / "devices.yaml").write_text(LAB, encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(HOMEBODY))
    return folder


def pretend(lab: Path, name: str) -> Path:
    """An environment that says it is whole, and is this one; what it lacks is found out."""
    spec = targets.all([lab / "devices.yaml"])[name].env
    assert spec is not None
    place = lab / "cache" / "onnx-hal" / "envs" / env.folder(spec).name
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(sys.executable)
    told: dict[str, Any] = {"tool": "pip", "python": "3.11", "packages": {}}
    (place / "onnx-hal.json").write_text(json.dumps(told), encoding="utf-8")
    return place


def test_check_says_what_makes_a_missing_environment(hal: Hal) -> None:
    done = hal("env", "check", "home")
    assert done.code == 3
    assert "hal env create home" in done.out


def test_system_packages_are_told_and_not_installed(hal: Hal) -> None:
    assert "sudo apt install libhomebody1" in hal("env", "check", "home").out


def test_check_tells_what_an_environment_lacks(hal: Hal, lab: Path) -> None:
    pretend(lab, "home")
    done = hal("env", "check", "home", "--json")
    assert done.code == 3
    lacks, cannot = done.json["problems"][:2]
    assert lacks == "homebody-sdk>=2 is asked for; none is installed"
    assert cannot.startswith("homebody:0 cannot be opened")


def test_whoever_shares_a_removed_environment_is_told(hal: Hal, lab: Path) -> None:
    place = pretend(lab, "home")
    done = hal("env", "remove", "home", "--json")
    assert done.code == 0
    assert done.json["removed"]
    assert done.json["shared_with"] == ["guest"]
    assert not place.exists()
    assert not hal("env", "remove", "home", "--json").json["removed"]


def test_a_target_without_an_environment_is_wrong_usage(hal: Hal) -> None:
    done = hal("env", "create", "reference")
    assert done.code == 2
    assert "has no environment of its own" in done.err


def test_a_tool_nobody_knows_is_wrong_usage(hal: Hal) -> None:
    done = hal("env", "create", "home", "--tool", "conda")
    assert done.code == 2
    assert "uv or pip" in done.err


def test_other_commands_say_what_makes_the_environment(hal: Hal, conv: Path) -> None:
    done = hal("run", conv, "-d", "home")
    assert done.code == 2
    assert "hal env create home" in done.err


def test_a_target_whose_environment_is_missing_is_listed_all_the_same(hal: Hal) -> None:
    done = hal("devices", "homebody", "--json")
    assert [target["name"] for target in done.json["targets"]] == ["home", "guest", "nowhere"]


def test_the_list_of_targets_says_whether_an_environment_is_made(hal: Hal, lab: Path) -> None:
    pretend(lab, "home")
    found = hal("devices", "homebody").out
    assert re.search(r"^home .*in its env", found, re.MULTILINE)
    assert re.search(r"^nowhere .*env not made", found, re.MULTILINE)


@pytest.mark.slow
def test_what_cannot_be_made_is_told_with_the_tools_own_words(hal: Hal, lab: Path) -> None:
    done = hal("env", "create", "nowhere", "--tool", "pip")
    assert done.code == 4
    assert "was not made" in done.err
    assert "missing.whl" in done.err
    assert not list((lab / "cache" / "onnx-hal" / "envs").glob("*[!k]"))
