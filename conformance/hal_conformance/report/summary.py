"""The numbers of a run, computed once for every format: `summarise(results) -> Summary`.

Denominators are honest: `judged` counts cases that say whether the device is right; GAP,
COMPILED, UNJUDGED and SKIP stand apart, and so do passes of which nobody knows where they ran.
Pure and frozen: the formats only lay out what stands here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hal_conformance.clusters import shape
from hal_conformance.records import (
    JUDGED,
    CaseRecord,
    Outcome,
    RunHeader,
    TargetHeader,
)
from hal_conformance.report import finding, operators, twice
from hal_conformance.report.finding import Finding, TypeShare
from hal_conformance.report.operators import OperatorSummary
from hal_conformance.report.repro import repro_line
from hal_conformance.report.tally import Tally, tally
from hal_conformance.report.twice import Twice
from hal_conformance.report.verdict import Verdict, by_suite, judge
from hal_conformance.results import Results

if TYPE_CHECKING:
    from hal_conformance.profiles.verdict import ProfileVerdict

WRONG = JUDGED - {Outcome.PASS}
"""Judged, and not right."""

SEVERITY: tuple[Outcome, ...] = (
    Outcome.CRASH,
    Outcome.HANG,
    Outcome.OOM,
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.FLAKE,
    Outcome.ELSEWHERE,
    Outcome.GAP,
    Outcome.PASS,
    Outcome.COMPILED,
    Outcome.UNJUDGED,
    Outcome.SKIP,
)
"""Worst first: the order in which failures are shown."""

ORDER = (
    Outcome.PASS,
    *(outcome for outcome in Outcome if outcome in WRONG),
    *(outcome for outcome in Outcome if outcome not in JUDGED),
)
"""The order of columns and bars: right, wrong, not judged."""

PLACES: tuple[str, ...] = ("device", "host", "folded", "fused", "unknown")
"""Where a node may have run."""

MEANING: Mapping[Outcome, str] = {
    Outcome.PASS: "right: within its bound, or within the standard’s tolerance",
    Outcome.FAIL: "a wrong value, shape, type or number of outputs, or a model not refused",
    Outcome.ERROR: "refused, but not with a clean “unsupported”, or failed while running",
    Outcome.CRASH: "the process that held the device ended",
    Outcome.HANG: "no answer in time",
    Outcome.OOM: "out of memory",
    Outcome.FLAKE: "disagrees with itself: another outcome when run alone",
    Outcome.ELSEWHERE: "right, but not computed by this device",
    Outcome.GAP: "cleanly refused as unsupported; not judged",
    Outcome.COMPILED: "built, cannot run here; not judged",
    Outcome.UNJUDGED: "the error bound says nothing at this size; not judged",
    Outcome.SKIP: "not run, for the reason given; not judged",
}


@dataclass(frozen=True, slots=True)
class PlacementSummary:
    """Where the nodes of a target's cases ran.

    `nodes` counts nodes by place; `wholly` counts cases all of whose nodes ran on the device,
    `partly` those with a node on the host, `unknown` those with a node nobody knows of, of
    which `passes_unknown` passed; `silent` cases reported no placement at all.
    """

    nodes: Mapping[str, int]
    evidence: Mapping[str, int]
    wholly: int = 0
    partly: int = 0
    unknown: int = 0
    silent: int = 0
    passes_unknown: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A case to look at: not right, or not what was expected."""

    record: CaseRecord
    repro: str


@dataclass(frozen=True, slots=True)
class GapGroup:
    """Cases refused for the same kind of reason; `example` is one of the texts."""

    example: str
    ops: tuple[str, ...]
    cases: int


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """Cases that one expectation covers: how many ended as expected and how many did not."""

    cause: str
    expected: Outcome
    as_expected: int
    unexpected: int


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """Everything a report says of one target."""

    header: TargetHeader
    verdict: Verdict
    suites: Mapping[str, Verdict]
    tally: Tally
    kinds: Mapping[str, Tally]
    ops: Mapping[str, Tally]
    dtypes: Mapping[str, Tally]
    placement: PlacementSummary
    failures: tuple[Failure, ...]
    gaps: tuple[GapGroup, ...]
    known: tuple[KnownGroup, ...]
    operators: Mapping[str, OperatorSummary]
    findings: tuple[Finding, ...]
    beyond: tuple[TypeShare, ...]
    twice: Twice
    profile: ProfileVerdict | None
    seconds: float

    @property
    def name(self) -> str:
        """The target's name."""
        return self.header.target

    @property
    def unexpected_failures(self) -> tuple[Failure, ...]:
        """Those that no expectation foresaw."""
        return tuple(failure for failure in self.failures if failure.record.is_news)

    @property
    def known_failures(self) -> tuple[Failure, ...]:
        """Those that are as expected."""
        return tuple(failure for failure in self.failures if not failure.record.is_news)


@dataclass(frozen=True, slots=True)
class Summary:
    """One run: its targets in the header's order, its problems, its records."""

    header: RunHeader
    targets: tuple[TargetSummary, ...]
    records: tuple[CaseRecord, ...]
    problems: tuple[str, ...]
    label: str
    evidence: Mapping[str, str]

    def outcomes(self) -> list[Outcome]:
        """The outcomes that occur: passes, what is wrong, then what stands apart."""
        return [o for o in ORDER if any(target.tally[o] for target in self.targets)]


