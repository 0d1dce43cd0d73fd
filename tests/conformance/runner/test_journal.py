"""The journal: one final record a case, whatever tore it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hal_conformance.runner import journal
from hal_conformance.runner.journal import Journal

from hal.errors import InputError

SUBJECT: dict[str, Any] = {
    "targets": ["a:0"],
    "selection": {"k": None},
    "corpus": {"onnx": "b3:1"},
}


def row(case: str, target: str = "a:0", outcome: str = "PASS") -> dict[str, Any]:
    return {"case": case, "target": target, "outcome": outcome}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def half(folder: Path) -> Path:
    """A folder whose run ended `one`, began `two`, and stopped."""
    log = Journal(folder, SUBJECT, resume=False)
    log.start("a:0", "one", "w0.1")
    log.end(row("one"))
    log.start("a:0", "two", "w0.1")
    log.close()
    return folder


def test_what_ended_is_recalled(half: Path) -> None:
    log = Journal(half, SUBJECT, resume=True)
    assert log.ended == {("a:0", "one"): row("one")}
    assert log.started == {("a:0", "one"): 1, ("a:0", "two"): 1}
    log.close()


def test_resuming_in_an_empty_folder_starts(folder: Path) -> None:
    log = Journal(folder, SUBJECT, resume=True)
    assert log.ended == {}
    log.close()
    assert (folder / journal.NAME).exists()


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_torn_last_line_is_cut_off_and_the_rest_kept(half: Path, kept: int) -> None:
    path = half / journal.NAME
    whole = path.read_bytes()
    torn = json.dumps({"kind": "end", "record": row("two")}).encode()[:kept]
    path.write_bytes(whole + torn)
    log = Journal(half, SUBJECT, resume=True)
    assert set(log.ended) == {("a:0", "one")}
    log.end(row("two"))
    log.close()
    again = Journal(half, SUBJECT, resume=True)
    assert set(again.ended) == {("a:0", "one"), ("a:0", "two")}
    again.close()


def test_a_journal_cut_at_any_byte_can_be_resumed(half: Path) -> None:
    path = half / journal.NAME
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        log = Journal(half, SUBJECT, resume=True)
        assert set(log.ended) <= {("a:0", "one")}
        log.close()


def test_damage_in_the_middle_is_refused_with_its_line(half: Path) -> None:
    path = half / journal.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"{\x00\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(InputError, match=r"journal\.jsonl:3 is damaged"):
        Journal(half, SUBJECT, resume=True)


def test_another_corpus_is_refused_and_named(half: Path) -> None:
    other = SUBJECT | {"corpus": {"onnx": "b3:2"}}
    with pytest.raises(InputError, match=r'corpus\.onnx was "b3:1", now "b3:2"'):
        Journal(half, other, resume=True)


def test_another_command_is_refused_and_named(half: Path) -> None:
    other = SUBJECT | {"selection": {"k": "conv"}}
    with pytest.raises(InputError, match=r'selection\.k was null, now "conv"'):
        Journal(half, other, resume=True)


def test_another_device_at_the_target_is_refused(half: Path) -> None:
    log = Journal(half, SUBJECT, resume=True)
    log.target("a:0", {"sdk": "1.0"})
    log.close()
    again = Journal(half, SUBJECT, resume=True)
    again.target("a:0", {"sdk": "1.0"})
    with pytest.raises(InputError, match=r'device at a:0 .* sdk was "1.0", now "2.0"'):
        again.target("a:0", {"sdk": "2.0"})
    again.close()


def test_a_run_is_not_overwritten_without_resume(half: Path) -> None:
    before = (half / journal.NAME).read_bytes()
    with pytest.raises(InputError, match="--resume"):
        Journal(half, SUBJECT, resume=False)
    assert (half / journal.NAME).read_bytes() == before


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_other_files_is_refused(folder: Path, resume: bool) -> None:
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        Journal(folder, SUBJECT, resume=resume)


def test_a_case_cannot_end_twice(half: Path) -> None:
    log = Journal(half, SUBJECT, resume=True)
    with pytest.raises(InputError, match="two final records"):
        log.end(row("one"))
    log.close()


def test_two_runs_cannot_write_to_one_folder(half: Path) -> None:
    log = Journal(half, SUBJECT, resume=True)
    with pytest.raises(InputError, match=f"process {os.getpid()}"):
        Journal(half, SUBJECT, resume=True)
    log.close()
    Journal(half, SUBJECT, resume=True).close()


def test_what_was_held_is_recalled_with_what_its_worker_had_run(half: Path) -> None:
    log = Journal(half, SUBJECT, resume=True)
    log.start("a:0", "three", "w0.1")
    log.hold("a:0", "three", {"worker": "w0.1", "seen": {"outcome": "FAIL"}})
    log.start("a:0", "four", "w0.1")
    log.close()
    again = Journal(half, SUBJECT, resume=True)
    attempt = {"worker": "w0.1", "seen": {"outcome": "FAIL"}}
    assert again.held == {("a:0", "three"): (attempt, ("one", "two"))}
    assert again.sessions == 3
    again.close()


KILLED_WRITER = """
import sys, pathlib
from hal_conformance.runner.journal import Journal
log = Journal(pathlib.Path(sys.argv[1]), {"a": 1}, resume=False)
for number in range(10**9):
    log.start("a:0", str(number), "w0.1")
    log.end({"case": str(number), "target": "a:0", "outcome": "PASS", "reason": "x" * 5000})
    print(number, flush=True)
"""


def test_what_was_reported_ended_survives_kill_9(folder: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED_WRITER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(50)]
    child.kill()
    told += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    log = Journal(folder, {"a": 1}, resume=True)
    whole = {number.strip() for number in told if number.endswith("\n")}
    assert whole <= {case for _, case in log.ended}
    assert len(log.started) - len(log.ended) <= 1
    log.close()
