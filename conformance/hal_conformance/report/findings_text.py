"""Findings as JSON, and as the Markdown tables of a report or a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hal_conformance.records import Findings, Outcome
from hal_conformance.report.finding import Finding
from hal_conformance.report.text import code, first_line, markdown, table

if TYPE_CHECKING:
    from hal_conformance.report.summary import Summary, TargetSummary

_BEYOND = (
    "subject",
    "worst ULP",
    "limit",
    "times the bound",
    "behaves like",
    "cases",
    "types",
    "limit's source",
    "the worst case",
)


def to_json(summary: Summary) -> str:
    """`findings.json`: every finding of every target."""
    found = Findings(findings=[f.record() for t in summary.targets for f in t.findings])
    return found.model_dump_json(by_alias=True, indent=1) + "\n"


def of_target(target: TargetSummary, shown: int | None = None) -> str:
    """What was found on a target: beyond bounds, then what ended otherwise; "" for nothing."""
    beyond = [f for f in target.findings if f.outcome is Outcome.FAIL]
    other = [f for f in target.findings if f.outcome is not Outcome.FAIL]
    parts: list[str] = []
    if beyond:
        parts += [_sentence(beyond), _by_type(target)]
        parts += [table(_BEYOND, map(_beyond, beyond[:shown]), 99)]
    if other:
        head = ["subject", "outcome", "cases", "what was said", "run it again"]
        parts += [_others(other), table(head, map(_other, other[:shown]), 99)]
    left = max(0, len(beyond) - (shown or 10**9)) + max(0, len(other) - (shown or 10**9))
    if left:
        parts.append(f"and {left:,} more; findings.json has them all.\n")
    return "\n".join(part for part in parts if part)


def _by_type(target: TargetSummary) -> str:
    rows = (
        [markdown(t.name), f"{t.beyond:,} of {t.judged:,}", f"{t.operators:,}"]
        for t in target.beyond
    )
    head = ["first type of the operator", "cases beyond", "operators"]
    return table(head, rows) if target.beyond else ""


def _sentence(found: Sequence[Finding]) -> str:
    cases = sum(len(finding.records) for finding in found)
    return f"{len(found):,} subjects have an answer beyond its limit, in {cases:,} cases.\n"


def _others(found: Sequence[Finding]) -> str:
    cases = sum(len(finding.records) for finding in found)
    return f"Other ends that are no clean refusal: {cases:,} cases.\n"


def _beyond(finding: Finding) -> list[str]:
    measured = finding.measured
    if finding.worst is None:
        measured = ("not measured", "", "")
    return [
        markdown(finding.subject),
        *measured,
        markdown(finding.behaves_like),
        f"{len(finding.records):,} of {finding.asked:,}",
        markdown(finding.types_told),
        markdown(finding.source),
        f"{markdown(first_line(finding.reason, 160))} {code(finding.repro)}",
    ]


def _other(finding: Finding) -> list[str]:
    return [
        markdown(finding.subject),
        finding.outcome.value,
        f"{len(finding.records):,} of {finding.asked:,}",
        markdown(first_line(finding.reason, 160)),
        code(finding.repro),
    ]
