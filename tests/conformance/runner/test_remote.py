"""Runs on another machine: what it takes along when it goes, and that nothing else is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hal_conformance.runner import bench
from hal_conformance.runner.outcome import Observation
from hal_conformance.runner.plan import Selection
from hal_conformance.runner.progress import Silent
from hal_conformance.runner.run import Ended, Incomplete, Request, conduct

from hal.device import Device
from hal.targets import Target, Timeouts

Board = Any
"""`Board` of tests/conftest.py."""
CASES = [f"toy/{number:02}" for number in range(8)]


@dataclass
class Suite:
    """Cases that add; before one of them runs on a target, `befall` happens, each time."""

    inner: Any
    victim: tuple[str, str]
    befall: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def observe(self, device: Device, case: str) -> Observation:
        if (device.target.name, case) == self.victim:
            self.befall()
        return self.inner.observe(device, case)  # type: ignore[no-any-return]  # a ToySuite


@dataclass
class Notes(Silent):
    """What a run says besides its counts."""

    said: list[str] = field(default_factory=list[str])

    def note(self, text: str) -> None:
        self.said.append(text)


Ran = tuple[dict[tuple[str, str], Any], list[str]]


@pytest.fixture
def run(
    board: Board, toy: str, toy_suite: Callable[..., Any], tmp_path: Path
) -> Callable[..., Ran]:
    """Runs all cases on the board and on the toy of this machine; keywords change the rest."""

    def run(befall: Callable[[], None], where: str = "board", **changes: Any) -> Ran:
        times = Timeouts(start_s=20, compile_s=20, run_s=20, reboot_s=changes.pop("wait", 60))
        there = board.target(toy, timeouts=times)
        request = Request(
            targets=(there, Target("toy:0", toy, "0", timeouts=times)),
            selection=Selection(("toy",)),
            folder=tmp_path / "run",
            jobs=1,
            command=("hal", "conform"),
        )
        suite: Any = Suite(toy_suite({case: {} for case in CASES}), (where, CASES[3]), befall)
        notes = Notes()
        ended: Ended = conduct(replace(request, **changes), lambda: {"toy": suite}, notes)
        return {(r.target, r.case): r for r in ended.results.records}, notes.said

    return run


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "AWAY_S", 0.1)


def restart(board: Board, seconds: float = 1.0) -> None:
    """The board vanishes now, and is back after a while."""
    board.stop()
    threading.Timer(seconds, board.start).start()


def test_a_board_that_restarts_costs_the_case_it_ran_one_attempt_and_nothing_else(
    run: Callable[..., Ran], board: Board
) -> None:
    left = [lambda: restart(board)]
    records, said = run(lambda: left.pop()() if left else None)
    victim = records.pop(("board", CASES[3]))
    assert victim.outcome == "FLAKE"
    assert [attempt.outcome for attempt in victim.attempts] == ["CRASH", "PASS"]
    assert "connection to ssh://" in victim.attempts[0].reason
    assert len(records) == 2 * len(CASES) - 1
    assert {record.outcome for record in records.values()} == {"PASS"}
    waits, back = said
    assert "does not answer" in waits
    assert "waiting for it, up to 1:00" in waits
    assert "is back after" in back


def test_a_case_that_takes_the_board_down_each_time_is_a_crash(
    run: Callable[..., Ran], board: Board
) -> None:
    records, said = run(lambda: restart(board, 0.3))
    assert records.pop(("board", CASES[3])).outcome == "CRASH"
    assert {record.outcome for record in records.values()} == {"PASS"}
    assert len(said) in {2, 4}  # the second time it may be back before it is missed


def test_a_board_that_stays_away_leaves_a_journal_to_resume(
    run: Callable[..., Ran], board: Board
) -> None:
    with pytest.raises(Incomplete, match=r"board: ssh://.* does not answer"):
        run(board.stop, wait=0.5)
    board.start()
    records, _ = run(lambda: None, resume=True)
    assert len(records) == 2 * len(CASES)
    assert {record.outcome for record in records.values()} == {"PASS"}


def test_an_idle_worker_that_went_with_its_board_is_replaced_at_no_cases_cost(
    run: Callable[..., Ran], board: Board, toy: str
) -> None:
    """The second target's worker is opened with the first's, and waits for its turn."""

    def blink() -> None:
        board.stop()
        board.start()

    here = Target("first", toy, "0")
    records, _ = run(blink, where="first", targets=(here, board.target(toy)))
    assert len(records) == 2 * len(CASES)
    assert {record.outcome for record in records.values()} == {"PASS"}
