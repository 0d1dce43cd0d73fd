"""The soak suite as the runner sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hal_conformance.corpus import standard
from hal_conformance.frozen import lock
from hal_conformance.frozen.bounding import declared
from hal_conformance.frozen.corpus import SUITES
from hal_conformance.frozen.question import part_of
from hal_conformance.power.fault import operators
from hal_conformance.runner.suites import Prepares, Suite
from hal_conformance.soak import endure, large
from hal_conformance.soak.sample import SAMPLE
from hal_conformance.soak.suite import SoakSuite
from hal_conformance.soak.turned import runs_of, turned

import hal
from hal import dtypes
from hal.tensor import Tensor, Value

CASE = "soak/large/matmul-dynamic"


@pytest.fixture(scope="module")
def suite() -> SoakSuite:
    return SoakSuite()


@pytest.fixture
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough to see what an outcome is made of."""
    monkeypatch.setattr(endure, "RUNS", 20)


def test_it_is_a_suite_that_prepares(suite: SoakSuite) -> None:
    kept: Suite = suite
    assert isinstance(kept, Prepares)


@pytest.mark.parametrize("name", SUITES)
def test_every_sampled_case_of_a_frozen_corpus_is_frozen(name: str) -> None:
    cases = {case for sampled in SAMPLE.values() for case in sampled}
    sampled = {case for case in cases if case.startswith(f"{name}/")}
    assert sampled
    assert sampled <= set(lock.read(name))


def test_every_sampled_standard_case_exists() -> None:
    sampled = {case for cases in SAMPLE.values() for case in cases if case[:5] == "onnx/"}
    assert sampled <= {case.id for case in standard()}


def test_ids_are_distinct_and_begin_with_the_suite(suite: SoakSuite) -> None:
    ids = suite.ids()
    assert len(set(ids)) == len(ids) >= 60
    assert all(case.startswith("soak/") for case in ids)


def test_the_hash_covers_how_often_cases_run(
    suite: SoakSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = suite.info()["hash"]
    monkeypatch.setattr(endure, "RUNS", endure.RUNS + 1)
    assert suite.info()["hash"] != before


def test_an_honest_device_passes_in_its_worker(suite: SoakSuite) -> None:
    with hal.open("reference:cpu", isolated=True) as device:
        seen = suite.observe(device, CASE)
        assert seen.judged_by == ("repetition", f"sound {declared(device.target)}")
    assert seen.outcome == "PASS"
    assert seen.bounds is not None
    assert seen.bounds["outcome"] == "PASS"


@pytest.mark.usefixtures("few_runs")
def test_a_device_that_is_always_wrong_fails(
    suite: SoakSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*args: Any) -> endure.Endured:
        found = honest(*args)
        answers = [
            [Tensor(v.array + 1, v.dtype) for v in outputs if isinstance(v, Tensor)]
            for outputs in found.answers
        ]
        return replace(found, answers=answers)

    honest = endure.endure
    monkeypatch.setattr(endure, "endure", wrong)
    with hal.open("reference:cpu") as opened:
        seen = suite.observe(opened, CASE)
    assert seen.outcome == "FAIL"
    assert seen.reason is not None
    assert seen.reason.startswith("every run: ")


def test_a_case_of_too_few_runs_is_unjudged(
    suite: SoakSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endure, "PATIENCE_S", 0.0)
    with hal.open("reference:cpu") as opened:
        seen = suite.observe(opened, CASE)
    assert seen.outcome == "UNJUDGED"


@pytest.mark.usefixtures("few_runs")
def test_a_fault_of_a_run_fails_with_its_words(
    suite: SoakSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsteady(*args: Any) -> endure.Endured:
        return replace(honest(*args), fault="run 50 differs")

    honest = endure.endure
    monkeypatch.setattr(endure, "endure", unsteady)
    with hal.open("reference:cpu") as opened:
        seen = suite.observe(opened, CASE)
    assert seen.outcome == "FAIL"
    assert (seen.reason or "").startswith("run 50 differs")  # a busy machine's memory may add


@pytest.mark.usefixtures("few_runs")
def test_growth_is_told_where_there_is_any(
    suite: SoakSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def growing(*args: Any) -> endure.Endured:
        return replace(honest(*args), grown_bytes=8192.0)

    honest = endure.endure
    monkeypatch.setattr(endure, "endure", growing)
    with hal.open("reference:cpu") as opened:
        seen = suite.observe(opened, CASE)
    assert seen.outcome == "PASS"
    assert seen.reason is not None
    assert "grew by 8.0 KiB a run" in seen.reason


@pytest.mark.parametrize("name", large.sources())
def test_the_large_models_are_made_alike_every_time(name: str) -> None:
    assert large.sources()[name].hash == large.sources()[name].hash


def test_other_feeds_keep_their_elements_and_change_their_order() -> None:
    x: Value = Tensor(np.arange(12, dtype=np.float32), dtypes.of_name("float32"))
    found = turned({"x": x})
    assert found is not None
    other = found["x"]
    assert isinstance(other, Tensor)
    assert sorted(other.array) == list(range(12))
    assert other.array[0] == 11


def test_truths_are_moved_on_where_there_is_nothing_else() -> None:
    truths = Tensor(np.arange(12) % 3 == 0, dtypes.of_name("bool"))
    floats = Tensor(np.zeros(12, np.float32), dtypes.of_name("float32"))
    assert turned({"x": truths}) is not None
    assert turned({"condition": truths, "x": floats}) is None


def test_the_largest_feeds_are_run_first() -> None:
    kind = dtypes.of_name("float32")
    small, large = (Tensor(np.arange(n, dtype=np.float32), kind) for n in (12, 20))
    runs = runs_of([{"x": small}, {"x": large}])
    assert len(runs) == 4
    assert (runs[0]["x"], runs[2]["x"]) == (large, small)


def test_every_operator_that_has_cases_is_repeated() -> None:
    ids = [case for cases in SAMPLE.values() for case in cases if case.startswith("ops/")]
    repeated = {part_of(case).removeprefix("ops/") for case in ids}
    named = {o.name for o in operators() if o.domain != "ai.onnx.preview.training"}
    assert named <= repeated


def test_counts_and_short_tensors_are_left_as_they_are() -> None:
    feeds: dict[str, Value] = {
        "axes": Tensor(np.arange(12), dtypes.of_name("int64")),
        "scales": Tensor(np.arange(4, dtype=np.float32), dtypes.of_name("float32")),
    }
    assert turned(feeds) is None
