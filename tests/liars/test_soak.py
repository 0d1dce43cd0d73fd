"""The liars that change their answers are caught by the soak suite, each in its worker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hal_conformance.soak.suite import SoakSuite

import hal
from hal.errors import DeviceLost

pytestmark = pytest.mark.usefixtures("registered")

FOLDER = Path(__file__).parent.parent / "fixtures" / "liars"
CASE = "soak/large/matmul-dynamic"


@pytest.fixture(autouse=True)
def _liars_in_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER)]))


def seen(adapter: str) -> tuple[str, str | None]:
    with hal.open(f"{adapter}:0", isolated=True) as device:
        found = SoakSuite().observe(device, CASE)
    return found.outcome, found.reason


def test_an_honest_device_passes() -> None:
    assert seen("honest") == ("PASS", None)


@pytest.mark.parametrize(
    ("liar", "said"),
    [
        ("rolls-dice", "run 7 differs from run"),
        ("races-on-a-scratch-buffer", "of thread"),
        ("reuses-its-buffers", "was changed by later runs"),
    ],
)
def test_a_liar_is_caught(liar: str, said: str) -> None:
    outcome, reason = seen(liar)
    assert outcome == "FAIL"
    assert reason is not None
    assert said in reason


def test_a_device_that_ends_its_process_is_lost() -> None:
    with pytest.raises(DeviceLost):
        seen("aborts")
