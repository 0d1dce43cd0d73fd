"""A slot believes only what happens twice, and keeps the history of what does not."""

from __future__ import annotations

import pytest
from hal_conformance.runner.outcome import (
    REASON_KEPT,
    Attempt,
    Observation,
    decide,
    of_error,
    told,
)
from hal_conformance.runner.plan import Item
from hal_conformance.runner.slot import Slot, Stopped

from hal.errors import (
    CompileError,
    DeviceLost,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)

SURVIVED = ["FAIL", "ERROR"]
ENDED = ["CRASH", "HANG", "OOM"]


class Bench:
    """Workers whose answers are scripted, by case: "FAIL", "FAIL after other, ERROR"."""

    def __init__(self, **script: str) -> None:
        self.script = script
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.killed: list[str] = []
        self.is_stopping = False

    def open(self, target: str) -> FakeSession:
        self.opened.append(target)
        return FakeSession(self, f"s{len(self.opened)}")

    def stopping(self) -> bool:
        return self.is_stopping

    def slot(self) -> Slot:
        return Slot("w0", self, lambda item, worker: None)


class FakeSession:
    def __init__(self, bench: Bench, name: str) -> None:
        self.bench = bench
        self.name = name
        self.ran: list[str] = []
        self.alive = True
        self.cut_off = False

    def observe(self, item: Item) -> Observation:
        outcome = "PASS"
        for rule in self.bench.script.get(item.case, "PASS").split(", "):
            then, _, after = rule.partition(" after ")
            if not after or after in self.ran:
                outcome = then
                break
        self.ran.append(item.case)
        self.alive = outcome not in ENDED
        return Observation(outcome, reason=None if outcome == "PASS" else outcome.lower())

    def close(self) -> None:
        self.bench.closed.append(self.name)

    def kill(self) -> None:
        self.bench.killed.append(self.name)


def item(case: str, target: str = "a:0") -> Item:
    return Item(target, case, "onnx")


def run_all(slot: Slot, *cases: str) -> dict[str, list[Attempt]]:
    """Every case with the attempts that settle it."""
    settled: dict[str, list[Attempt]] = {}
    for case in cases:
        attempts = slot.run(item(case))
        if not slot.holds(item(case)):
            settled[case] = attempts
    settled |= {held.case: attempts for held, attempts in slot.settle()}
    return settled


def outcomes(settled: dict[str, list[Attempt]]) -> dict[str, str]:
    return {case: decide(attempts).outcome for case, attempts in settled.items()}


def test_a_worker_stays_warm_while_all_goes_well() -> None:
    bench = Bench(gap="GAP")
    settled = run_all(bench.slot(), "one", "gap", "two")
    assert {case: len(attempts) for case, attempts in settled.items()} == dict.fromkeys(
        ("one", "gap", "two"), 1
    )
    assert bench.opened == ["a:0"]


def test_another_target_gets_another_worker() -> None:
    bench = Bench()
    slot = bench.slot()
    slot.run(item("one", "a:0"))
    slot.run(item("one", "b:0"))
    assert bench.opened == ["a:0", "b:0"]
    assert (bench.closed, bench.killed) == (["s1"], [])


@pytest.mark.parametrize("outcome", ENDED)
def test_what_ends_a_worker_is_repeated_at_once_alone_in_a_fresh_one(outcome: str) -> None:
    settled = run_all(Bench(bad=outcome).slot(), "one", "bad", "two")
    first, second = settled["bad"]
    assert (first.worker, first.history) == ("w0.1", ("one",))
    assert (second.worker, second.alone) == ("w0.2", True)
    assert outcomes(settled) == {"one": "PASS", "bad": outcome, "two": "PASS"}


@pytest.mark.parametrize("outcome", SURVIVED)
def test_what_a_worker_survives_is_repeated_in_another_that_met_none_of_the_same(
    outcome: str,
) -> None:
    bench = Bench(bad=outcome, worse=outcome)
    settled = run_all(bench.slot(), "one", "bad", "two", "worse", "three")
    assert outcomes(settled) == dict.fromkeys(("one", "two", "three"), "PASS") | {
        "bad": outcome,
        "worse": outcome,
    }
    assert len(bench.opened) == 2
    for first, second in (settled["bad"], settled["worse"]):
        assert not set(first.history) & set(second.history)
    assert settled["bad"][1].history == ("worse",)


