"""Progress: how far, how it goes, how long it will take."""

from __future__ import annotations

import io

import pytest
from hal_conformance.runner import progress
from hal_conformance.runner.progress import Lines, Preparing, Tally, clock


def test_what_was_done_before_does_not_speed_up_the_estimate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    tally = Tally()
    tally.begin(total=1000, done=900)
    assert tally.remaining_s() is None
    for _ in range(10):
        tally.ended({"outcome": "PASS"})
    now[0] += 5.0
    assert tally.remaining_s() == pytest.approx(45.0)
    tally.ended({"outcome": "FAIL"})
    assert tally.line() == "911/1000 cases, 91%: 10 PASS, 1 FAIL; 0:40 left"


def test_a_log_gets_a_line_every_few_seconds_and_one_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = Lines(stream, every_s=5)
    lines.begin(4, 1)
    for moment in (1.0, 6.0, 7.0):
        now[0] = moment
        lines.ended({"outcome": "PASS"})
        lines.tick()
    lines.close()
    assert stream.getvalue().splitlines() == [
        "4 cases, 1 of them done already",
        "3/4 cases, 75%: 2 PASS; 0:03 left",
        "4/4 cases, 100%: 3 PASS",
    ]


def test_making_the_cases_is_told_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    stream = io.StringIO()
    told = Preparing(stream, every_s=5)
    for moment in (0.5, 1.5, 2.5, 7.0):
        now[0] = moment
        told(int(moment * 10), 100)
    assert stream.getvalue().splitlines() == [
        "making what the cases need, once: 15 of 100",
        "making what the cases need, once: 70 of 100",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (7, "0:07"), (750, "12:30"), (3723, "1:02:03")]
)
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
