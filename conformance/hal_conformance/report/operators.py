"""What the cases of an operator showed: grade, effective bits, worst error."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report.names import parsed
from hal_conformance.report.tally import Tally, tally

MAIN_TYPE = "float32"
"""Effective bits are told of cases in this type, so that operators can be compared."""

GRADES = ("A", "B", "C", "FAIL")
"""The best first; FAIL where no arithmetic explains an answer."""


@dataclass(frozen=True, slots=True)
class OperatorSummary:
    """One operator on one target, over all versions and types.

    `grade` is the lowest that any case was given: A, B, C, or FAIL where no arithmetic explains
    an answer. `bits` are the fewest effective bits of a float32 case. `worst` is the float32
    case nearest to its bound, or farthest beyond it; of any type where there is none. `proved`
    and `sampled` count judged cases.
    """

    name: str
    tally: Tally
    grade: str | None
    bits: float | None
    worst: CaseRecord | None
    proved: int
    sampled: int

    @property
    def ulp(self) -> float | None:
        """The error of the worst case, in units of the last place of its output."""
        return self.worst.bounds.ulp if self.worst and self.worst.bounds else None

    @property
    def limit(self) -> float | None:
        """The bound there, in the same unit."""
        return self.worst.bounds.limit_ulp if self.worst and self.worst.bounds else None


def summaries(
    records: Iterable[CaseRecord], evidence: Mapping[str, str]
) -> dict[str, OperatorSummary]:
    """Operators by name, from the single-operator cases of one target."""
    groups: dict[str, list[CaseRecord]] = defaultdict(list)
    for record in records:
        name = parsed(record.case)
        if name is not None:
            groups[name.operator].append(record)
    order = sorted(groups, key=lambda name: (name.lower(), name))
    return {name: _summary(name, groups[name], evidence) for name in order}


def _summary(
    name: str, records: list[CaseRecord], evidence: Mapping[str, str]
) -> OperatorSummary:
    told = Counter(
        evidence.get(record.case, "").split(" ")[0]
        for record in records
        if record.outcome in (Outcome.PASS, Outcome.FAIL)
    )
    return OperatorSummary(
        name=name,
        tally=tally(records),
        grade=lowest(records),
        bits=_bits(records),
        worst=headline(records),
        proved=told["proved"],
        sampled=told["sampled"],
    )


def lowest(records: Iterable[CaseRecord]) -> str | None:
    """The lowest grade of what was judged by bounds; None where nothing was."""
    found: set[str] = set()
    for record in records:
        bounds = record.bounds
        if bounds is None:
            continue
        if bounds.outcome is Outcome.FAIL:
            found.add(bounds.grade or "FAIL")
        elif bounds.outcome is Outcome.PASS and bounds.grade:
            found.add(bounds.grade)
    return next((grade for grade in reversed(GRADES) if grade in found), None)


def _bits(records: Iterable[CaseRecord]) -> float | None:
    found = [
        record.bounds.bits
        for record in records
        if record.bounds
        and record.bounds.bits is not None
        and record.bounds.outcome in (Outcome.PASS, Outcome.FAIL)
        and _is_all(record.case)
    ]
    return min((bits for bits in found if math.isfinite(bits)), default=None)


def _is_all(case: str) -> bool:
    """Whether it starts from the main type and has no other floating point, as casts have."""
    name = parsed(case)
    if name is None or name.types[0] != MAIN_TYPE:
        return False
    return not any("float" in kind and kind != MAIN_TYPE for kind in name.types)


def headline(records: Sequence[CaseRecord]) -> CaseRecord | None:
    """The worst float32 case, so that operators can be compared; else the worst of all."""
    return farthest(filter(is_main, records)) or farthest(records)


def is_main(record: CaseRecord) -> bool:
    """Whether it is a single-operator case of float32."""
    name = parsed(record.case)
    return name is not None and name.types[0] == MAIN_TYPE


def farthest(records: Iterable[CaseRecord]) -> CaseRecord | None:
    """The record whose error is the largest part of its bound."""
    found = [r for r in records if r.bounds and r.bounds.margin is not None and r.bounds.ulp]
    return max(found, key=_margin, default=None)


def _margin(record: CaseRecord) -> tuple[bool, float]:
    """Failures first: a margin below 1 is a pass."""
    bounds = record.bounds
    margin = bounds.margin if bounds and bounds.margin is not None else 0.0
    failed = bounds is not None and bounds.outcome is Outcome.FAIL
    return failed, math.inf if math.isnan(margin) else margin
