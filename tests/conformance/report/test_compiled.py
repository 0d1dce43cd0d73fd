"""The table of what was built is what the results say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report.compiled import MARKS, document, main
from hal_conformance.results import Results, write

Record = Callable[..., CaseRecord]


@pytest.fixture
def results(make_record: Record, make_run: Callable[..., Results]) -> Results:
    def built(target: str, seconds: float) -> CaseRecord:
        attempt: dict[str, Any] = {"outcome": Outcome.COMPILED, "compile_s": seconds}
        return make_record(
            "models/net/cat", Outcome.COMPILED, target, attempts=[{**attempt, "worker": "w0.1"}]
        )

    refused = make_record("models/net/dog", Outcome.GAP, "acme:0", reason="no such layer")
    return make_run(built("acme:0", 1.25), built("acme:1", 3.0), refused)


def test_a_case_has_a_row_and_a_target_a_column(results: Results) -> None:
    lines = document(results).splitlines()
    assert lines[2] == "| case | acme:0 | acme:1 |"
    assert lines[4] == "| `models/net/cat` | built in 1.2 s | built in 3.0 s |"


def test_what_was_not_built_has_its_reason(results: Results) -> None:
    assert "| `models/net/dog` | GAP no such layer |  |" in document(results)


def test_the_document_is_written_and_checked(results: Results, tmp_path: Path) -> None:
    write(tmp_path / "results", results)
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{MARKS.begin}\n{MARKS.end}\n")
    assert main([str(tmp_path / "results"), "--check", str(page)]) == 1
    assert main([str(tmp_path / "results"), "--write", str(page)]) == 0
    assert main([str(tmp_path / "results"), "--check", str(page)]) == 0


def test_a_missing_folder_is_a_wrong_use(tmp_path: Path) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
