"""Predictions against compilations: what is counted, and how disagreements are grouped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hal_conformance import agreement
from hal_conformance.agreement import Answer, document

ANSWERS = (
    Answer("a", "yes", "built"),
    Answer("b", "no", "Unsupported", "the parser, at Col2Im #0: false"),
    Answer("c", "yes", "Unsupported", "the parser takes x: float64[3, 4] as float32"),
    Answer("d", "yes", "Unsupported", "the parser takes input: float64[5] as float32"),
    Answer("e", "no", "built", "no such layer"),
    Answer("f", "DeviceLost", "DeviceLost", "ended by signal 11"),
)


def found(*answers: Answer) -> dict[str, Any]:
    return {
        "adapter": "acme",
        "sdk": "1.2",
        "device": "Acme One",
        "date": "2026-11-26",
        "answers": [asdict(answer) for answer in answers],
    }


@pytest.mark.parametrize(
    ("answer", "agrees"),
    list(zip(ANSWERS, [True, True, False, False, False, True], strict=True)),
)
def test_a_yes_that_was_built_and_a_no_that_was_not_agree(answer: Answer, agrees: bool) -> None:
    assert answer.agrees is agrees


def test_the_table_counts_every_pair() -> None:
    lines = document(found(*ANSWERS)).splitlines()
    assert "right in 3 (50.0 %)" in lines[0]
    assert lines[2] == "| predicted | built | DeviceLost | Unsupported |"
    assert "| yes | 1 | 0 | 2 |" in lines
    assert "| no | 1 | 0 | 1 |" in lines
    assert "| DeviceLost | 0 | 1 | 0 |" in lines


def test_disagreements_are_grouped_by_reason_without_its_numbers() -> None:
    text = document(found(*ANSWERS))
    assert (
        "| 2 | yes | Unsupported | the parser takes …: float64\\[…\\] as float32 | `c` |"
        in text
    )
    assert "`e`" in text
    assert "`b`" not in text


def test_full_agreement_lists_nothing() -> None:
    assert "reason" not in document(found(ANSWERS[0], ANSWERS[1]))


def test_a_measurement_is_written_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(*_: object) -> Iterator[Answer]:
        yield from ANSWERS

    def reported(target: str, corpus: object, answers: Any) -> dict[str, Any]:
        return found(*answers)

    monkeypatch.setattr(agreement, "measure", measured)
    monkeypatch.setattr(agreement, "report", reported)
    kept, page = tmp_path / "kept.json.gz", tmp_path / "page.md"
    page.write_text(f"# Page\n\n{agreement.MARKS.begin}\n{agreement.MARKS.end}\n")
    assert agreement.main(["measure", "acme", "--write", str(kept)]) == 0
    assert agreement.main(["show", str(kept), "--check", str(page)]) == 1
    assert agreement.main(["show", str(kept), "--write", str(page)]) == 0
    assert agreement.main(["show", str(kept), "--check", str(page)]) == 0
    assert "Acme One" in page.read_text()
