"""What keeps `--gate` shut, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hal_conformance.expectation_files import parse
from hal_conformance.gate import Problem, gate
from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.results import Results

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]

TODAY = date(2026, 6, 1)
KNOWN = """\
[[expect]]
cases = ["onnx/node/test_abs*"]
kind = "not_yet"
outcome = "FAIL"
cause = "subnormals are flushed to zero"
"""


def _gate(results: Results, text: str = "") -> list[Problem]:
    known = {"acme:0": parse(text, Path("e.toml"))} if text else {}
    return gate(results, known, TODAY)


def test_a_run_without_surprises_passes(make_record: Record, make_run: Run) -> None:
    run = make_run(
        make_record("onnx/node/test_abs", Outcome.FAIL, expected=Outcome.FAIL),
        make_record("onnx/node/test_gap", Outcome.GAP),
        make_record("onnx/node/test_add"),
    )
    assert _gate(run, KNOWN) == []


def test_an_unexpected_outcome_is_named_with_what_was_expected(
    make_record: Record, make_run: Run
) -> None:
    crash = make_record(
        outcome=Outcome.CRASH, expected=Outcome.FAIL, unexpected=True, reason="SIGSEGV"
    )
    (problem,) = _gate(make_run(crash))
    assert problem.kind == "unexpected"
    assert problem.message == "expected FAIL, got CRASH: SIGSEGV"
    assert str(problem).startswith("unexpected: acme:0 onnx/node/test_abs: ")


def test_an_unmarked_failure_does_not_slip_through(make_record: Record, make_run: Run) -> None:
    (problem,) = _gate(make_run(make_record(outcome=Outcome.FAIL)))
    assert problem.kind == "unexpected"


def test_nothing_judged_is_never_a_pass(make_record: Record, make_run: Run) -> None:
    (problem,) = _gate(make_run(make_record(outcome=Outcome.SKIP)))
    assert problem.kind == "empty"


def test_a_target_without_any_record_is_never_a_pass(make_run: Run) -> None:
    assert [problem.kind for problem in _gate(make_run())] == ["empty"]


def test_missing_cases_and_an_unfinished_run_are_incomplete(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(make_record(), make_record("onnx/node/b"))
    lost = replace(run, records=run.records[:1])
    assert [problem.kind for problem in _gate(lost)] == ["incomplete"]
    unfinished = make_run(make_record(), ended=None)
    assert [problem.kind for problem in _gate(unfinished)] == ["incomplete"]


def test_damage_is_a_problem(make_record: Record, make_run: Run) -> None:
    run = replace(make_run(make_record()), problems=("results.jsonl: torn",))
    assert [problem.kind for problem in _gate(run)] == ["damaged"]


def test_an_entry_that_matches_nothing_is_stale(make_record: Record, make_run: Run) -> None:
    text = KNOWN.replace("test_abs*", "test_gone*")
    (problem,) = _gate(make_run(make_record()), text)
    assert (problem.kind, problem.where) == ("stale", "e.toml:1")
    assert "'onnx/node/test_gone*' matches no case" in problem.message


@pytest.mark.parametrize("selection", [{"k": "*abs*"}, {"shard": "1/2"}, {"failed_from": "r"}])
def test_staleness_is_not_judged_on_a_part_of_the_corpus(
    make_record: Record, make_run: Run, selection: dict[str, str]
) -> None:
    text = KNOWN.replace("test_abs*", "test_gone*")
    assert _gate(make_run(make_record(), selection=selection), text) == []


@pytest.mark.parametrize(("held", "kinds"), [("bf16", []), ("tf32", ["stale"])])
def test_an_entry_that_asks_how_answers_behave_is_stale_where_none_does(
    make_record: Record, make_run: Run, held: str, kinds: list[str]
) -> None:
    said = {"arithmetic": "fp32", "tier": "sound", "outcome": Outcome.FAIL, "held": held}
    failed = make_record(outcome=Outcome.FAIL, expected=Outcome.FAIL, bounds=said)
    problems = _gate(make_run(failed), f'{KNOWN}behaves_like = "bf16*"\n')
    assert [problem.kind for problem in problems] == kinds


@pytest.mark.parametrize(
    "line", ['sdk = "<2000"', 'device = "another"', 'targets = ["other:0"]']
)
def test_staleness_is_not_judged_where_the_entry_does_not_hold(
    make_record: Record, make_run: Run, line: str
) -> None:
    text = KNOWN.replace("test_abs*", "test_gone*") + line
    assert _gate(make_run(make_record()), text) == []


def test_staleness_is_not_judged_for_a_suite_that_did_not_run(
    make_record: Record, make_run: Run
) -> None:
    text = KNOWN.replace("onnx/node/test_abs*", "api/test_gone*")
    assert _gate(make_run(make_record()), text) == []


@pytest.mark.parametrize(("day", "kinds"), [("2026-06-01", ["expired"]), ("2026-06-02", [])])
def test_an_entry_expires_on_its_day(
    make_record: Record, make_run: Run, day: str, kinds: list[str]
) -> None:
    known = make_record(outcome=Outcome.FAIL, expected=Outcome.FAIL)
    problems = _gate(make_run(known), f"{KNOWN}expires = {day}\n")
    assert [problem.kind for problem in problems] == kinds


@pytest.mark.parametrize(
    ("cases", "cause", "kinds"),
    [
        (21, "seen: 3 of 4 elements differ", ["unexplained"]),
        (20, "seen: 3 of 4 elements differ", []),
        (21, "subnormals are flushed to zero", []),
    ],
)
def test_a_glob_over_more_than_twenty_cases_states_their_cause(
    make_record: Record, make_run: Run, cases: int, cause: str, kinds: list[str]
) -> None:
    records = [
        make_record(f"onnx/node/test_abs_{n}", Outcome.FAIL, expected=Outcome.FAIL)
        for n in range(cases)
    ]
    text = KNOWN.replace("subnormals are flushed to zero", cause)
    assert [problem.kind for problem in _gate(make_run(*records), text)] == kinds
