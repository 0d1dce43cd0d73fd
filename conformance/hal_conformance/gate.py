"""What stands between a run and a green build: `hal conform --gate`.

`gate` lists problems and changes nothing. Unexpected outcomes and an incomplete or damaged run
are problems always; stale entries only where the whole corpus ran on a target they hold for.
Expired and unexplained entries are problems of the file itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from hal_conformance import globs
from hal_conformance.expectations import (
    BROAD,
    Entry,
    Expectation,
    Expectations,
    TargetExpectations,
)
from hal_conformance.records import JUDGED, CaseRecord
from hal_conformance.results import Results, corpus_size, is_whole

ProblemKind = Literal[
    "unexpected", "incomplete", "damaged", "empty", "stale", "expired", "unexplained"
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why the gate stays shut; `where` is "file:line" of the entry to change."""

    kind: ProblemKind
    message: str
    target: str | None = None
    case: str | None = None
    where: str | None = None

    def __str__(self) -> str:
        """One line for people."""
        place = self.where or " ".join(part for part in (self.target, self.case) if part)
        return f"{self.kind}: {place}: {self.message}" if place else self.message


def gate(
    results: Results,
    expectations: Mapping[str, Expectations] | None = None,
    today: date | None = None,
) -> list[Problem]:
    """Every problem of a run, given each target's expectations (by target name).

    The marks `unexpected` are taken from the records, as the run wrote them.
    """
    today = today or datetime.now(UTC).date()
    problems = [Problem("damaged", text) for text in results.problems]
    judges: list[TargetExpectations] = []
    for header in results.header.targets:
        records = results.of_target(header.target)
        problems += _unexpected(records)
        problems += _incomplete(results, header.target, records)
        known = (expectations or {}).get(header.target)
        if known is not None:
            judge = known.for_target(header)
            judges.append(judge)
            problems += _unexplained(judge, records)
            problems += _stale(judge, results, records)
    problems += _expired(judges, today)
    return _once(problems)


def _unexpected(records: Iterable[CaseRecord]) -> list[Problem]:
    return [
        Problem("unexpected", _news(record), record.target, record.case)
        for record in records
        if record.is_news
    ]


def _news(record: CaseRecord) -> str:
    expected = f"expected {record.expected.value}, got " if record.expected else ""
    reason = f": {record.reason}" if record.reason else ""
    return f"{expected}{record.outcome.value}{reason}"


def _incomplete(results: Results, target: str, records: list[CaseRecord]) -> list[Problem]:
    header = results.header
    if not any(record.outcome in JUDGED for record in records):
        message = f"nothing was judged among {len(records)} case(s); 0 of 0 is never a pass"
        return [Problem("empty", message, target)]
    if header.ended is None:
        return [Problem("incomplete", "the run has not ended; go on with --resume", target)]
    size = corpus_size(header)
    if is_whole(header) and size > len(records):
        message = f"{size - len(records)} of {size} cases have no record; go on with --resume"
        return [Problem("incomplete", message, target)]
    return []


def _stale(
    judge: TargetExpectations, results: Results, records: list[CaseRecord]
) -> list[Problem]:
    cases = globs.Sorted(whole_corpus(results, records))
    return [
        Problem(
            "stale",
            _stale_news(entry.expectation, pattern),
            judge.target,
            where=entry.where,
        )
        for entry in judge.entries
        for pattern in stale_patterns(entry.expectation, cases, records)
    ]


def _stale_news(known: Expectation, pattern: str) -> str:
    like = f" that behaves like {known.behaves_like}" if known.behaves_like else ""
    return f"{pattern!r} matches no case of this corpus{like}; remove it"


def whole_corpus(results: Results, records: list[CaseRecord]) -> frozenset[str]:
    """The cases of a target that ran the whole corpus; none under a filter or shard."""
    size = corpus_size(results.header)
    whole = is_whole(results.header) and size and len(records) >= size
    return frozenset(record.case for record in records) if whole else frozenset()


def stale_patterns(
    known: Expectation, corpus: globs.Sorted, records: Iterable[CaseRecord]
) -> list[str]:
    """Patterns that match nothing of a whole corpus, of the suites that it holds.

    Where the entry asks how an answer behaves, only `records` that do so count.
    """
    told = corpus
    if known.behaves_like is not None:
        told = globs.Sorted(record.case for record in records if known.speaks_of(record))
    return [
        pattern
        for pattern in known.cases
        if corpus.any(f"{pattern.split('/', 1)[0]}/*") and not told.any(pattern)
    ]


def _unexplained(judge: TargetExpectations, records: list[CaseRecord]) -> list[Problem]:
    found: list[Problem] = []
    cases = globs.Sorted(record.case for record in records)
    for entry in judge.entries:
        if entry.expectation.explained:
            continue
        for pattern in filter(globs.is_glob, entry.expectation.cases):
            covered = sum(1 for _ in cases.matching(pattern))
            if covered > BROAD:
                message = (
                    f"{pattern!r} covers {covered} cases and gives no cause, only what was "
                    "seen; state the one cause they share, or name the cases"
                )
                found.append(Problem("unexplained", message, judge.target, where=entry.where))
    return found


def _expired(judges: Iterable[TargetExpectations], today: date) -> list[Problem]:
    return [
        Problem("expired", _expiry(entry), where=entry.where)
        for judge in judges
        for entry in judge.entries
        if entry.expectation.expires and entry.expectation.expires <= today
    ]


def _expiry(entry: Entry) -> str:
    known = entry.expectation
    return f"expired on {known.expires}: look again whether {known.cause!r} still holds"


def _once(problems: Iterable[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
