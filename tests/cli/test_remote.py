"""Commands on a target of another machine: as on one of this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Hal = Callable[..., Any]
Board = Any
"""`Board` of tests/conftest.py."""


@pytest.fixture
def hal_with_board(hal_with_toys: Hal, folder: Path, board: Board) -> Hal:
    """The command beside a devices.yaml with targets on a board, and one on no machine."""
    text = f"""
targets:
  board: {{adapter: toy, device: '0', host: '{board.url}', python: {sys.executable}}}
  real: {{adapter: reference, device: cpu, host: '{board.url}', python: {sys.executable}}}
  gone: {{extends: board, host: 'ssh://127.0.0.1:1'}}
  wrong: {{extends: board, device: '9'}}
"""
    (folder / "devices.yaml").write_text(text, encoding="utf-8")
    return hal_with_toys


def test_run_gives_the_outputs_of_the_board(
    hal_with_board: Hal, conv: Path, folder: Path
) -> None:
    done = hal_with_board("run", conv, "-d", "real", "--compare", "reference:cpu")
    assert done.code == 0, done


def test_bench_measures_there_with_the_models_and_inputs_of_here(
    hal_with_board: Hal, double: Path, folder: Path
) -> None:
    np.save(folder / "x.npy", np.ones((2, 3), np.float32))
    words = ("--seconds", "0.1", "--rounds", "1", "--json")
    done = hal_with_board("bench", double, "-d", "board", "-i", "x=x.npy", *words)
    assert done.code == 0, done
    (found,) = done.json["targets"]
    assert found["target"] == "board"
    assert found["runs"] > 0
    assert found["error"] is None


def test_devices_asks_the_machines_of_targets(hal_with_board: Hal, board: Board) -> None:
    done = hal_with_board("devices", "toy", "--check", "--json")
    there = {target["name"]: target["there"] for target in done.json["targets"]}
    assert there["board"]["found"]
    assert there["board"]["device"]["check"]["verdict"] in {"failed", "wrong", "refused"}
    assert "does not answer" in there["gone"]["message"]
    assert f"on {board.url}: no device '9'" in there["wrong"]["message"]
    assert done.code == 4  # the toy only doubles


def test_devices_prints_where_a_target_is(hal_with_board: Hal, board: Board) -> None:
    done = hal_with_board("devices", "toy")
    assert done.code == 0, done
    assert board.url in done.out.replace("\n", "")
    assert "gone: ssh://127.0.0.1:1 does not answer" in done.out


def test_a_machine_that_does_not_answer_is_absent(hal_with_board: Hal, double: Path) -> None:
    done = hal_with_board("run", double, "-d", "gone")
    assert done.code == 3
    assert "ssh://127.0.0.1:1 does not answer" in done.err


def test_what_a_device_does_to_its_process_is_not_asked_of_ours(
    hal_with_board: Hal, folder: Path
) -> None:
    words = ("--suite", "api", "-k", "api/process/*", "-j", "1", "-o", folder / "results")
    done = hal_with_board("conform", "real", *words)
    assert done.code == 0, done
    rows = (folder / "results" / "results.jsonl").read_text().splitlines()
    cases = [row for row in map(json.loads, rows) if "case" in row]
    assert len(cases) > 4
    assert {row["outcome"] for row in cases} == {"SKIP"}


def test_the_contract_tests_are_run_from_here(hal_with_board: Hal, folder: Path) -> None:
    words = ("--suite", "api", "--sample", "12", "-j", "1", "-o", folder / "results", "--json")
    done = hal_with_board("conform", "real", *words)
    assert done.code == 0, done
    assert '"FAIL"' not in (folder / "results" / "results.jsonl").read_text()


def test_a_case_on_a_board_is_not_reproduced_in_this_process(hal_with_board: Hal) -> None:
    done = hal_with_board("repro", "onnx/node/test_abs", "-d", "board", "--in-process")
    assert done.code == 2
    assert "never in this process" in done.err