@pytest.mark.parametrize("outcome", ENDED + SURVIVED)
def test_what_is_clean_elsewhere_is_a_flake_with_its_history(outcome: str) -> None:
    slot = Bench(victim=f"{outcome} after poison").slot()
    settled = run_all(slot, "one", "poison", "two", "victim")
    verdict = decide(settled["victim"])
    assert verdict.outcome == "FLAKE"
    assert verdict.reason == (
        f"{outcome} after 3 other cases in worker w0.1, PASS alone in w0.2: {outcome.lower()}"
    )
    kept = settled["victim"][0].to_json(with_history=True)
    assert kept["history"] == ["one", "poison", "two"]


def test_a_failing_poison_does_not_make_its_victim_fail() -> None:
    bench = Bench(poison="FAIL", victim="FAIL after poison")
    settled = run_all(bench.slot(), "one", "poison", "two", "victim", "three")
    assert outcomes(settled)["poison"] == "FAIL"
    assert outcomes(settled)["victim"] == "FLAKE"


def test_a_poison_among_the_second_opinions_is_not_taken_for_the_truth() -> None:
    bench = Bench(victim="CRASH after poison, FAIL", poison="ERROR")
    settled = run_all(bench.slot(), "one", "victim", "poison")
    assert [attempt.seen.outcome for attempt in settled["victim"]] == ["FAIL", "CRASH", "FAIL"]
    assert settled["victim"][-1].alone
    assert outcomes(settled) == {"one": "PASS", "victim": "FAIL", "poison": "ERROR"}


def test_a_worker_in_which_everything_fails_is_replaced_after_the_first_case() -> None:
    """As on a GPU whose context is lost: every later call returns the same error."""
    bench = Bench(**dict.fromkeys(("two", "three", "four"), "ERROR after one"))
    bench.script["one"] = "ERROR after two"  # what passed before fails too, from then on
    settled = run_all(bench.slot(), "one", "two", "three", "four")
    assert outcomes(settled) == {
        "one": "PASS",
        "two": "FLAKE",
        "three": "PASS",
        "four": "PASS",
    }
    assert len(bench.opened) == 2


def test_a_lost_worker_is_replaced_for_the_next_case() -> None:
    bench = Bench(bad="CRASH")
    slot = bench.slot()
    slot.run(item("bad"))
    slot.run(item("one"))
    assert bench.opened == ["a:0"] * 3
    assert (bench.closed, bench.killed) == ([], ["s1", "s2"])


def test_nothing_is_concluded_from_a_worker_that_ended_while_the_run_stops() -> None:
    bench = Bench(bad="CRASH")
    slot = bench.slot()
    slot.run(item("one"))
    bench.is_stopping = True
    with pytest.raises(Stopped):
        slot.run(item("bad"))


def test_a_case_that_was_never_tried_has_no_outcome() -> None:
    with pytest.raises(ValueError, match="without an attempt"):
        decide([])


def test_an_attempt_is_kept_whole() -> None:
    seen = Observation(
        "FAIL", "y[0]", 0.1, 0.2, outputs=({"name": "y"},), judged_by=("standard",)
    )
    attempt = Attempt(seen, "w0.1", ("one",))
    assert Attempt.kept(attempt.keep(), ["one"]) == attempt


def test_a_reason_is_kept_as_text_of_a_bearable_length() -> None:
    assert told("a\udc80b") == "a\\udc80b"
    assert len(str(told("x" * 10**6))) == REASON_KEPT + 3
    assert told(None) is None


@pytest.mark.parametrize(
    ("error", "outcome", "said"),
    [
        (Unsupported("no Abs"), "GAP", "no Abs"),
        (OutOfMemory("no room"), "OOM", "no room"),
        (CompileError("internal"), "ERROR", "CompileError: internal"),
        (InputError("y has no shape"), "ERROR", "InputError: y has no shape"),
        (DeviceLost("gone", signal=11), "CRASH", "gone"),
        (DeviceLost("gone", exit_code=0, stderr="oops\n"), "CRASH", "its last words: oops"),
        (DeviceLost("slow", timed_out=True, signal=9), "HANG", "slow"),
    ],
)
def test_every_error_is_an_outcome(error: HALError, outcome: str, said: str) -> None:
    seen = of_error(error)
    assert (seen.outcome, said in str(seen.reason)) == (outcome, True)


def test_a_worker_that_was_ended_for_its_memory_is_no_crash() -> None:
    seen = of_error(DeviceLost("gone", signal=9), "the worker held 9 GiB")
    assert (seen.outcome, seen.reason) == ("OOM", "the worker held 9 GiB")
