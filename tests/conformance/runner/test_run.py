"""Whole runs on a device that crashes, hangs, exits, prints and eats memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hal_conformance import results
from hal_conformance.fingerprint import background
from hal_conformance.merge import merge
from hal_conformance.records import CaseRecord
from hal_conformance.runner import bench, run
from hal_conformance.runner.plan import Selection, Shard
from hal_conformance.runner.run import Ended, Incomplete

from hal.errors import DeviceError, DeviceNotFound, InputError
from hal.spec import CompileOptions
from hal.targets import Target
from hal.worker.client import WorkerAdapter

Runs = Callable[..., Ended]
FINE: dict[str, dict[str, Any]] = {f"toy/{n:02}": {} for n in range(12)}


def by_case(ended: Ended) -> dict[str, CaseRecord]:
    return {record.case: record for record in ended.results.records}


def outcomes(ended: Ended) -> dict[str, str]:
    return {case: record.outcome.value for case, record in by_case(ended).items()}


ACTS = {
    "nothing": "PASS",
    "print": "PASS",
    "close fd 1": "PASS",
    "segfault": "CRASH",
    "abort": "CRASH",
    "kill": "CRASH",
    "exit": "CRASH",
    "_exit": "CRASH",
    "raise": "GAP",  # the toy translates this one to Unsupported
    "too many outputs": "ERROR",
}


def test_whatever_a_device_does_the_run_ends_with_one_record_a_case(runs: Runs) -> None:
    hostile = {f"toy/{act}": {"act": act} for act in ACTS}
    ended = runs(hostile | FINE)
    assert outcomes(ended) == {f"toy/{act}": end for act, end in ACTS.items()} | dict.fromkeys(
        FINE, "PASS"
    )


def test_a_crash_says_which_signal_and_an_exit_which_status(runs: Runs) -> None:
    ended = by_case(runs({"toy/a": {"act": "segfault"}, "toy/b": {"act": "_exit"}}))
    assert ended["toy/a"].signal == 11
    assert [attempt.signal for attempt in ended["toy/a"].attempts] == [11, 11]
    assert "SIGSEGV" in str(ended["toy/a"].reason)
    assert ended["toy/b"].attempts[1].exit_code == 7


def test_a_device_that_hangs_is_ended_in_time(runs: Runs) -> None:
    acts = {"toy/a": {"act": "hang"}, "toy/b": {"act": "hang in C"}, "toy/c": {}}
    ended = runs(acts, run_s=0.5)
    assert outcomes(ended) == {"toy/a": "HANG", "toy/b": "HANG", "toy/c": "PASS"}
    assert "0.5 s" in str(by_case(ended)["toy/a"].reason)


def test_a_device_that_eats_memory_is_ended_before_the_machine_is(runs: Runs) -> None:
    ended = runs({"toy/a": {"act": "grow"}, "toy/b": {}}, memory_limit=300 << 20)
    assert outcomes(ended) == {"toy/a": "OOM", "toy/b": "PASS"}
    assert "its limit is 300 MiB" in str(by_case(ended)["toy/a"].reason)


def test_a_crash_while_compiling_is_a_crash(runs: Runs) -> None:
    assert outcomes(runs({"toy/a": {"compile": "abort"}})) == {"toy/a": "CRASH"}


def test_what_the_device_refuses_cleanly_is_a_gap_and_not_run_twice(runs: Runs) -> None:
    ended = by_case(runs({"toy/a": {"relu": True}}))
    assert ended["toy/a"].outcome.value == "GAP"
    assert len(ended["toy/a"].attempts) == 1


def test_a_wrong_answer_is_a_failure_after_it_was_given_twice(runs: Runs) -> None:
    record = by_case(runs(FINE, wrong=["toy/05", "toy/07"]))["toy/05"]
    assert record.outcome.value == "FAIL"
    first, second = record.attempts
    assert (first.outcome.value, second.outcome.value) == ("FAIL", "FAIL")
    assert first.worker != second.worker


def test_an_error_the_vendor_cannot_name_is_not_a_clean_no(runs: Runs) -> None:
    ended = runs({"toy/a": {"act": "no such act"}, "toy/b": {}})
    assert outcomes(ended) == {"toy/a": "ERROR", "toy/b": "PASS"}
    assert ended.faults == 0


def test_a_mistake_of_the_suite_is_counted_and_ends_no_run(runs: Runs) -> None:
    ended = runs({"toy/a": None, "toy/b": {}})
    assert outcomes(ended) == {"toy/a": "ERROR", "toy/b": "PASS"}
    assert "the suite itself failed: TypeError" in str(by_case(ended)["toy/a"].reason)
    assert ended.faults == 2


@pytest.mark.parametrize("seed", [1, 2])
def test_a_shuffled_order_gives_the_same_outcomes(runs: Runs, seed: int) -> None:
    acts = {f"toy/{act}": {"act": act} for act in ("nothing", "segfault", "raise", "exit")}
    shuffled = runs(acts | FINE, selection=Selection(("toy",), shuffle=seed))
    assert outcomes(shuffled) == {
        "toy/nothing": "PASS",
        "toy/segfault": "CRASH",
        "toy/raise": "GAP",
        "toy/exit": "CRASH",
    } | dict.fromkeys(FINE, "PASS")


def test_shards_merge_to_the_whole(runs: Runs, tmp_path: Path) -> None:
    acts = FINE | {"toy/x": {"act": "abort"}}
    whole = runs(acts, folder=tmp_path / "whole")
    parts = [
        runs(acts, folder=tmp_path / str(n), selection=Selection(("toy",), shard=Shard(n, 3)))
        for n in (1, 2, 3)
    ]
    merged = merge([part.results for part in parts])
    assert outcomes(Ended(merged, {}, 0)) == outcomes(whole)
    assert sorted(row.case for row in merged.index) == sorted(acts)


def test_a_finished_folder_reads_back_in_canonical_order(runs: Runs, tmp_path: Path) -> None:
    targets = tuple(
        Target(name, "toy", name[-1] if name != "b:bare" else "bare", CompileOptions())
        for name in ("b:bare", "a:0")
    )
    runs(FINE, targets=targets, selection=Selection(("toy",), shuffle=5))
    found = results.read(tmp_path / "run")
    keys = [(record.target, record.case) for record in found.records]
    assert keys == [(t, c) for c in sorted(FINE) for t in ("b:bare", "a:0")]
    assert [row.case for row in found.index] == sorted(FINE)
    assert found.problems == ()
    assert found.header.ended is not None
    assert found.header.cases == 24


def test_a_finished_run_can_be_resumed_and_runs_nothing(runs: Runs, tmp_path: Path) -> None:
    runs(FINE)
    lines = (tmp_path / "run" / "journal.jsonl").read_text("utf-8").splitlines()
    again = runs(FINE, resume=True)
    more = (tmp_path / "run" / "journal.jsonl").read_text("utf-8").splitlines()[len(lines) :]
    assert outcomes(again) == dict.fromkeys(FINE, "PASS")
    assert {json.loads(line)["kind"] for line in more} == {"session"}


def test_a_run_that_is_resumed_does_not_ask_for_the_arithmetic_again(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answered(target: Target, *_: object, **__: object) -> dict[str, str]:
        asked.append(target.name)
        return {"rounding": "to nearest"}

    monkeypatch.setattr(run, "LARGE", 1)
    monkeypatch.setattr(background, "fingerprint", answered)
    first, again = runs(FINE), runs(FINE, resume=True)
    assert len(asked) == 1
    assert again.results.header.targets == first.results.header.targets
    assert "to nearest" in str(again.results.header.targets)


def test_a_run_of_another_corpus_is_not_resumed(runs: Runs) -> None:
    runs(FINE)
    with pytest.raises(InputError, match=r'corpus\.toy\.hash was "sha256:1", now "sha256:2"'):
        runs(FINE, resume=True, corpus="sha256:2")


def test_a_run_of_another_selection_is_not_resumed(runs: Runs) -> None:
    runs(FINE)
    with pytest.raises(InputError, match=r'selection\.k was null, now \["\*1"\]'):
        runs(FINE, resume=True, selection=Selection(("toy",), patterns=("*1",)))


def test_a_run_on_a_device_asked_otherwise_is_not_resumed(runs: Runs) -> None:
    runs(FINE)
    other = Target("toy:0", "toy", "0", CompileOptions(threads=1))
    with pytest.raises(InputError, match=r"toy:0\.options\.threads was null, now 1"):
        runs(FINE, resume=True, targets=(other,))


def test_more_slots_may_finish_what_fewer_began(runs: Runs) -> None:
    runs(FINE, jobs=1)
    assert len(runs(FINE, jobs=3, resume=True).results.records) == len(FINE)


def test_a_device_that_is_not_there_ends_the_run_before_it_begins(
    runs: Runs, tmp_path: Path
) -> None:
    absent = Target("toy:9", "toy", "9")
    with pytest.raises(DeviceNotFound, match=r"no device '9'"):
        runs(FINE, targets=(absent,))


def test_a_mistake_of_ours_in_opening_ends_the_run_instead_of_waiting_for_ever(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorkerAdapter, "of", of_nothing)
    with pytest.raises(ZeroDivisionError):
        runs(FINE)


def of_nothing(target: Target, **options: Any) -> WorkerAdapter:
    raise ZeroDivisionError(target.name, options)


def test_a_target_that_is_lost_on_the_way_leaves_a_journal_to_resume(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = FINE | {"toy/05": {"act": "abort"}}
    with monkeypatch.context() as patched:
        patched.setattr(bench, "PAUSES_S", (0.0,))
        patched.setattr(WorkerAdapter, "of", unplugged_after(1))
        with pytest.raises(Incomplete, match="toy:0: unplugged"):
            runs(acts, jobs=1)
    ended = runs(acts, jobs=1, resume=True)
    assert outcomes(ended) == dict.fromkeys(acts, "PASS") | {"toy/05": "CRASH"}


def unplugged_after(count: int) -> Callable[..., WorkerAdapter]:
    """`WorkerAdapter.of` that opens so many workers, and then no more."""
    opened: list[str] = []
    real = WorkerAdapter.of

    def open_worker(target: Target, **options: Any) -> WorkerAdapter:
        opened.append(target.name)
        if len(opened) > count:
            raise DeviceError("unplugged")
        return real(target, **options)

    return open_worker
