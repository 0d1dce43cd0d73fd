"""The support table of a document, written from committed results and never typed.

    python -m hal_conformance.report.table RESULTS... --write README.md
    python -m hal_conformance.report.table RESULTS... --check README.md

Without an option it prints. The document marks the place with two comments, BEGIN and END.
`--check` exits with 1 where the document does not say what the results say.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hal.errors import InputError
from hal_conformance.report.html import device_line
from hal_conformance.report.summary import ORDER, Summary, TargetSummary, summarise
from hal_conformance.report.text import markdown, table
from hal_conformance.report.verdict import profile
from hal_conformance.results import read, replace

BEGIN = "<!-- support:begin -->"
END = "<!-- support:end -->"


def render(summaries: Sequence[Summary]) -> str:
    """Targets by outcome, targets by kind, and what was measured when on what."""
    rows = [(summary, target) for summary in summaries for target in summary.targets]
    outcomes = [o for o in ORDER if any(target.tally[o] for _, target in rows)]
    kinds = sorted({kind for _, target in rows for kind in target.kinds})
    by_outcome = table(
        ["target", "passed of judged", *(outcome.value for outcome in outcomes), "cases"],
        [
            [
                _name(target),
                target.tally.share,
                *(f"{target.tally[outcome]:,}" for outcome in outcomes),
                f"{target.tally.total:,}",
            ]
            for _, target in rows
        ],
    )
    by_kind = table(
        ["target", *map(markdown, kinds)],
        [[_name(target), *(_kind(target, kind) for kind in kinds)] for _, target in rows],
    )
    notes = "".join(
        f"* {_name(target)}: {markdown(device_line(target.header))}; "
        f"{markdown(profile(summary.header))}, {markdown(summary.header.started[:10])}\n"
        for summary, target in rows
    )
    return f"{by_outcome}\nPassed of judged, by kind of case:\n\n{by_kind}\n{notes}"


def _name(target: TargetSummary) -> str:
    return markdown(target.name)


def _kind(target: TargetSummary, kind: str) -> str:
    return target.kinds[kind].share if kind in target.kinds else ""


def insert(document: str, content: str) -> str:
    """The document with `content` between its marks.

    Raises:
        InputError: the marks are missing, or there are several.
    """
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise InputError(f"the document needs one line {BEGIN} and, after it, one line {END}")
    before, rest = document.split(BEGIN)
    if END not in rest:
        raise InputError(f"{END} stands before {BEGIN}")
    return f"{before}{BEGIN}\n{content}{END}{rest.split(END)[1]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="hal_conformance.report.table", description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="results folders")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", type=Path, metavar="FILE", help="rewrite the marked region")
    what.add_argument("--check", type=Path, metavar="FILE", help="exit 1 unless it is current")
    given = parser.parse_args(arguments)
    try:
        return _run(render([summarise(read(path)) for path in given.results]), given)
    except (InputError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _run(content: str, given: argparse.Namespace) -> int:
    document: Path | None = given.write or given.check
    if document is None:
        sys.stdout.write(content)
        return 0
    text = document.read_text(encoding="utf-8")
    wanted = insert(text, content)
    if given.check and wanted != text:
        sys.stderr.write(f"{document} is not what the results say: run again with --write\n")
        return 1
    if given.write:
        replace(document, wanted.encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
