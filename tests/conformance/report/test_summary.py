"""The numbers and the verdict: honest denominators, computed once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hal_conformance.clusters import shape
from hal_conformance.records import (
    JUDGED,
    CaseRecord,
    CorpusInfo,
    Outcome,
    RunHeader,
    TargetHeader,
)
from hal_conformance.report.repro import repro_line
from hal_conformance.report.summary import kind_of, summarise
from hal_conformance.report.tally import tally
from hal_conformance.report.verdict import Conformance
from hal_conformance.results import Results
from hypothesis import given
from hypothesis import strategies as st

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]

OUTCOMES = st.lists(st.sampled_from(list(Outcome)), max_size=30)


def _records(outcomes: list[Outcome]) -> list[CaseRecord]:
    return [
        CaseRecord(
            case=f"onnx/node/test_{i}", case_hash="b3:0", target="acme:0", outcome=outcome
        )
        for i, outcome in enumerate(outcomes)
    ]


@given(OUTCOMES)
def test_every_case_is_passed_failed_or_apart(outcomes: list[Outcome]) -> None:
    counted = tally(_records(outcomes))
    assert counted.passed + counted.failed + counted.apart == counted.total == len(outcomes)
    assert sum(counted.counts.values()) == counted.total


@given(OUTCOMES)
def test_only_all_of_something_is_a_hundred_percent(outcomes: list[Outcome]) -> None:
    counted = tally(_records(outcomes))
    complete = counted.judged > 0 and counted.passed == counted.judged
    assert (counted.percent == "100%") == complete
    assert (counted.share == "nothing judged") == (counted.judged == 0)


def test_a_single_failure_among_thousands_is_not_rounded_away() -> None:
    counted = tally(_records([Outcome.PASS] * 2999 + [Outcome.FAIL]))
    assert counted.percent == "99.9%"


@given(OUTCOMES)
def test_conformant_means_that_something_was_judged_and_all_of_it_passed(
    outcomes: list[Outcome],
) -> None:
    run = Results(_whole(len(outcomes)), tuple(_records(outcomes)))
    judged = [outcome for outcome in outcomes if outcome in JUDGED]
    wanted = Conformance.YES if judged else Conformance.OPEN
    if any(outcome is not Outcome.PASS for outcome in judged):
        wanted = Conformance.NO
    assert summarise(run).targets[0].verdict.conformance is wanted


def _whole(size: int) -> RunHeader:
    target = TargetHeader(
        target="acme:0", adapter="acme", device="0", adapter_version="1", identity={}
    )
    return RunHeader(
        command=["hal"],
        suites=["onnx"],
        targets=[target],
        corpus={"onnx": CorpusInfo(hash="b3:1", cases=size, onnx="1.23.2")},
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:00:01+00:00",
    )


def test_the_line_names_each_failure_and_the_denominator(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(
        make_record("onnx/node/a"),
        make_record("onnx/node/b", Outcome.FAIL, expected=Outcome.FAIL),
        make_record("onnx/node/c", Outcome.CRASH, unexpected=True),
        make_record("onnx/node/d", Outcome.GAP),
    )
    line = summarise(run).targets[0].verdict.line
    assert line == (
        "acme:0: not conformant to onnx 1.23.2: 1 FAIL, 1 CRASH among 3 judged of 4 cases "
        "(1 GAP apart); 1 unexpected"
    )


def test_gaps_alone_are_no_pass(make_record: Record, make_run: Run) -> None:
    run = make_run(make_record("onnx/node/a", Outcome.GAP))
    verdict = summarise(run).targets[0].verdict
    assert verdict.conformance is Conformance.OPEN
    assert "nothing judged of 1 cases" in verdict.line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"selection": {"k": "*a*"}}, "only a part of the corpus was asked for"),
        ({"selection": {"shard": "1/2"}}, "only a part of the corpus was asked for"),
        ({"ended": None}, "the run has not ended"),
        ({"corpus": {}}, "the size of the corpus is not recorded"),
    ],
)
def test_a_part_of_the_corpus_gets_no_verdict(
    make_record: Record, make_run: Run, change: dict[str, object], said: str
) -> None:
    verdict = summarise(make_run(make_record(), **change)).targets[0].verdict
    assert verdict.conformance is Conformance.OPEN
    assert said in verdict.line


def test_a_failure_is_conclusive_in_a_part_of_the_corpus(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(make_record(outcome=Outcome.FAIL), selection={"k": "*abs*"})
    assert summarise(run).targets[0].verdict.conformance is Conformance.NO


def test_a_failure_that_nobody_marked_is_unexpected(make_record: Record, make_run: Run) -> None:
    run = make_run(make_record(outcome=Outcome.FAIL, unexpected=False, expected=None))
    assert summarise(run).targets[0].tally.unexpected == 1


def test_passes_of_unknown_placement_are_counted_apart(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(
        make_record("onnx/node/a", placement={"device": 1, "evidence": "assigned"}),
        make_record("onnx/node/b", placement={"device": 1, "unknown": 1}),
        make_record("onnx/node/c", placement={"device": 1, "host": 1, "evidence": "profiled"}),
        make_record("onnx/node/d", placement=None),
        make_record("onnx/node/e", Outcome.GAP, placement={"host": 5}),
    )
    place = summarise(run).targets[0].placement
    assert (place.wholly, place.partly, place.unknown, place.silent) == (1, 1, 1, 1)
    assert place.passes_unknown == 2
    assert place.nodes["host"] == 1


def test_unexpected_failures_come_first_and_the_worst_of_them_first(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(
        make_record("onnx/node/a", Outcome.FAIL, expected=Outcome.FAIL),
        make_record("onnx/node/b", Outcome.FAIL, unexpected=True),
        make_record("onnx/node/c", Outcome.CRASH, unexpected=True),
        make_record("onnx/node/d", Outcome.PASS, expected=Outcome.FAIL, unexpected=True),
        make_record("onnx/node/e"),
    )
    shown = [failure.record.case[-1] for failure in summarise(run).targets[0].failures]
    assert shown == ["c", "b", "d", "a"]


def test_a_case_counts_once_for_each_operator(make_record: Record, make_run: Run) -> None:
    run = make_run(make_record(ops=["Add", "Relu", "Add"]))
    ops = summarise(run).targets[0].ops
    assert {op: counted.total for op, counted in ops.items()} == {"Add": 1, "Relu": 1}


def test_gaps_are_grouped_by_their_reason_without_its_particulars(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(
        make_record("onnx/node/a", Outcome.GAP, reason="no 'Abs' at 0x7f01", ops=["Abs"]),
        make_record("onnx/node/b", Outcome.GAP, reason="no 'Det' at 0x7f99", ops=["Det"]),
        make_record("onnx/node/c", Outcome.GAP, reason="opset 27 is too new"),
    )
    groups = summarise(run).targets[0].gaps
    assert [(group.cases, group.ops) for group in groups] == [
        (2, ("Abs", "Det")),
        (1, ("Abs",)),
    ]


def test_records_of_an_unnamed_target_are_a_problem(make_record: Record, make_run: Run) -> None:
    run = make_run(make_record())
    stray = Results(run.header, (*run.records, make_record(target="other:0")))
    assert "other:0" in summarise(stray).problems[0]


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("onnx/pytorch-operator/test_x", "onnx/pytorch-operator"),
        ("api/lifecycle/test_x", "api"),
        ("ops/Conv/11/float16/k3", "ops"),
    ],
)
def test_kinds_are_of_the_standards_suite_or_the_suite(case: str, kind: str) -> None:
    assert kind_of(case) == kind


def test_the_reproducer_line_is_safe_in_a_shell(make_record: Record) -> None:
    assert repro_line(make_record("api/t[a b;rm]")) == "hal repro 'api/t[a b;rm]' -d acme:0"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "y[0,1]: got 1.5, expected 2.0; 3 of 9 elements are wrong",
            "Y[7]: got -inf, expected 0.0; 1 of 2 elements are wrong",
        ),
        ("cannot open /tmp/a/b/model.onnx", "cannot open /var/x/y/z.onnx"),
        ("check 'a' failed at 0x7f00", 'check "b" failed at 0xdead'),
    ],
)
def test_reasons_that_differ_in_particulars_have_one_shape(one: str, other: str) -> None:
    assert shape(one) == shape(other)


def test_reasons_about_different_operators_have_different_shapes() -> None:
    assert shape("no kernel for Add(14)") != shape("no kernel for Mul(14)")
