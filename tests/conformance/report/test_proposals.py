"""`hal expect update`: a file for review that fits what a run saw."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hal_conformance import globs
from hal_conformance.expectation_files import parse
from hal_conformance.expectations import apply_all
from hal_conformance.gate import gate
from hal_conformance.globs import Sorted
from hal_conformance.patterns import narrow
from hal_conformance.proposals import propose, quoted, update
from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.results import Results, write
from hypothesis import given
from hypothesis import strategies as st

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]

EXISTING = """\
# Known outcomes of acme.
schema = 1

# The kernel rounds halves away from zero.
[[expect]]
cases = ["onnx/node/test_round*"]  # every variant
kind = "not_yet"
outcome = "FAIL"
cause = "rounds halves away from zero"
issue = "https://acme.example/7"

# Section: crashes

[[expect]]
cases = ["onnx/node/test_det"]
kind = "not_yet"
outcome = "CRASH"
cause = "null pointer in the determinant"

# the end
"""


def _fail(make_record: Record, case: str, **fields: object) -> CaseRecord:
    fields = {"reason": "y: 3 of 4 elements differ", **fields}
    return make_record(case, Outcome.FAIL, **fields)


def _marked(run: Results, text: str) -> Results:
    known = {target.target: parse(text) for target in run.header.targets}
    return replace(run, records=tuple(apply_all(run.records, known, run.header.targets)))


def test_a_proposed_file_makes_the_run_expected(make_results: Run) -> None:
    run = make_results(targets=("acme:0", "acme:1", "acme:2"), size=400, wrong=0.1)
    text = propose(run).text
    assert not any(record.unexpected for record in _marked(run, text).records)


def test_a_proposal_proposes_nothing_more_the_second_time(make_results: Run) -> None:
    run = make_results(targets=("acme:0", "acme:1"), size=400, wrong=0.1)
    text = propose(run).text
    again = propose(run, text)
    assert (again.added, again.changed, again.removed) == (0, 0, 0)
    assert again.text == text


def test_gaps_and_passes_are_not_proposed(make_record: Record, make_run: Run) -> None:
    run = make_run(make_record("onnx/node/a", Outcome.GAP), make_record("onnx/node/b"))
    assert "[[expect]]" not in propose(run).text


def test_wrong_values_are_grouped_by_operator_and_crashes_by_message(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(
        _fail(make_record, "onnx/node/test_add_a", ops=["Add"], reason="y: 3 of 9 differ"),
        _fail(make_record, "onnx/node/test_add_b", ops=["Add"], reason="y: 1 of 9 differ"),
        _fail(make_record, "onnx/node/test_mul", ops=["Mul"]),
        make_record("onnx/node/test_x", Outcome.CRASH, ops=["X"], reason="signal 11"),
        make_record("onnx/node/test_y", Outcome.CRASH, ops=["Y"], reason="signal 11"),
    )
    entries = [entry.expectation for entry in parse(propose(run).text).entries]
    assert sorted(known.cases for known in entries) == [
        ("onnx/node/test_add_a", "onnx/node/test_add_b"),
        ("onnx/node/test_mul",),
        ("onnx/node/test_x", "onnx/node/test_y"),
    ]


def test_a_proposed_cause_is_an_observation_for_this_release(
    make_record: Record, make_run: Run
) -> None:
    (entry,) = parse(propose(make_run(_fail(make_record, "onnx/node/test_a"))).text).entries
    assert entry.expectation.cause == "seen: y: 3 of 4 elements differ"
    assert not entry.expectation.explained
    assert entry.expectation.sdk == "==2026.4.*"
    assert entry.expectation.targets == ("acme:0",)


def test_entries_that_hold_are_kept_to_the_letter(make_record: Record, make_run: Run) -> None:
    run = make_run(
        _fail(make_record, "onnx/node/test_round_1"),
        make_record("onnx/node/test_det", Outcome.CRASH),
    )
    assert propose(run, EXISTING).text == EXISTING


def test_an_entry_that_holds_no_longer_is_commented_out_with_the_reason(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(
        _fail(make_record, "onnx/node/test_round_1"), make_record("onnx/node/test_det")
    )
    proposal = propose(run, EXISTING)
    assert (proposal.kept, proposal.removed) == (1, 1)
    assert "# removed, not seen any more:\n# [[expect]]\n" in proposal.text
    assert "# Section: crashes" in proposal.text
    assert "# the end" in proposal.text
    assert len(parse(proposal.text).entries) == 1


def test_an_entry_that_holds_in_part_is_narrowed_and_keeps_its_cause_and_comments(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(
        _fail(make_record, "onnx/node/test_round_1"),
        make_record("onnx/node/test_round_2"),
        make_record("onnx/node/test_det", Outcome.CRASH),
    )
    proposal = propose(run, EXISTING)
    known = parse(proposal.text).entries[0].expectation
    assert proposal.changed == 1
    assert known.cases == ("onnx/node/test_round_1",)
    assert known.cause == "rounds halves away from zero"
    assert known.issue == "https://acme.example/7"
    assert proposal.text.count("# The kernel rounds halves away from zero.") == 1


def test_a_failure_that_became_a_crash_is_proposed_anew(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(make_record("onnx/node/test_round_1", Outcome.CRASH, reason="signal 11"))
    entries = parse(propose(run, EXISTING).text).entries
    assert [entry.expectation.outcome for entry in entries] == [Outcome.CRASH]


def test_a_filtered_run_removes_nothing_it_did_not_see(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(make_record("onnx/node/test_abs"), selection={"k": "*abs*"})
    assert propose(run, EXISTING).text == EXISTING


def test_entries_for_other_targets_are_kept(make_record: Record, make_run: Run) -> None:
    text = EXISTING.replace('outcome = "FAIL"', 'outcome = "FAIL"\ntargets = ["other:0"]')
    run = make_run(
        make_record("onnx/node/test_round_1"), make_record("onnx/node/test_det", Outcome.CRASH)
    )
    assert propose(run, text).text == text


def test_targets_of_another_file_are_left_out(make_record: Record, make_run: Run) -> None:
    run = make_run(
        _fail(make_record, "onnx/node/test_a", target="a:0"),
        _fail(make_record, "onnx/node/test_b", target="b:0"),
    )
    (entry,) = parse(propose(run, targets=["b:0"]).text).entries
    assert entry.expectation.cases == ("onnx/node/test_b",)


def test_a_proposal_over_many_cases_keeps_the_gate_shut_until_it_is_explained(
    make_record: Record, make_run: Run
) -> None:
    run = make_run(*(_fail(make_record, f"onnx/node/test_abs_{n}") for n in range(30)))
    text = propose(run).text
    known = {"acme:0": parse(text)}
    assert [p.kind for p in gate(_marked(run, text), known)] == ["unexplained"]
    explained = text.replace("seen: y: 3 of 4 elements differ", "flushes subnormals")
    known = {"acme:0": parse(explained)}
    assert gate(_marked(run, explained), known) == []


def test_the_file_is_read_and_the_text_returned(
    make_record: Record, make_run: Run, tmp_path: Path
) -> None:
    write(tmp_path / "results", make_run(_fail(make_record, "onnx/node/test_a")))
    existing = tmp_path / "expectations.toml"
    assert "onnx/node/test_a" in update(tmp_path / "results", existing)
    assert not existing.exists()


def test_wrong_values_that_one_arithmetic_explains_are_one_entry(
    make_record: Record, make_run: Run
) -> None:
    said = {"arithmetic": "fp32", "tier": "sound", "outcome": "FAIL", "held": "bf16"}
    run = make_run(
        *(
            make_record(f"ops/{op}/13/float32/{form}", Outcome.FAIL, ops=[op], bounds=said)
            for op in ("MatMul", "Gemm")
            for form in ("plain", "wide")
        ),
        make_record("ops/Gemm/13/float32/tiny"),
    )
    (entry,) = parse(propose(run).text).entries
    assert entry.expectation.cause == "seen: behaves like bf16"
    assert set(entry.expectation.cases) == {
        "ops/MatMul/*/float32/*",
        "ops/Gemm/13/float32/plain",
        "ops/Gemm/13/float32/wide",
    }


def test_keys_that_soften_an_entry_survive_its_rewriting(
    make_record: Record, make_run: Run
) -> None:
    said = {"arithmetic": "fp32", "tier": "sound", "outcome": "FAIL", "held": "bf16"}
    known = """\
