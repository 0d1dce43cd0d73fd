"""A comparison as a page and as Markdown, and the way in for `hal report A B`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hal.errors import InputError
from hal_conformance.merge import are_shards, merge_folders
from hal_conformance.report import html, write_reports
from hal_conformance.report.compare import Change, Comparison, Difference, Group, compare
from hal_conformance.report.summary import ORDER
from hal_conformance.report.text import code, first_line, markdown, table
from hal_conformance.results import HEADER, read, read_header, replace

SHOWN = 200
"""Changed cases shown in Markdown, a target; the page shows more."""

SHOWN_ON_PAGE = 1000
"""Changed cases of one direction shown on the page, a target."""


def report(folders: Sequence[Path], out: Path | None = None) -> list[Path]:
    """What `hal report DIR...` does; the files it wrote.

    One folder is rendered in place. Shards of one run are merged into `out` and rendered there.
    Other folders are laid side by side: `comparison.html` and `comparison.md` in `out`.

    Raises:
        InputError: no results there, or shards that do not belong together, or no `out` where
            one is needed.
    """
    if not folders:
        raise InputError("name at least one results folder")
    if len(folders) == 1:
        return write_reports(folders[0])
    if are_shards(read_header(folder) for folder in folders):
        if out is None:
            raise InputError("these are shards of a run: say with -o where to merge them")
        merge_folders(folders, out)
        return [out / HEADER, *write_reports(out)]
    return write_comparison(folders, out or Path())


def write_comparison(folders: Sequence[Path], out: Path) -> list[Path]:
    """Write `comparison.html` and `comparison.md` of several runs into the folder `out`."""
    found = compare([read(folder) for folder in folders])
    out.mkdir(parents=True, exist_ok=True)
    texts = {"comparison.html": render_html(found), "comparison.md": render_markdown(found)}
    for name, text in texts.items():
        replace(out / name, text.encode("utf-8"))
    return [out / name for name in texts]


def render_html(found: Comparison) -> str:
    """The comparison as one self-contained page."""
    return html.page(
        "comparison.html.j2",
        {"found": found, "Change": Change, "outcomes": ORDER, "shown": SHOWN_ON_PAGE},
    )


def render_markdown(found: Comparison) -> str:
    """The comparison as Markdown."""
    parts = [f"# {' and '.join(markdown(run) for run in found.runs)} side by side\n"]
    for group in found.groups:
        parts += [f"## {markdown(group.title)}\n", _verdicts(group), _balance(group)]
        parts += [_differences(group), _fingerprint(group), _operators(group)]
        parts += [_changes(group)]
    if found.alone:
        names = ", ".join(markdown(label) for label in found.alone)
        parts.append(f"Only in one of the runs: {names}\n")
    return "\n".join(part for part in parts if part)


def _verdicts(group: Group) -> str:
    rows = (
        [
            markdown(column.label),
            markdown(column.verdict.answer),
            column.tally.share,
            f"{column.tally.apart:,}",
            f"{column.tally.unexpected:,}",
        ]
        for column in group.columns
    )
    head = ["run", "verdict", "passed of judged", "apart", "unexpected"]
    return table(head, rows, numbers_from=2)


def _balance(group: Group) -> str:
    counts = [
        f"{group.count(change):,} {change.value}" for change in Change if group.count(change)
    ]
    return f"{', '.join(counts) or 'nothing changed'}; {group.same:,} the same.\n"


def _differences(group: Group) -> str:
    if not group.differences:
        return "Device, driver, SDK, versions and corpus are the same.\n"
    return _table("differs", group, group.differences)


def _fingerprint(group: Group) -> str:
    """Facts of the arithmetic, before and after."""
    if not group.fingerprint:
        return ""
    return f"The fingerprint changed:\n\n{_table('fact', group, group.fingerprint)}"


def _operators(group: Group) -> str:
    if not group.operators:
        return ""
    return f"Grades and effective bits:\n\n{_table('operator', group, group.operators)}"


def _table(what: str, group: Group, rows: Sequence[Difference]) -> str:
    cells = ([markdown(row.what), *map(markdown, row.values)] for row in rows[:SHOWN])
    head = [what, *(markdown(column.label) for column in group.columns)]
    more = f"\nand {len(rows) - SHOWN:,} more.\n" if len(rows) > SHOWN else ""
    return table(head, cells, numbers_from=99) + more


def _changes(group: Group) -> str:
    if not group.changes:
        return ""
    rows = (
        [
            code(item.case),
            item.change.value,
            *(outcome.value if outcome else "–" for outcome in item.outcomes),
            markdown(first_line(item.reason)),
        ]
        for item in group.changes[:SHOWN]
    )
    head = ["case", "change", *(markdown(column.label) for column in group.columns), "reason"]
    rest = len(group.changes) - SHOWN
    more = f"\nand {rest:,} more; comparison.html has them all.\n" if rest > 0 else ""
    return table(head, rows, numbers_from=99) + more
