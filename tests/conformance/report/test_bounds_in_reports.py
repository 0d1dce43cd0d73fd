"""What bounds say, by operator and beside the standard's tolerance; verdicts by suite."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from hal_conformance.profiles.loading import load
from hal_conformance.records import CaseRecord, CorpusInfo, IndexRow, Outcome, ProfileRecord
from hal_conformance.report import render, summarise, twice
from hal_conformance.report.junit import SHOWN
from hal_conformance.report.names import parsed, subject_of
from hal_conformance.report.operators import summaries
from hal_conformance.report.verdict import Conformance
from hal_conformance.results import Results

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]
TIERS = ("mandatory", "optional")


def said(outcome: str, **fields: object) -> dict[str, object]:
    """What bounds say of a case."""
    return {"arithmetic": "fp32", "tier": "sound", "outcome": outcome, **fields}


@pytest.mark.parametrize(
    ("case", "parts"),
    [
        ("ops/Conv/22/bfloat16/group", ("Conv", "Conv", "", 22, ("bfloat16",), "group")),
        (
            "ops/ai.onnx.ml/Scaler/1/int64-float32/plain",
            ("ai.onnx.ml/Scaler", "Scaler", "ai.onnx.ml", 1, ("int64", "float32"), "plain"),
        ),
    ],
)
def test_an_id_says_operator_version_and_types(case: str, parts: tuple[object, ...]) -> None:
    name = parsed(case)
    assert name is not None
    assert (name.operator, name.op, name.domain, name.version, name.types, name.form) == parts


@pytest.mark.parametrize("case", ["onnx/node/test_conv", "graphs/fusion/a/1/b/c", "ops/Conv"])
def test_other_ids_say_nothing_of_operators(case: str) -> None:
    assert parsed(case) is None


def test_models_of_several_operators_are_named_by_all_of_them() -> None:
    assert subject_of("onnx/real/resnet", ["Conv", "Relu", "Conv"]) == "Conv+Relu"


def test_an_operator_has_its_lowest_grade_and_fewest_bits(make_record: Record) -> None:
    records = [
        make_record("ops/Exp/13/float32/a", bounds=said("PASS", grade="A", bits=24.5)),
        make_record("ops/Exp/13/float32/b", bounds=said("PASS", grade="B", bits=21.5)),
        make_record("ops/Exp/13/float16/c", bounds=said("PASS", grade="A", bits=11.0)),
        make_record("ops/Exp/13/int64/d", Outcome.GAP),
    ]
    evidence = {records[2].case: "proved", records[0].case: "sampled 1031"}
    (operator,) = summaries(records, evidence).values()
    assert (operator.grade, operator.bits) == ("B", 21.5)
    assert (operator.proved, operator.sampled) == (1, 1)
    assert operator.tally[Outcome.GAP] == 1


def test_a_failure_outweighs_every_grade(make_record: Record) -> None:
    passes = make_record("ops/Exp/13/float32/a", bounds=said("PASS", grade="A"))
    like = make_record(
        "ops/Exp/13/float32/b", Outcome.FAIL, bounds=said("FAIL", grade="C", held="bf16")
    )
    fails = make_record("ops/Exp/13/float32/c", Outcome.FAIL, bounds=said("FAIL"))
    assert summaries([passes, like], {})["Exp"].grade == "C"
    assert summaries([passes, like, fails], {})["Exp"].grade == "FAIL"


def test_the_standards_cases_are_counted_by_both_judges(make_record: Record) -> None:
    records = [
        make_record("onnx/node/a", Outcome.PASS, bounds=said("PASS")),
        make_record("onnx/node/b", Outcome.PASS, bounds=said("FAIL", margin=3.0)),
        make_record("onnx/node/c", Outcome.FAIL, bounds=said("PASS")),
        make_record("onnx/node/d", Outcome.FAIL, bounds=said("UNJUDGED")),
        make_record("onnx/node/e", Outcome.GAP),
        make_record("ops/Exp/13/float32/a", Outcome.FAIL, bounds=said("FAIL")),
    ]
    found = twice.compare(records)
    assert found.total == 4
    assert [record.case for record in found.hidden] == ["onnx/node/b"]
    assert [record.case for record in found.noise] == ["onnx/node/c"]


def test_each_suite_has_its_own_verdict(make_record: Record, make_run: Run) -> None:
    corpus = {
        "ops": CorpusInfo(hash="b3:1", cases=2),
        "onnx": CorpusInfo(hash="b3:2", cases=1, onnx="1.23.2"),
    }
    run = make_run(
        make_record("ops/Exp/13/float32/a"),
        make_record("ops/Exp/13/float32/b", Outcome.UNJUDGED),
        make_record("onnx/node/a", Outcome.FAIL),
        suites=["ops", "onnx"],
        corpus=corpus,
    )
    (target,) = summarise(run).targets
    assert target.verdict.conformance is Conformance.NO
    assert target.suites["ops"].answer == "conformant to ops"
    assert "1 UNJUDGED apart" in target.suites["ops"].detail
    assert target.suites["onnx"].answer == "not conformant to onnx 1.23.2"


def test_unjudged_cases_alone_are_no_pass(make_record: Record, make_run: Run) -> None:
    run = make_run(make_record("ops/Exp/13/float32/b", Outcome.UNJUDGED), suites=["ops"])
    assert summarise(run).targets[0].suites["ops"].conformance is Conformance.OPEN


def test_junit_has_a_case_a_version_and_each_surprise_up_to_a_limit(
    make_record: Record, make_run: Run
) -> None:
    right = [make_record(f"ops/Exp/13/float32/{n}") for n in range(50)]
    wrong = [
        make_record(f"ops/Exp/13/float16/{n}", Outcome.FAIL, unexpected=True)
        for n in range(SHOWN + 5)
    ]
    gaps = [make_record(f"ops/Exp/6/float16/{n}", Outcome.GAP) for n in range(5)]
    text = render(summarise(make_run(*right, *wrong, *gaps)))["junit.xml"]
    suite = ET.fromstring(text)[0]
    assert int(suite.get("failures", "")) == SHOWN + 1
    expected = suite.findall("testcase[@name='expected']")
    assert [case.get("classname") for case in expected] == ["ops.Exp.13", "ops.Exp.6"]
    assert expected[0].findtext("system-out") == "50 PASS"
    assert expected[1].find("skipped") is not None
    assert "5 more unexpected cases" in text


def test_the_page_counts_what_was_proved_and_sampled(
    make_record: Record, make_run: Run
) -> None:
    case = "ops/Exp/13/bfloat16/every"
    run = make_run(
        make_record(case, bounds=said("PASS", grade="A", ulp=0.5, limit_ulp=5.0, margin=0.1))
    )
    row = IndexRow(case=case, case_hash="b3:0", suite="ops", evidence="proved")
    results = Results(run.header, run.records, (row,))
    text = render(summarise(results))["report.md"]
    assert "| Exp | A, 0.5 of 5 ULP, 1 + 0 |" in text


def test_a_run_of_a_profile_says_how_each_part_stands(
    make_record: Record, make_run: Run
) -> None:
    definition = load("fp32").to_json()
    names = [(part["name"], tier) for tier in TIERS for part in definition.get(tier, [])]
    parts = [{"name": name, "tier": tier, "cases": 1} for name, tier in names]
    profile = {"name": "fp32", "version": "1", "arithmetic": "fp32", "published": False}
    hashes = {"hash": "sha256:1", "scope": "sha256:2"}
    recorded = ProfileRecord.model_validate(
        profile | hashes | {"parts": parts, "definition": definition}
    )
    run = make_run(make_record("ops/Add/14/float32/plain"), profile=recorded)
    texts = render(summarise(run))
    for name in ("report.md", "report.html"):
        assert "not the published scope" in texts[name]
        assert names[0][0] in texts[name]
