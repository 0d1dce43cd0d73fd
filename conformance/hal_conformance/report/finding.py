"""What is wrong with a target, an operator at a time: how far beyond which limit, and whose.

A finding gathers the cases of one operator (or family of graphs) on one target that end alike:
FAIL by the bounds, or by the standard where they say nothing; CRASH, HANG, OOM, ERROR, FLAKE.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hal_conformance.records import JUDGED, CaseRecord, FindingRecord, Outcome
from hal_conformance.report.names import SUITES, parsed, subject_of, suite_of
from hal_conformance.report.operators import farthest, headline, is_main
from hal_conformance.report.repro import repro_line
from hal_conformance.report.sources import RELATED, source_of
from hal_conformance.report.text import figure, some

_OTHERS = JUDGED - {Outcome.PASS, Outcome.FAIL, Outcome.ELSEWHERE}


_SAID = (Outcome.PASS, Outcome.FAIL)
"""What bounds, and the standard's tolerance, say where they say anything."""

_UNBOUNDED = {
    "onnx": "the standard's own tolerance; no bound says anything of it",
    "api": "the contract that adapters keep",
}
"""What a failure rests on that no bound speaks of, by suite."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One operator on one target: the cases that end alike, and the worst of them.

    `asked` counts the cases of that operator that were judged at all. `worst` has the largest
    error as a part of its bound, among float32 cases where there are any; None where no error
    was measured, as for a wrong shape or a crash. `held` counts the arithmetics that explain an
    answer; `types` the first type of each single-operator case.
    """

    target: str
    subject: str
    outcome: Outcome
    records: tuple[CaseRecord, ...]
    asked: int
    worst: CaseRecord | None
    held: Mapping[str, int]
    types: Mapping[str, int]
    versions: tuple[int, ...]
    source: str

    @property
    def example(self) -> CaseRecord:
        """The case to look at first."""
        return self.worst or self.records[0]

    @property
    def prefix(self) -> str:
        """What finds its cases among all cases of the page."""
        return f"ops/{self.subject}/" if self.types else self.example.case

    @property
    def repro(self) -> str:
        """The command that runs the example again."""
        return repro_line(self.example)

    @property
    def reason(self) -> str:
        """What the bounds or the vendor said of the example."""
        bounds = self.example.bounds
        said = bounds.reason if bounds and self.outcome is Outcome.FAIL else None
        return said or self.example.reason or ""

    @property
    def ulp(self) -> float | None:
        """The error of the worst case, in units of the last place."""
        return self.worst.bounds.ulp if self.worst and self.worst.bounds else None

    @property
    def limit(self) -> float | None:
        """The bound there, in the same unit."""
        return self.worst.bounds.limit_ulp if self.worst and self.worst.bounds else None

    @property
    def margin(self) -> float | None:
        """How many times the bound the error is."""
        return self.worst.bounds.margin if self.worst and self.worst.bounds else None

    @property
    def measured(self) -> tuple[str, str, str]:
        """Error, limit and times the bound in words; a limit of 0 is "exact"."""
        exact = self.limit == 0
        limit = "exact" if exact else figure(self.limit)
        return figure(self.ulp), limit, "–" if exact else figure(self.margin)

    @property
    def behaves_like(self) -> str:
        """The arithmetic that explains every case, or how many each explains; "" for none."""
        if not self.held:
            return ""
        if len(self.held) == 1 and sum(self.held.values()) == len(self.records):
            return next(iter(self.held))
        return ", ".join(f"{label} ({count:,})" for label, count in self.held.items())

    @property
    def ulp_by_type(self) -> dict[str, float]:
        """The error of the worst case of each type, in units of that type's last place."""
        groups: dict[str, list[CaseRecord]] = defaultdict(list)
        for record in self.records:
            name = parsed(record.case)
            if name is not None:
                groups[name.types[0]].append(record)
        worst = {name: farthest(groups[name]) for name in self.types}
        return {
            name: record.bounds.ulp
            for name, record in worst.items()
            if record and record.bounds and record.bounds.ulp is not None
        }

    @property
    def types_told(self) -> str:
        """The first types of its cases, the most frequent first, with their worst errors."""
        measured = self.ulp_by_type
        told = [
            f"{name}: {figure(measured[name])} ULP" if name in measured else name
            for name in self.types
        ]
        return some(told)

    @property
    def causes(self) -> tuple[str, ...]:
        """What expectations say of its cases."""
        return tuple(sorted({record.cause for record in self.records if record.cause}))

    def record(self) -> FindingRecord:
        """As `findings.json` has it."""
        return FindingRecord(
            target=self.target,
            operator=self.subject,
            outcome=self.outcome,
            cases=len(self.records),
            judged=self.asked,
            types=dict(self.types),
            versions=list(self.versions),
            worst_ulp=self.ulp,
            limit_ulp=self.limit,
            margin=self.margin,
            worst_ulp_by_type=self.ulp_by_type if self.outcome is Outcome.FAIL else {},
            behaves_like=dict(self.held),
            source=self.source,
            example=self.example.case,
            reason=self.reason,
            repro=self.repro,
            causes=list(self.causes),
            all_cases=[record.case for record in self.records],
        )


