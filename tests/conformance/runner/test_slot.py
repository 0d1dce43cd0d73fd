"""A slot believes only what happens twice, and keeps the history of what does not."""

from __future__ import annotations

import pytest
from hal_conformance.runner.outcome import Observation, decide
from hal_conformance.runner.plan import Item
from hal_conformance.runner.slot import Slot, Stopped


class Bench:
    """Workers whose answers are scripted: an outcome by case and by what ran before."""

    def __init__(self, **script: str) -> None:
        self.script = script  # case -> "OUTCOME", or "OUTCOME after other"
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.killed: list[str] = []
        self.stopping = False

    def open(self, target: str) -> FakeSession:
        self.opened.append(target)
        return FakeSession(self, f"s{len(self.opened)}")

    def slot(self) -> Slot:
        return Slot(0, self.open, lambda: self.stopping)


class FakeSession:
    def __init__(self, bench: Bench, name: str) -> None:
        self.bench = bench
        self.name = name
        self.ran: list[str] = []
        self.alive = True

    def observe(self, item: Item) -> Observation:
        outcome, _, after = self.bench.script.get(item.case, "PASS").partition(" after ")
        if after and after not in self.ran:
            outcome = "PASS"
        self.ran.append(item.case)
        self.alive = outcome not in {"CRASH", "HANG", "OOM"}
        return Observation(outcome, reason=None if outcome == "PASS" else outcome.lower())

    def close(self) -> None:
        self.bench.closed.append(self.name)

    def kill(self) -> None:
        self.bench.killed.append(self.name)


def item(case: str, target: str = "a:0") -> Item:
    return Item(target, case, "onnx")


def test_a_worker_stays_warm_while_all_goes_well() -> None:
    bench = Bench(gap="GAP")
    slot = bench.slot()
    for case in ("one", "gap", "two"):
        assert len(slot.run(item(case))) == 1
    assert bench.opened == ["a:0"]


def test_another_target_gets_another_worker() -> None:
    bench = Bench()
    slot = bench.slot()
    slot.run(item("one", "a:0"))
    slot.run(item("one", "b:0"))
    assert bench.opened == ["a:0", "b:0"]
    assert (bench.closed, bench.killed) == (["s1"], [])


@pytest.mark.parametrize("outcome", ["FAIL", "ERROR", "CRASH", "HANG", "OOM"])
def test_what_goes_wrong_is_repeated_alone_in_a_fresh_worker(outcome: str) -> None:
    bench = Bench(bad=outcome)
    slot = bench.slot()
    slot.run(item("one"))
    first, second = slot.run(item("bad"))
    assert (first.worker, first.alone, first.history) == ("w0.1", False, ("one",))
    assert (second.worker, second.alone, second.history) == ("w0.2", True, ())
    assert decide([first, second]).outcome == outcome


@pytest.mark.parametrize("outcome", ["FAIL", "ERROR", "CRASH", "HANG", "OOM"])
def test_what_is_clean_alone_is_a_flake_with_its_history(outcome: str) -> None:
    bench = Bench(victim=f"{outcome} after poison")
    slot = bench.slot()
    for case in ("one", "poison", "two"):
        slot.run(item(case))
    attempts = slot.run(item("victim"))
    verdict = decide(attempts)
    assert verdict.outcome == "FLAKE"
    assert verdict.reason == (
        f"{outcome} after 3 other cases in worker w0.1, PASS alone in w0.2: {outcome.lower()}"
    )
    assert attempts[0].history == ("one", "poison", "two")
    assert attempts[0].to_json(with_history=True)["history"] == ["one", "poison", "two"]


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
    bench.stopping = True
    with pytest.raises(Stopped):
        slot.run(item("bad"))


def test_a_case_that_was_never_tried_has_no_outcome() -> None:
    with pytest.raises(ValueError, match="without an attempt"):
        decide([])
