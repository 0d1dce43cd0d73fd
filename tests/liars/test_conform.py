"""Devices that kill, print, close and exit, under the public command: none ends the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hal_conformance import suite

FOLDER = Path(__file__).parent.parent / "fixtures" / "liars"
CAUGHT = {
    "aborts:0": ("process/does-not-exit", "CRASH"),
    "calls-exit:0": ("process/does-not-exit", "FAIL"),
    "closes-stdout:0": ("process/leaves-stdout-open", "FAIL"),
    "exits-at-once:0": ("process/does-not-exit", "CRASH"),
    "prints-to-stdout:0": ("process/prints-nothing-on-stdout", "FAIL"),
    "segfaults:0": ("process/does-not-exit", "CRASH"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Outcome by target and case, of one run over all of them."""
    folder = tmp_path_factory.mktemp("run")
    command = [sys.executable, "-m", "hal", "conform", *CAUGHT, "--suite", "api"]
    done = subprocess.run(
        [*command, "-k", "api/process/*", "-j", "2", "-o", "out"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (folder / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return {(record["target"], record["case"]): record["outcome"] for record in records}


@pytest.mark.slow
def test_every_case_of_every_target_has_an_outcome(
    outcomes: dict[tuple[str, str], str],
) -> None:
    cases = [case.id for case in suite.cases() if case.id.startswith("api/process/")]
    assert set(outcomes) == {(target, case) for target in CAUGHT for case in cases}


@pytest.mark.slow
@pytest.mark.parametrize("target", CAUGHT)
def test_the_liar_is_caught(target: str, outcomes: dict[tuple[str, str], str]) -> None:
    promise, expected = CAUGHT[target]
    assert outcomes[target, f"api/{promise}"] == expected
