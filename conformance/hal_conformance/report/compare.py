"""Runs side by side: what changed, a case and a target at a time.

A column is one target of one run. Runs are laid beside each other by target name; runs that
share no target at all (two devices, one run each) are laid beside each other as they are.
Changes are judged from the first column to the last that has the case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from hal.errors import InputError
from hal_conformance.records import JUDGED, CaseRecord, Outcome, RunHeader, TargetHeader
from hal_conformance.report.environment import fingerprint, target_facts
from hal_conformance.report.operators import OperatorSummary, summaries
from hal_conformance.report.repro import repro_line
from hal_conformance.report.tally import Tally, tally
from hal_conformance.report.verdict import Verdict, judge
from hal_conformance.results import Results


class Change(Enum):
    """In which direction a case changed."""

    WORSE = "worse"
    BETTER = "better"
    OTHER = "changed"
    NEW = "only in later runs"
    GONE = "missing in the last run"


@dataclass(frozen=True, slots=True)
class Column:
    """One target of one run."""

    run: str
    target: TargetHeader
    header: RunHeader
    verdict: Verdict
    tally: Tally
    operators: Mapping[str, OperatorSummary]
    records: Mapping[str, CaseRecord]

    @property
    def label(self) -> str:
        """What stands above the column."""
        return f"{self.run}: {self.target.target}"


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One case whose outcome is not the same in every column; None where it has no record."""

    case: str
    change: Change
    outcomes: tuple[Outcome | None, ...]
    reason: str
    repro: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact about the runs that differs, with its value in each column."""

    what: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that are compared, and what differs between them.

    `fingerprint` are facts of the arithmetic that differ, `operators` the grades and effective
    bits that do.
    """

    title: str
    columns: tuple[Column, ...]
    differences: tuple[Difference, ...]
    fingerprint: tuple[Difference, ...]
    operators: tuple[Difference, ...]
    changes: tuple[CaseChange, ...]
    same: int

    def count(self, change: Change) -> int:
        """How many cases changed in this direction."""
        return sum(item.change is change for item in self.changes)

    def of(self, change: Change) -> tuple[CaseChange, ...]:
        """The cases that changed in this direction."""
        return tuple(item for item in self.changes if item.change is change)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more runs, by target; `alone` are targets that only one of the runs has."""

    runs: tuple[str, ...]
    groups: tuple[Group, ...]
    alone: tuple[str, ...]


def compare(runs: Sequence[Results]) -> Comparison:
    """Lay runs side by side.

    Raises:
        InputError: fewer than two runs.
    """
    if len(runs) < 2:
        raise InputError("a comparison needs two results folders or more")
    labels = _labels(runs)
    columns = [
        column for run, label in zip(runs, labels, strict=True) for column in _of(run, label)
    ]
    by_target: dict[str, list[Column]] = {}
    for column in columns:
        by_target.setdefault(column.target.target, []).append(column)
    shared = {name: group for name, group in by_target.items() if len(group) > 1}
    if not shared:
        return Comparison(tuple(labels), (_group("all targets", columns),), ())
    groups = tuple(_group(name, group) for name, group in shared.items())
    alone = [
        column.label for name in by_target if name not in shared for column in by_target[name]
    ]
    return Comparison(tuple(labels), groups, tuple(alone))


def _labels(runs: Sequence[Results]) -> list[str]:
    """Folder names; numbered where two are the same."""
    names = [run.label or "run" for run in runs]
    return [
        f"{name} ({index})" if names.count(name) > 1 else name
        for index, name in enumerate(names, 1)
    ]


def _of(run: Results, label: str) -> list[Column]:
    by_target: dict[str, list[CaseRecord]] = {h.target: [] for h in run.header.targets}
    for record in run.records:
        if record.target in by_target:
            by_target[record.target].append(record)
    return [
        Column(
            run=label,
            target=header,
            header=run.header,
            verdict=judge(header.target, records, run.header),
            tally=tally(records),
            operators=summaries(records, {}),
            records={record.case: record for record in records},
        )
        for header in run.header.targets
        for records in [by_target[header.target]]
    ]


def _group(title: str, columns: Sequence[Column]) -> Group:
    cases = sorted({case for column in columns for case in column.records})
    changes = [change for case in cases if (change := _change(case, columns))]
    rank = {change: place for place, change in enumerate(Change)}
    changes.sort(key=lambda item: (rank[item.change], item.case))
    return Group(
        title=title,
        columns=tuple(columns),
        differences=tuple(_differing([_facts(column) for column in columns])),
        fingerprint=tuple(_differing([dict(fingerprint(c.target)) for c in columns])),
        operators=tuple(_differing([_grades(column) for column in columns])),
        changes=tuple(changes),
        same=len(cases) - len(changes),
    )


def _change(case: str, columns: Sequence[Column]) -> CaseChange | None:
    records = [column.records.get(case) for column in columns]
    outcomes = tuple(record.outcome if record else None for record in records)
    if len(set(outcomes)) == 1:
        return None
    last = next(record for record in reversed(records) if record)
    told = next((r for r in reversed(records) if r and r.reason), last)
    return CaseChange(case, direction(outcomes), outcomes, told.reason or "", repro_line(last))


def direction(outcomes: Sequence[Outcome | None]) -> Change:
    """Worse or better, from the first to the last; a pass is best, then a clean refusal."""
    if outcomes[-1] is None:
        return Change.GONE
    first = outcomes[0]
    if first is None:
        return Change.NEW
    before, after = _goodness(first), _goodness(outcomes[-1])
    if before == after:
        return Change.OTHER
    return Change.BETTER if after > before else Change.WORSE


def _goodness(outcome: Outcome) -> int:
    """Right, not judged, wrong, gone: more cannot be said across causes."""
    if outcome is Outcome.PASS:
        return 3
    if outcome not in JUDGED:
        return 2
    return 0 if outcome in (Outcome.CRASH, Outcome.HANG, Outcome.OOM) else 1


def _grades(column: Column) -> dict[str, str]:
    """Each operator's lowest grade and its effective bits, whole: less is noise."""
    return {
        name: operator.grade
        if operator.bits is None
        else f"{operator.grade}, {operator.bits:.0f} bits"
        for name, operator in column.operators.items()
        if operator.grade
    }


def _differing(facts: Sequence[Mapping[str, str]]) -> list[Difference]:
    keys = list(dict.fromkeys(key for of_column in facts for key in of_column))
    rows = [Difference(key, tuple(f.get(key, "–") for f in facts)) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1]


def _facts(column: Column) -> dict[str, str]:
    """What may explain a change: device, driver, SDK, fingerprint, versions, corpus."""
    header = column.header
    return {
        **dict(_named(target_facts(column.target), "")),
        **dict(_named(sorted(header.versions.items()), "version of ")),
        **dict(_named(sorted(header.machine.items()), "machine ")),
        **{f"corpus {suite}": info.hash for suite, info in header.corpus.items()},
        "cases": f"{len(column.records):,}",
    }


def _named(pairs: Iterable[tuple[str, str]], prefix: str) -> Iterable[tuple[str, str]]:
    return ((f"{prefix}{name}", value) for name, value in pairs)
