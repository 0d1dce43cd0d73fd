"""The one line a report leads with: conformant to the suite, yes, no, or cannot be said.

Conformant means: the whole corpus has a final record, at least one case was judged, and every
judged case passes. A clean refusal (GAP) is no failure, and where bounds say nothing (UNJUDGED)
is no pass; the line says how many there are. An expected failure is still a failure. `by_suite`
says the same of each suite by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from hal_conformance.records import JUDGED, CaseRecord, Outcome, RunHeader
from hal_conformance.report.names import suite_of
from hal_conformance.report.tally import Tally, tally
from hal_conformance.results import corpus_size, is_whole


class Conformance(Enum):
    """The three answers."""

    YES = "conformant"
    NO = "not conformant"
    OPEN = "no verdict"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one target; `detail` is the sentence that follows the answer."""

    target: str
    conformance: Conformance
    profile: str
    detail: str
    tally: Tally

    @property
    def line(self) -> str:
        """The whole line."""
        return f"{self.target}: {self.answer}: {self.detail}"

    @property
    def answer(self) -> str:
        """ "conformant to onnx 1.23.2", "not conformant to …", "no verdict on …"."""
        word = "on" if self.conformance is Conformance.OPEN else "to"
        return f"{self.conformance.value} {word} {self.profile}"


def judge(target: str, records: Sequence[CaseRecord], run: RunHeader) -> Verdict:
    """The verdict on one target from its records, over all suites."""
    return _judged(target, records, run, profile(run), corpus_size(run))


def by_suite(target: str, records: Iterable[CaseRecord], run: RunHeader) -> dict[str, Verdict]:
    """The verdict on one target for each suite of the run by itself."""
    groups: dict[str, list[CaseRecord]] = {suite: [] for suite in run.suites}
    for record in records:
        groups.setdefault(suite_of(record.case), []).append(record)
    sizes = {suite: info.cases for suite, info in run.corpus.items()}
    return {
        suite: _judged(target, group, run, _named(suite, run), sizes.get(suite, 0))
        for suite, group in groups.items()
    }


def _judged(
    target: str, records: Sequence[CaseRecord], run: RunHeader, what: str, size: int
) -> Verdict:
    counts = tally(records)
    judged = counts.judged
    whole = is_whole(run) and run.ended is not None and 0 < size <= len(records)
    of_corpus = f"of {size:,} cases" if whole or size else f"of {len(records):,} cases run"
    apart = _apart(counts)
    if counts.failed:
        detail = (
            f"{_failing(counts)} among {judged:,} judged {of_corpus}{apart}; "
            f"{counts.unexpected:,} unexpected{_missing(run, records, size)}"
        )
        return Verdict(target, Conformance.NO, what, detail, counts)
    if not judged:
        detail = f"nothing judged {of_corpus}{apart}{_missing(run, records, size)}"
        return Verdict(target, Conformance.OPEN, what, detail, counts)
    passing = f"all {judged:,} judged {of_corpus} pass{apart}{_missing(run, records, size)}"
    if not whole:
        return Verdict(target, Conformance.OPEN, what, passing, counts)
    return Verdict(target, Conformance.YES, what, passing, counts)


def profile(run: RunHeader) -> str:
    """What is conformed to: the suites, with the version of the standard."""
    return " + ".join(_named(suite, run) for suite in run.suites) or "no suite"


def _named(suite: str, run: RunHeader) -> str:
    """The suite; the standard's own one with its version."""
    info = run.corpus.get(suite)
    return f"{suite} {info.onnx}" if suite == "onnx" and info and info.onnx else suite


def _failing(counts: Tally) -> str:
    return ", ".join(
        f"{counts[outcome]:,} {outcome.value}"
        for outcome in Outcome
        if outcome in JUDGED and outcome is not Outcome.PASS and counts[outcome]
    )


def _apart(counts: Tally) -> str:
    parts = [
        f"{counts[outcome]:,} {outcome.value}"
        for outcome in Outcome
        if outcome not in JUDGED and counts[outcome]
    ]
    return f" ({', '.join(parts)} apart)" if parts else ""


def _missing(run: RunHeader, records: Sequence[CaseRecord], size: int) -> str:
    """Why this is not the whole corpus, where it is not."""
    if not is_whole(run):
        return "; only a part of the corpus was asked for"
    if run.ended is None:
        return "; the run has not ended"
    if not size:
        return "; the size of the corpus is not recorded"
    return f"; {size - len(records):,} cases have no record" if size > len(records) else ""
