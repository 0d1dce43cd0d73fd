"""The page of hardware makers, and the test of what the catalogue claims.

    python -m hal_conformance.report.vendors docs/results --write docs/vendors.md
    python -m hal_conformance.report.vendors docs/results --check docs/vendors.md

A path that claims more than its maker's word must have committed results: a run of that target
on that day, with an answer that was right (compiled, where it only compiles). Anything else is
an error, and no page is written.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hal.errors import InputError
from hal.vendors import MEANING, STATUSES, Catalogue, Maker, Way, load
from hal_conformance.report.document import Marks, write_or_check
from hal_conformance.report.text import markdown, table
from hal_conformance.results import read_header

MARKS = Marks("<!-- vendors:begin -->", "<!-- vendors:end -->")


def contradictions(catalogue: Catalogue, results: Path) -> Iterator[str]:
    """What the catalogue claims and the committed results do not show."""
    for maker in catalogue.makers:
        for path in maker.paths:
            problem = _problem(path, results)
            if problem:
                yield f"{maker.name}, {path.use}: {problem}"


def _problem(path: Way, results: Path) -> str | None:
    shown = path.evidence
    if shown is None:
        return None
    folder = results / shown.results
    if not (folder / "run.json").is_file():
        return f"there are no results {shown.results!r} in {results}"
    header = read_header(folder)
    targets = {target.target for target in header.targets}
    if shown.target not in targets:
        return f"{shown.results} has no target {shown.target!r}; it has {sorted(targets)}"
    if header.started[:10] != shown.date:
        return f"{shown.results} is of {header.started[:10]}, not of {shown.date}"
    sdk = next(t.identity["sdk"] for t in header.targets if t.target == shown.target)
    if sdk not in shown.versions:
        return f"{shown.results} ran SDK {sdk!r}, which {shown.versions!r} does not say"
    wanted = "COMPILED" if path.status == "compiles" else "PASS"
    if not any(row == (shown.target, wanted) for row in _outcomes(folder)):
        return f"{shown.results} has no {wanted} of {shown.target!r}"
    return None


def _outcomes(folder: Path) -> Iterator[tuple[str, str]]:
    """Target and outcome of each record, as they are read."""
    with gzip.open(folder / "results.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["target"], row["outcome"]


def page(catalogue: Catalogue) -> str:
    """The catalogue as Markdown: how many of each status, and a row a path."""
    paths = [path for maker in catalogue.makers for path in maker.paths]
    counts = table(
        ["status", "paths"],
        [
            [MEANING[status], str(sum(path.status == status for path in paths))]
            for status in STATUSES
        ],
    )
    rows = [row for maker in catalogue.makers for row in _rows(maker)]
    heads = ["maker", "devices", "through", "use", "needs", "status", "source or results"]
    return f"{len(catalogue.makers)} makers.\n\n{counts}\n{table(heads, rows, len(heads))}"


def _rows(maker: Maker) -> Iterable[Sequence[str]]:
    for number, path in enumerate(maker.paths):
        shown = path.evidence
        link = f"[results](results/{shown.results})" if shown else _linked(path.source or "")
        name = markdown(maker.name) if number == 0 else ""
        words = (", ".join(path.devices), path.through, path.use, path.needs, path.seen)
        yield [name, *map(markdown, words), link]


def _linked(source: str) -> str:
    return f"<{source}>" if source.startswith("https://") else markdown(source)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hal_conformance.report.vendors")
    parser.add_argument("results", type=Path, help="the folder of committed results")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--write", type=Path, metavar="DOCUMENT")
    where.add_argument("--check", type=Path, metavar="DOCUMENT")
    options = parser.parse_args(arguments)
    catalogue = load()
    found = list(contradictions(catalogue, options.results))
    if found:
        sys.stderr.write("".join(f"{line}\n" for line in found))
        return 1
    try:
        return write_or_check(page(catalogue), MARKS, options.write, options.check)
    except (InputError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
