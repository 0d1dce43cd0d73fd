"""Findings: an operator beyond its bound, with the worst case and the limit's source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hal_conformance.records import BoundsRecord, CaseRecord, Outcome
from hal_conformance.report import findings, render, summarise
from hal_conformance.report.finding import find
from hal_conformance.report.sources import RELATED, source_of
from hal_conformance.results import Results, write
from pydantic import ValidationError

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]


def bounds(outcome: str, margin: float | None = None, **fields: object) -> dict[str, object]:
    """What bounds say of a case."""
    plain: dict[str, object] = {"arithmetic": "fp32", "tier": "sound", "outcome": outcome}
    measured = {} if margin is None else {"margin": margin, "ulp": margin * 4, "limit_ulp": 4.0}
    return plain | measured | fields


@pytest.fixture
def beyond(make_record: Record) -> list[CaseRecord]:
    """Sigmoid beyond its bound in two of three cases, one of them as bf16 would be."""

    def case(form: str, outcome: str, margin: float, **fields: object) -> CaseRecord:
        said = bounds(outcome, margin, **fields)
        name = f"ops/Sigmoid/13/float32/{form}"
        return make_record(name, Outcome(outcome), ops=["Sigmoid"], bounds=said)

    return [
        case("near", "FAIL", 3.0, grade="C", held="bf16"),
        case("wide", "FAIL", 70.0),
        case("plain", "PASS", 0.5, grade="A", held="fp32"),
    ]


def test_a_finding_has_the_worst_case_its_limit_and_where_that_comes_from(
    beyond: list[CaseRecord],
) -> None:
    (finding,) = find(beyond)
    assert (finding.subject, finding.outcome) == ("Sigmoid", Outcome.FAIL)
    assert (finding.ulp, finding.limit, finding.margin) == (280.0, 4.0, 70.0)
    assert (len(finding.records), finding.asked) == (2, 3)
    assert finding.repro == "hal repro ops/Sigmoid/13/float32/wide -d acme:0"
    assert finding.behaves_like == "bf16 (1)"
    assert dict(finding.types) == {"float32": 2}
    assert finding.source == source_of("Sigmoid", 13)
    assert "12 ULP" in finding.source


def test_a_case_that_passes_the_standard_beyond_its_bound_is_a_finding(
    make_record: Record,
) -> None:
    said = bounds("FAIL", 9.0, reason="y[3]: got 1, expected 2")
    hidden = make_record("onnx/node/test_elu", Outcome.PASS, ops=["Elu"], bounds=said)
    (finding,) = find([hidden])
    assert (finding.subject, finding.reason) == ("Elu", "y[3]: got 1, expected 2")


def test_noise_of_the_standards_comparison_is_no_finding(make_record: Record) -> None:
    noise = make_record("onnx/node/test_dft", Outcome.FAIL, bounds=bounds("PASS", 0.2))
    assert find([noise]) == ()


@pytest.mark.parametrize("said", [None, bounds("UNJUDGED")])
def test_a_failure_that_no_bound_speaks_of_rests_on_the_standards_tolerance(
    make_record: Record, said: dict[str, object] | None
) -> None:
    failed = make_record("onnx/node/test_dft", Outcome.FAIL, ops=["DFT"], bounds=said)
    (finding,) = find([failed])
    assert (finding.subject, finding.worst) == ("DFT", None)
    assert finding.source.startswith("the standard's own tolerance")


def test_crashes_are_findings_and_stand_after_wrong_values(
    make_record: Record, beyond: list[CaseRecord]
) -> None:
    crash = make_record("ops/Tile/13/float32/wide", Outcome.CRASH, ops=["Tile"])
    found = find([crash, *beyond])
    assert [(f.subject, f.outcome) for f in found] == [
        ("Sigmoid", Outcome.FAIL),
        ("Tile", Outcome.CRASH),
    ]


def test_a_gap_and_an_unjudged_case_are_no_findings(make_record: Record) -> None:
    gap = make_record("ops/Tile/13/int4/wide", Outcome.GAP)
    silent = make_record("ops/Tile/13/int8/x", Outcome.UNJUDGED, bounds=bounds("UNJUDGED"))
    assert find([gap, silent]) == ()


def test_a_wrong_shape_has_no_measured_error(make_record: Record) -> None:
    wrong = make_record(
        "ops/Tile/13/float32/x", Outcome.FAIL, bounds=bounds("FAIL"), reason="got shape [2]"
    )
    (finding,) = find([wrong])
    assert (finding.worst, finding.margin) == (None, None)
    assert finding.example is wrong


def test_graphs_are_found_by_family_and_relations_say_what_they_rest_on(
    make_record: Record,
) -> None:
    broken = make_record(
        "graphs/metamorphic/split_conv",
        Outcome.FAIL,
        bounds=bounds("FAIL", tier="relation"),
    )
    (finding,) = find([broken])
    assert (finding.subject, finding.source) == ("graphs/metamorphic", RELATED)


def test_an_operator_without_a_rule_rests_on_its_function_body() -> None:
    assert source_of("AffineGrid", 20).startswith("the function body of the standard")


def test_grade_c_is_a_fail_and_nothing_else() -> None:
    with pytest.raises(ValidationError, match="grade C"):
        BoundsRecord.model_validate(bounds("PASS", 0.1, grade="C"))


def test_findings_json_holds_every_finding(make_run: Run, beyond: list[CaseRecord]) -> None:
    beyond[1] = beyond[1].model_copy(
        update={"bounds": BoundsRecord.model_validate(bounds("FAIL", float("inf")))}
    )
    data = json.loads(render(summarise(make_run(*beyond)))["findings.json"])
    (finding,) = data["findings"]
    assert data["schema"] == 1
    assert finding["operator"] == "Sigmoid"
    assert finding["margin"] == "Infinity"
    assert len(finding["all_cases"]) == finding["cases"] == 2


def test_a_finding_stands_in_every_report(make_run: Run, beyond: list[CaseRecord]) -> None:
    texts = render(summarise(make_run(*beyond, suites=["ops"])))
    for name in ("report.md", "report.html"):
        text = texts[name].split('id="data"')[0]
        assert "hal repro ops/Sigmoid/13/float32/wide -d acme:0" in text
        assert "12 ULP" in text


def test_the_page_of_findings_is_begun_written_and_checked(
    make_run: Run, beyond: list[CaseRecord], tmp_path: Path
) -> None:
    write(tmp_path / "run", make_run(*beyond))
    page = tmp_path / "findings.md"
    assert findings.main([str(tmp_path / "run"), "--write", str(page)]) == 0
    assert (
        "| Sigmoid | 280 | 4 | 70 | bf16 (1) | 2 of 3 | float32: 280 ULP |" in page.read_text()
    )
    assert findings.main([str(tmp_path / "run"), "--check", str(page)]) == 0
    page.write_text(page.read_text().replace("280", "28"))
    assert findings.main([str(tmp_path / "run"), "--check", str(page)]) == 1


@pytest.mark.slow
def test_the_committed_page_of_findings_is_what_committed_results_say() -> None:
    docs = Path(__file__).parents[3] / "docs"
    folders = sorted(str(path.parent) for path in docs.glob("results/*/run.json"))
    assert folders
    assert findings.main([*folders, "--check", str(docs / "findings.md")]) == 0
