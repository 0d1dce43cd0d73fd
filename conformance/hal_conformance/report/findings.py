"""The page of findings, written from committed results and never typed.

    python -m hal_conformance.report.findings RESULTS... --write docs/findings.md
    python -m hal_conformance.report.findings RESULTS... --check docs/findings.md

Without an option it prints. The document marks the place with two comments; a document that is
not there yet is begun by --write.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hal_conformance.report.document import Marks, Region
from hal_conformance.report.findings_text import of_target
from hal_conformance.report.html import device_line
from hal_conformance.report.summary import Summary, TargetSummary
from hal_conformance.report.text import markdown

MARKS = Marks("<!-- findings:begin -->", "<!-- findings:end -->")

PAGE = f"""# Findings

What the conformance suite holds against each device, from the results in
[docs/results](results): answers that no correct device of the declared arithmetic gives, by
operator, with the error and its limit in units of the last place (of float32, where that is
wrong), and what the limit rests on ([numerics](numerics.md)). A limit of 0 is "exact".

`python -m hal_conformance.report.findings` writes everything below;
[results format](results-format.md) explains the columns under `findings.json`.

{MARKS.begin}
{MARKS.end}
"""
"""A document that holds nothing yet."""


def document(summaries: Sequence[Summary]) -> str:
    """The findings of several runs, for a page of the documentation."""
    parts: list[str] = []
    for summary in summaries:
        for target in summary.targets:
            parts.append(f"## {markdown(target.name)}\n")
            parts.append(f"{_on(summary, target)}\n")
            parts.append(of_target(target) or "Nothing was found.\n")
    return "\n".join(parts)


def _on(summary: Summary, target: TargetSummary) -> str:
    day = summary.header.started[:10]
    judged = target.tally.judged
    return f"{markdown(device_line(target.header))}; {day}, {judged:,} cases judged."


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    region = Region("hal_conformance.report.findings", __doc__, MARKS, document, PAGE)
    return region.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
