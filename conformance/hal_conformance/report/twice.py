"""The standard's cases, judged by its tolerance and by bounds: where the two disagree.

What passes the tolerance and lies beyond a bound is a fault that the standard's comparison
hides; what fails it within the bound is noise of the comparison.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report.names import suite_of

BOTH = (Outcome.PASS, Outcome.FAIL)
"""What the tolerance can say."""

BOUNDS = (Outcome.PASS, Outcome.FAIL, Outcome.UNJUDGED)
"""What bounds can say."""


@dataclass(frozen=True, slots=True)
class Twice:
    """One target: counts by (tolerance, bounds), and the cases where they disagree."""

    counts: Mapping[tuple[Outcome, Outcome], int]
    hidden: tuple[CaseRecord, ...]
    noise: tuple[CaseRecord, ...]

    @property
    def total(self) -> int:
        """Cases that both had a say on, UNJUDGED included."""
        return sum(self.counts.values())


def compare(records: Iterable[CaseRecord]) -> Twice:
    """The disagreements of one target, the farthest beyond their bound first."""
    both = [
        (record, record.bounds)
        for record in records
        if record.bounds and record.outcome in BOTH and suite_of(record.case) == "onnx"
    ]
    counts = Counter((record.outcome, bounds.outcome) for record, bounds in both)
    hidden = [r for r, b in both if (r.outcome, b.outcome) == (Outcome.PASS, Outcome.FAIL)]
    noise = [r for r, b in both if (r.outcome, b.outcome) == (Outcome.FAIL, Outcome.PASS)]
    hidden.sort(key=lambda record: (-_margin(record), record.case))
    noise.sort(key=lambda record: record.case)
    return Twice(dict(counts), tuple(hidden), tuple(noise))


def _margin(record: CaseRecord) -> float:
    return (record.bounds.margin or 0.0) if record.bounds else 0.0