def summarise(results: Results) -> Summary:
    """Count everything once."""
    by_target: dict[str, list[CaseRecord]] = {h.target: [] for h in results.header.targets}
    for record in results.records:
        by_target.setdefault(record.target, []).append(record)
    headers = {header.target: header for header in results.header.targets}
    evidence = {row.case: row.evidence for row in results.index if row.evidence}
    targets = tuple(
        _target(headers[name], records, results.header, evidence)
        for name, records in by_target.items()
        if name in headers
    )
    strangers = sorted(set(by_target) - set(headers))
    problems = (
        *results.problems,
        *(f"records of a target that run.json does not name: {name}" for name in strangers),
    )
    return Summary(results.header, targets, results.records, problems, results.label, evidence)


def kind_of(case: str) -> str:
    """The kind a case belongs to: "onnx/node" within the standard's suite, else the suite."""
    parts = case.split("/")
    return "/".join(parts[:2]) if parts[0] == "onnx" and len(parts) > 2 else parts[0]


def _target(
    header: TargetHeader,
    records: list[CaseRecord],
    run: RunHeader,
    evidence: Mapping[str, str],
) -> TargetSummary:
    counts = tally(records)
    found = finding.find(records)
    return TargetSummary(
        header=header,
        verdict=judge(header.target, records, run),
        suites=by_suite(header.target, records, run),
        tally=counts,
        kinds=_by(records, lambda record: [kind_of(record.case)]),
        ops=_by(records, lambda record: dict.fromkeys(record.ops)),
        dtypes=_by(records, lambda record: dict.fromkeys(record.dtypes)),
        placement=_placement(records),
        failures=_failures(records),
        gaps=_gaps(records),
        known=_known(records),
        operators=operators.summaries(records, evidence),
        findings=found,
        beyond=finding.by_type(found, records),
        twice=twice.compare(records),
        profile=_profile(records, run),
        seconds=sum(
            (attempt.compile_s or 0.0) + (attempt.run_s or 0.0)
            for record in records
            for attempt in record.attempts
        ),
    )


def _profile(records: list[CaseRecord], run: RunHeader) -> ProfileVerdict | None:
    """The verdict on the profile that the run was asked for."""
    if run.profile is None:
        return None
    from hal_conformance.profiles.verdict import of_run

    return of_run(run.profile.model_dump(mode="json"), records)


def _by(
    records: Iterable[CaseRecord], keys: Callable[[CaseRecord], Iterable[str]]
) -> dict[str, Tally]:
    groups: dict[str, list[CaseRecord]] = defaultdict(list)
    for record in records:
        for key in keys(record):
            groups[key].append(record)
    return {key: tally(groups[key]) for key in sorted(groups, key=lambda k: (k.lower(), k))}


def _placement(records: Iterable[CaseRecord]) -> PlacementSummary:
    nodes = dict.fromkeys(PLACES, 0)
    evidence: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    for record in records:
        if record.outcome not in JUDGED:
            continue
        place = record.placement
        if place is None:
            where = "silent"
        else:
            for name in PLACES:
                nodes[name] += getattr(place, name)
            evidence[place.evidence or "none"] += 1
            where = "unknown" if place.unknown else "partly" if place.host else "wholly"
        cases[where] += 1
        if where in ("silent", "unknown") and record.outcome is Outcome.PASS:
            cases["passes_unknown"] += 1
    return PlacementSummary(
        nodes,
        dict(evidence),
        wholly=cases["wholly"],
        partly=cases["partly"],
        unknown=cases["unknown"],
        silent=cases["silent"],
        passes_unknown=cases["passes_unknown"],
    )


def _failures(records: Iterable[CaseRecord]) -> tuple[Failure, ...]:
    rank = {outcome: index for index, outcome in enumerate(SEVERITY)}
    shown = [
        record
        for record in records
        if record.is_news or (record.outcome in JUDGED and record.outcome is not Outcome.PASS)
    ]
    shown.sort(key=lambda record: (not record.is_news, rank[record.outcome], record.case))
    return tuple(Failure(record, repro_line(record)) for record in shown)


def _gaps(records: Iterable[CaseRecord]) -> tuple[GapGroup, ...]:
    groups: dict[str, list[CaseRecord]] = defaultdict(list)
    for record in records:
        if record.outcome is Outcome.GAP:
            groups[shape(record.reason or "no reason given")].append(record)
    found = [
        GapGroup(
            example=(group[0].reason or "no reason given").strip().split("\n", 1)[0],
            ops=tuple(sorted({op for record in group for op in record.ops})),
            cases=len(group),
        )
        for group in groups.values()
    ]
    return tuple(sorted(found, key=lambda group: (-group.cases, group.example)))


def _known(records: Iterable[CaseRecord]) -> tuple[KnownGroup, ...]:
    groups: dict[tuple[str, Outcome], Counter[bool]] = defaultdict(Counter)
    for record in records:
        if record.expected is not None:
            groups[record.cause or "", record.expected][record.is_news] += 1
    found = [
        KnownGroup(cause, expected, counts[False], counts[True])
        for (cause, expected), counts in groups.items()
    ]
    return tuple(sorted(found, key=lambda g: (-g.unexpected, -g.as_expected, g.cause)))
