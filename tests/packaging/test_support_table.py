"""The README's support table is what the committed results say, and nobody's typing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hal_conformance.report.table import BEGIN, END, main
from hal_conformance.results import read


@pytest.fixture
def committed(root: Path, tracked: list[str]) -> list[Path]:
    """The folders of committed results."""
    headers = [root / name for name in tracked if name.startswith("docs/results/")]
    return sorted({path.parent for path in headers if path.name == "run.json"})


def test_the_support_table_is_generated_from_committed_results(
    root: Path, committed: list[Path]
) -> None:
    readme = root / "README.md"
    table = readme.read_text().partition(BEGIN)[2].partition(END)[0]
    if not committed:
        assert table.strip() == "No results are committed yet."
        return
    assert main([*map(str, committed), "--check", str(readme)]) == 0


def test_committed_results_are_whole_runs(committed: list[Path]) -> None:
    for folder in committed:
        results = read(folder)
        assert results.problems == ()
        assert results.header.ended is not None
        assert len(results.records) == results.header.cases