def find(records: Iterable[CaseRecord]) -> tuple[Finding, ...]:
    """The findings of one target: float32 first, the farthest beyond a bound first."""
    groups: dict[tuple[str, Outcome], list[CaseRecord]] = defaultdict(list)
    asked: Counter[str] = Counter()
    for record in records:
        outcome = _ended(record)
        if outcome is None:
            continue
        subject = subject_of(record.case, record.ops)
        asked[subject] += 1
        if outcome is not Outcome.PASS:
            groups[subject, outcome].append(record)
    found = [
        _finding(subject, outcome, group, asked[subject])
        for (subject, outcome), group in groups.items()
    ]
    return tuple(sorted(found, key=_rank))


def _ended(record: CaseRecord) -> Outcome | None:
    """By its bounds, PASS or FAIL, else by the outcome; None where nothing is said."""
    if record.outcome in _OTHERS:
        return record.outcome
    bounds = record.bounds
    if bounds and bounds.outcome in _SAID:
        return bounds.outcome
    return record.outcome if record.outcome in _SAID else None


def _rank(finding: Finding) -> tuple[object, ...]:
    margin = finding.margin
    return (
        finding.outcome is not Outcome.FAIL,
        finding.outcome.value,
        finding.worst is None or not is_main(finding.worst),
        -(margin if margin is not None and not math.isnan(margin) else 0.0),
        -len(finding.records),
        finding.subject,
    )


def _finding(subject: str, outcome: Outcome, records: list[CaseRecord], asked: int) -> Finding:
    records.sort(key=lambda record: (suite_of(record.case) not in SUITES, record.case))
    names = [name for record in records if (name := parsed(record.case))]
    measured = outcome is Outcome.FAIL
    worst = headline(records) if measured else None
    held = Counter(
        record.bounds.held for record in records if record.bounds and record.bounds.held
    )
    return Finding(
        target=records[0].target,
        subject=subject,
        outcome=outcome,
        records=tuple(records),
        asked=asked,
        worst=worst,
        held=dict(held.most_common()) if measured else {},
        types=dict(Counter(name.types[0] for name in names).most_common()),
        versions=tuple(sorted({name.version for name in names})),
        source=_source(worst or records[0]) if measured else "",
    )


@dataclass(frozen=True, slots=True)
class TypeShare:
    """Single-operator cases of one first type: how many lie beyond their limit, in how many
    operators."""

    name: str
    operators: int
    beyond: int
    judged: int


def by_type(
    findings: Iterable[Finding], records: Iterable[CaseRecord]
) -> tuple[TypeShare, ...]:
    """The types that wrong values are in, the most first."""
    beyond: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    for finding in findings:
        if finding.outcome is Outcome.FAIL:
            beyond.update(finding.types)
            operators.update(dict.fromkeys(finding.types, 1))
    judged = Counter(
        name.types[0]
        for record in records
        if _ended(record) in _SAID and (name := parsed(record.case))
    )
    return tuple(
        TypeShare(name, operators[name], count, judged[name])
        for name, count in beyond.most_common()
    )


def _source(record: CaseRecord) -> str:
    if record.bounds is None or record.bounds.outcome not in _SAID:
        return _UNBOUNDED.get(suite_of(record.case), "")
    name = parsed(record.case)
    if name is not None:
        return source_of(name.op, name.version, name.domain)
    if record.bounds and record.bounds.tier == "relation":
        return RELATED
    if record.bounds and record.bounds.tier == "refusal":
        return "the standard: what is not valid must be refused"
    if len(set(record.ops)) == 1:
        domain, _, op = record.ops[0].rpartition(".")
        return source_of(op, 1 << 30, domain)
    return "the rule of each operator, along the graph"
