"""Reports of one results folder: `junit.xml`, `report.md`, `report.html`, `findings.json`.

`write_reports(folder)` is the way in; `comparison` lays runs side by side; `table` and
`findings` write what documents say of results. All numbers come from `summary`; the formats
only lay them out.
"""

from __future__ import annotations

from pathlib import Path

from hal_conformance.report import findings_text, html, junit, markdown
from hal_conformance.report.summary import Summary, summarise
from hal_conformance.results import read, replace

__all__ = ["Summary", "render", "summarise", "write_reports"]

FORMATS = {
    "junit.xml": junit.render,
    "report.md": markdown.render,
    "report.html": html.render,
    "findings.json": findings_text.to_json,
}


def render(summary: Summary) -> dict[str, str]:
    """Every format's text by its file name."""
    return {name: write(summary) for name, write in FORMATS.items()}


def write_reports(folder: Path | str) -> list[Path]:
    """Write the reports into a results folder, from what stands in it.

    Raises:
        InputError: the folder holds no results that can be read.
    """
    folder = Path(folder)
    paths: list[Path] = []
    for name, text in render(summarise(read(folder))).items():
        replace(folder / name, text.encode("utf-8"))
        paths.append(folder / name)
    return paths
