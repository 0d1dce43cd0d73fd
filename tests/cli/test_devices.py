"""`hal devices`: adapters, devices, targets, and a real operator on each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hal import registry, targets

Hal = Callable[..., Any]

DEADLY = """
import os
from hal.adapter import Adapter
from hal.spec import DeviceInfo

class Deadly(Adapter):
    name = "deadly"
    def probe(self):
        return [DeviceInfo("0", "Deadly [red]0\\x1b[31m", "Nobody")]
    def compile(self, model, device, options):
        os.abort()

class Doomed(Deadly):
    name = "doomed"
    def probe(self):
        os.abort()

class Empty(Deadly):
    name = "empty"
    def probe(self):
        return []
"""


@pytest.fixture
def hal_with_deadly(hal: Hal, folder: Path) -> Hal:
    """The command where adapters are installed that kill their process."""
    site = folder / "site"
    info = site / "deadly-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "deadly.py").write_text(DEADLY)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1.0\n")
    points = [f"{name} = deadly:{name.title()}" for name in ("deadly", "doomed", "empty")]
    (info / "entry_points.txt").write_text("\n".join(["[hal.adapters]", *points]))
    return lambda *words: hal(*words, env={"PYTHONPATH": str(site)})


def adapters(document: dict[str, Any]) -> dict[str, Any]:
    return {row["adapter"]: row for row in document["adapters"]}


def test_every_registered_adapter_and_every_target_is_listed(hal: Hal) -> None:
    done = hal("devices", "--json")
    assert done.code == 0, done
    assert sorted(adapters(done.json)) == registry.names()
    names = [target["name"] for target in done.json["targets"]]
    assert names == list(targets.all())


def test_a_device_is_shown_by_the_name_that_opens_it(hal: Hal) -> None:
    done = hal("devices")
    assert done.code == 0, done
    assert "onnxruntime:cpu  present" in done.out
    assert "reference:cpu" in done.out


@pytest.mark.parametrize("name", ["reference", "onnxruntime", "openvino"])
def test_check_computes_on_every_device_that_is_present(hal: Hal, name: str) -> None:
    done = hal("devices", name, "--check", "--json")
    assert done.code == 0, done
    [row] = done.json["adapters"]
    assert row["status"] == "present"
    assert {device["check"]["verdict"] for device in row["devices"]} == {"ok"}


def test_a_null_device_is_not_asked_and_is_no_failure(hal: Hal) -> None:
    done = hal("devices", "template", "--check")
    assert done.code == 0, done
    assert "computes nothing" in done.out
    assert "wrong" not in done.out


def test_a_missing_sdk_is_a_row_with_the_line_to_type(hal_with_toys: Hal) -> None:
    done = hal_with_toys("devices")
    assert done.code == 0, done
    assert "toy-without-sdk:     missing" in done.out
    assert "pip install hal-toy" in done.out


def test_a_broken_adapter_is_a_row_and_the_others_are_shown(hal_with_toys: Hal) -> None:
    rows = adapters(hal_with_toys("devices", "--json").json)
    assert rows["toy-nowhere"]["status"] == "broken"
    assert rows["toy-not-an-adapter"]["status"] == "broken"
    assert rows["toy"]["status"] == "present"
    assert rows["toy-without-sdk"]["install"] == "pip install hal-toy"


def test_check_finds_a_device_that_computes_something_else(hal_with_toys: Hal) -> None:
    done = hal_with_toys("devices", "toy", "--check", "--json")
    assert done.code == 4
    [row] = done.json["adapters"]
    assert [device["check"]["verdict"] for device in row["devices"]] == ["wrong", "wrong"]


def test_a_device_that_kills_its_process_is_a_row(hal_with_deadly: Hal) -> None:
    done = hal_with_deadly("devices", "deadly", "reference", "--check", "--json")
    assert done.code == 4
    rows = adapters(done.json)
    assert rows["deadly"]["devices"][0]["check"]["verdict"] == "failed"
    assert "SIGABRT" in rows["deadly"]["devices"][0]["check"]["message"]
    assert rows["reference"]["devices"][0]["check"]["verdict"] == "ok"


def test_an_adapter_that_dies_when_asked_is_a_row(hal_with_deadly: Hal) -> None:
    done = hal_with_deadly("devices", "--json")
    assert done.code == 0
    assert adapters(done.json)["doomed"]["status"] == "broken"


def test_an_adapter_without_a_device_is_absent(hal_with_deadly: Hal) -> None:
    done = hal_with_deadly("devices", "empty", "--json")
    assert done.code == 3
    assert adapters(done.json)["empty"]["status"] == "absent"


def test_what_a_device_needs_that_is_not_here_is_told(hal_with_toys: Hal) -> None:
    done = hal_with_toys("devices", "toy")
    assert "toy:gpu is not here: it needs the toy driver" in done.out
    assert "toy:0 is not here" not in done.out
    asked = hal_with_toys("devices", "toy", "--json")
    assert list(adapters(asked.json)["toy"]["absent"]) == ["gpu"]


def test_a_vendors_control_characters_do_not_reach_the_terminal(hal_with_deadly: Hal) -> None:
    done = hal_with_deadly("devices", "deadly")
    assert "\x1b" not in done.out
    assert r"Deadly [red]0\x1b[31m" in done.out


@pytest.mark.parametrize("name", ["toy-without-sdk", "toy-nowhere"])
def test_an_adapter_asked_for_and_not_usable_is_code_3(hal_with_toys: Hal, name: str) -> None:
    assert hal_with_toys("devices", name).code == 3


def test_an_adapter_nobody_registers_is_code_3(hal: Hal) -> None:
    done = hal("devices", "opnvino")
    assert done.code == 3
    assert "did you mean 'openvino'" in done.err


def test_the_users_targets_are_listed_with_their_place(hal_with_toys: Hal) -> None:
    done = hal_with_toys("devices", "toy", "--json")
    found = {target["name"]: target["source"] for target in done.json["targets"]}
    assert found["segfaults"] == "devices.yaml:4"
