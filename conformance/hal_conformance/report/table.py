"""The support table of a document, written from committed results and never typed.

    python -m hal_conformance.report.table RESULTS... --write README.md
    python -m hal_conformance.report.table RESULTS... --check README.md

Without an option it prints. The document marks the place with two comments.
`--check` exits with 1 where the document does not say what the results say.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from hal_conformance.records import Outcome
from hal_conformance.report.document import Marks, Region
from hal_conformance.report.html import device_line
from hal_conformance.report.operators import GRADES
from hal_conformance.report.summary import ORDER, Summary, TargetSummary
from hal_conformance.report.text import markdown, table
from hal_conformance.report.verdict import Verdict, profile
from hal_conformance.results import is_picked

MARKS = Marks("<!-- support:begin -->", "<!-- support:end -->")
BEGIN, END = MARKS.begin, MARKS.end


def render(summaries: Sequence[Summary]) -> str:
    """Targets by outcome, by suite, by bounds, and what was measured when on what.

    Runs over cases that were chosen by hand are left out.
    """
    whole = [summary for summary in summaries if not is_picked(summary.header)]
    rows = [(summary, target) for summary in whole for target in summary.targets]
    targets = [target for _, target in rows]
    notes = "".join(
        f"* {_name(target)}: {markdown(device_line(target.header))}; "
        f"{markdown(profile(summary.header))}, {markdown(summary.header.started[:10])}\n"
        for summary, target in rows
    )
    parts = [_by_outcome(targets), "Passed of judged, by suite:\n", _by_suite(targets)]
    if any(target.operators for target in targets):
        parts += ["Operators by grade, and what the bounds found:\n", _by_grade(targets)]
    return "\n".join([*parts, notes])


def _by_outcome(targets: Sequence[TargetSummary]) -> str:
    outcomes = [o for o in ORDER if any(target.tally[o] for target in targets)]
    return table(
        ["target", "passed of judged", *(outcome.value for outcome in outcomes), "cases"],
        [
            [
                _name(target),
                target.tally.share,
                *(f"{target.tally[outcome]:,}" for outcome in outcomes),
                f"{target.tally.total:,}",
            ]
            for target in targets
        ],
    )


def _by_suite(targets: Sequence[TargetSummary]) -> str:
    """A column a suite; the standard's own in its kinds where it is all there is."""
    suites = list(dict.fromkeys(suite for target in targets for suite in target.suites))
    return table(
        ["target", *map(markdown, suites)],
        [
            [_name(target), *(_share(target.suites.get(suite)) for suite in suites)]
            for target in targets
        ],
    )


def _share(verdict: Verdict | None) -> str:
    return verdict.tally.share if verdict else ""


def _by_grade(targets: Sequence[TargetSummary]) -> str:
    """How many operators have which lowest grade, and what stands in findings.json."""
    rows: list[list[str]] = []
    for target in targets:
        grades = Counter(operator.grade for operator in target.operators.values())
        beyond = [f for f in target.findings if f.outcome is Outcome.FAIL]
        told = [f"{grades[grade]:,}" for grade in GRADES]
        findings = [f"{len(beyond):,}", f"{len(target.twice.hidden):,}"]
        rows.append([_name(target), *told, f"{grades[None]:,}", *findings])
    head = [*("FAIL" if grade == "FAIL" else grade for grade in GRADES), "not judged"]
    return table(["target", *head, "findings", "hidden by the standard's tolerance"], rows)


def _name(target: TargetSummary) -> str:
    return markdown(target.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    region = Region("hal_conformance.report.table", __doc__, MARKS, render)
    return region.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
