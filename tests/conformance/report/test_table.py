"""The support table is what the results say, and a document that says else is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hal_conformance.report import summarise
from hal_conformance.report.document import insert
from hal_conformance.report.table import BEGIN, END, MARKS, main, render
from hal_conformance.results import Results, write

from hal.errors import InputError

Run = Callable[..., Results]


@pytest.fixture
def results(make_results: Run, tmp_path: Path) -> Path:
    write(tmp_path / "results", make_results(targets=("acme:0", "acme:1"), size=100))
    return tmp_path / "results"


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    return path


def test_the_table_has_each_target_with_its_share(make_results: Run) -> None:
    summary = summarise(make_results(targets=("acme:0", "acme:1"), size=100))
    text = render([summary])
    for target in summary.targets:
        assert f"| {target.name} | {target.tally.share} |" in text
        assert all(verdict.tally.share in text for verdict in target.suites.values())


def test_a_run_over_chosen_cases_has_no_row(make_results: Run) -> None:
    run = make_results(targets=("acme:0",), size=100)
    header = run.header.model_copy(update={"selection": {"k": "onnx/node/test_a*"}})
    text = render([summarise(run), summarise(replace(run, header=header))])
    assert text.count("| acme:0 |") == render([summarise(run)]).count("| acme:0 |") > 0


def test_the_marked_region_is_rewritten_and_the_rest_kept(
    results: Path, readme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(results)]) == 0
    content = capsys.readouterr().out
    assert main([str(results), "--write", str(readme)]) == 0
    assert readme.read_text() == f"before\n{BEGIN}\n{content}{END}\nafter\n"


def test_a_document_that_is_not_current_fails_the_check(results: Path, readme: Path) -> None:
    assert main([str(results), "--check", str(readme)]) == 1
    main([str(results), "--write", str(readme)])
    assert main([str(results), "--check", str(readme)]) == 0


@pytest.mark.parametrize(
    "text", ["nothing", BEGIN, f"{END}\n{BEGIN}\n", f"{BEGIN}{END}{BEGIN}{END}"]
)
def test_a_document_without_its_marks_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        insert(text, "table", MARKS)


def test_a_folder_without_results_is_an_error_and_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "no results folder" in capsys.readouterr().err