[[expect]]
cases = ["ops/Gemm/*/float32/*", "ops/Gone/*"]
kind = "not_yet"
outcome = "FAIL"
cause = "operands are rounded"
also = ["CRASH"]
behaves_like = "bf16*"
"""
    run = make_run(make_record("ops/Gemm/13/float32/plain", Outcome.FAIL, bounds=said))
    (entry,) = parse(propose(run, known).text).entries
    assert entry.expectation.cases == ("ops/Gemm/*/float32/*",)
    assert (entry.expectation.also, entry.expectation.behaves_like) == (
        (Outcome.CRASH,),
        "bf16*",
    )


ids = st.sets(
    st.text("ab_/[", min_size=1, max_size=8).map(lambda text: f"onnx/node/test_{text}"),
    max_size=25,
)


@given(ids, ids)
def test_narrow_patterns_match_what_they_shall_and_nothing_else(
    wanted: set[str], others: set[str]
) -> None:
    patterns = narrow(wanted, Sorted([*wanted, *others]))
    for case in wanted | others:
        assert any(globs.matches(pattern, case) for pattern in patterns) == (case in wanted)
    assert len(patterns) <= len(wanted)


def test_a_prefix_that_all_wanted_cases_share_becomes_one_glob() -> None:
    wanted = [f"onnx/node/test_cast_{n}" for n in range(5)]
    others = ["onnx/node/test_castlike_1", "onnx/node/test_add"]
    assert narrow(wanted, Sorted([*wanted, *others])) == ["onnx/node/test_cast_*"]


generated = st.builds(
    "ops/{}/{}/{}/{}".format,
    st.sampled_from(["Cast", "ai.onnx.ml/Scaler"]),
    st.sampled_from([1, 13, 21]),
    st.sampled_from(["float32", "int8", "float32-int8", "int8-float32"]),
    st.sampled_from(["plain", "int8", "wide"]),
)


@given(st.sets(generated, max_size=60), st.sets(generated, max_size=8))
def test_patterns_over_generated_cases_match_nothing_else(
    wanted: set[str], others: set[str]
) -> None:
    patterns = narrow(wanted, Sorted([*wanted, *others]))
    for case in wanted | others:
        assert any(globs.matches(pattern, case) for pattern in patterns) == (case in wanted)
    assert len(patterns) <= len(wanted)


def test_one_pattern_says_that_a_form_is_wrong_at_every_version() -> None:
    wanted = [f"ops/Cast/{version}/float32-int4/plain" for version in (13, 19, 21, 23)]
    others = ["ops/Cast/21/float32-int8/plain", "ops/Cast/21/float32-int4/wide"]
    assert narrow(wanted, Sorted([*wanted, *others])) == ["ops/Cast/*/float32-int4/plain"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_can_be_written_as_toml(text: str) -> None:
    assert tomllib.loads(f"a = {quoted(text)}") == {"a": text}
