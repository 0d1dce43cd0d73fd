"""How many cases ended how: the one way of counting that every report shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hal_conformance.records import JUDGED, CaseRecord, Outcome


@dataclass(frozen=True, slots=True)
class Tally:
    """How many cases ended how."""

    counts: Mapping[Outcome, int]
    unexpected: int = 0

    def __getitem__(self, outcome: Outcome) -> int:
        """The number of cases with this outcome."""
        return self.counts.get(outcome, 0)

    @property
    def total(self) -> int:
        """Every case with a record."""
        return sum(self.counts.values())

    @property
    def judged(self) -> int:
        """The denominator: cases that say whether the device is right."""
        return sum(count for outcome, count in self.counts.items() if outcome in JUDGED)

    @property
    def passed(self) -> int:
        """Cases that are right."""
        return self[Outcome.PASS]

    @property
    def failed(self) -> int:
        """Judged, and not right."""
        return self.judged - self.passed

    @property
    def apart(self) -> int:
        """Cases that were not judged."""
        return self.total - self.judged

    @property
    def share(self) -> str:
        """ "1,632 of 1,640", or "nothing judged" where there is no denominator."""
        return f"{self.passed:,} of {self.judged:,}" if self.judged else "nothing judged"

    @property
    def percent(self) -> str:
        """The share in percent, rounded down so that only all is 100; "" for nothing."""
        if not self.judged:
            return ""
        tenths = self.passed * 1000 // self.judged
        return f"{tenths // 10}.{tenths % 10}%" if tenths < 1000 else "100%"


def tally(records: Iterable[CaseRecord]) -> Tally:
    """Count outcomes and surprises."""
    records = list(records)
    counts = Counter(record.outcome for record in records)
    return Tally(dict(counts), sum(record.is_news for record in records))
