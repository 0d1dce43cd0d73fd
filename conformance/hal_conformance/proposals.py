"""Writes `expectations.toml` anew from what a run saw: `hal expect update RESULTS`.

The text is for review: entries that still hold are kept to the letter, with their comments;
what holds no longer is commented out, with the reason, and a part that does is written anew;
new ones group failures by outcome, operator and reason, and begin their cause with "seen: "
until somebody has found the cause. Gaps need no expectation, so none is proposed for them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hal_conformance import globs
from hal_conformance.clusters import shape
from hal_conformance.expectation_files import Block, blocks, parse
from hal_conformance.expectations import (
    SEEN,
    Entry,
    Expectation,
    Expectations,
    contradicts,
    release,
)
from hal_conformance.gate import stale_patterns, whole_corpus
from hal_conformance.patterns import narrow
from hal_conformance.records import NEUTRAL, CaseRecord, Outcome, TargetHeader
from hal_conformance.results import Results, read

HEADER = """\
# What this device is known to get wrong; `hal conform --gate` fails on anything else.
# "seen: ..." is an observation: replace it by the cause once it is found.
schema = 1
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The new text of the file, and how many entries were kept, changed, removed, added."""

    text: str
    kept: int
    changed: int
    removed: int
    added: int


def update(folder: Path, existing: Path | None = None) -> str:
    """The text of an expectations file that fits the results in `folder`."""
    text = existing.read_text(encoding="utf-8") if existing and existing.exists() else ""
    return propose(read(folder), text).text


def propose(
    results: Results, existing: str = "", targets: Sequence[str] | None = None
) -> Proposal:
    """The file that would make this run expected, from the file as it is now.

    `targets` limits it to those whose expectations live in this file.
    """
    headers = [h for h in results.header.targets if targets is None or h.target in targets]
    seen = {header.target: results.of_target(header.target) for header in headers}
    known = parse(existing)
    preamble, texts, tail = blocks(existing)
    corpus = globs.Sorted(case for name in seen for case in whole_corpus(results, seen[name]))
    told = _told(known, headers, seen)
    ran = globs.Sorted(record.case for records in seen.values() for record in records)
    every = [record for records in seen.values() for record in records]
    old = [
        _revise(
            entry,
            told.get(id(entry), []),
            ran,
            stale_patterns(entry.expectation, corpus, every),
        )
        for entry in known.entries
    ]
    parts = [preamble or HEADER]
    for entry, block, cases in zip(known.entries, texts, old, strict=True):
        parts.append(_rewritten(entry.expectation, block, cases))
    surviving = parse("\n".join(parts))
    new = _additions(surviving, headers, seen)
    parts += [_entry_text(entry) for entry in new]
    parts += [tail] if tail else []
    return Proposal(
        text="\n".join(parts),
        kept=sum(cases is None for cases in old),
        changed=sum(bool(cases) for cases in old),
        removed=sum(cases == [] for cases in old),
        added=len(new),
    )


def _told(
    known: Expectations, headers: Sequence[TargetHeader], seen: dict[str, list[CaseRecord]]
) -> dict[int, list[CaseRecord]]:
    """The records that each entry decides, by the entry's identity.

    A run says nothing of entries for other devices, nor of cases that it did not run.
    """
    found: dict[int, list[CaseRecord]] = defaultdict(list)
    for header in headers:
        judge = known.for_target(header)
        for record in seen[header.target]:
            entry = judge.of(record)
            if entry is not None:
                found[id(entry)].append(record)
    return found


def _revise(
    entry: Entry, told: Sequence[CaseRecord], ran: globs.Sorted, stale: Sequence[str]
) -> list[str] | None:
    """The case patterns that still hold, or None where nothing needs to change."""
    good: set[str] = set()
    bad: set[str] = set()
    for record in told:
        wrong = contradicts(entry.expectation, record.outcome)
        (bad if wrong else good).add(record.case)
    if not bad and not stale:
        return None
    kept = [
        pattern
        for pattern in entry.expectation.cases
        if pattern not in stale and not globs.any_matches(pattern, bad)
    ]
    covered = {case for case in good if not any(globs.matches(p, case) for p in kept)}
    return [*kept, *narrow(covered - bad, ran)]


def _rewritten(known: Expectation, block: Block, cases: list[str] | None) -> str:
    if cases is None:
        return block.text
    why = "not seen any more" if not cases else "seen for a part of these cases only"
    commented = "".join(f"# {line}".rstrip() + "\n" for line in block.lines)
    removed = f"{block.remarks}# removed, {why}:\n{commented}"
    if not cases:
        return removed
    return f"{removed}{_entry_text(known.model_copy(update={'cases': tuple(cases)}))}"


def _additions(
    known: Expectations, headers: Sequence[TargetHeader], seen: dict[str, list[CaseRecord]]
) -> list[Expectation]:
    """New entries for what is neither neutral nor known, grouped by likely cause."""
    where: dict[tuple[str, ...], dict[str, list[str]]] = defaultdict(dict)
    examples: dict[tuple[str, ...], CaseRecord] = {}
    for header in headers:
        judge = known.for_target(header)
        for record in seen[header.target]:
            if record.outcome in NEUTRAL or judge.of(record):
                continue
            key = (*_cause_key(record), _sdk_range(header))
            where[key].setdefault(record.case, []).append(header.target)
            examples.setdefault(key, record)
    universe = globs.Sorted(r.case for records in seen.values() for r in records)
    found: list[Expectation] = []
    for key, cases in where.items():
        by_targets: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for case, names in cases.items():
            by_targets[tuple(names)].add(case)
        for group, members in by_targets.items():
            found.append(_expectation(examples[key], key[-1], group, members, universe))
    return found


def _cause_key(record: CaseRecord) -> tuple[str, ...]:
    """Wrong values share a cause where one arithmetic explains them, else within an operator;
    a refusal or a crash by its message."""
    if record.outcome is Outcome.FAIL and record.bounds and record.bounds.held:
        return record.outcome.value, "", f"behaves like {record.bounds.held}", ""
    reason = shape(record.reason or "")
    by_operator = record.outcome in (Outcome.FAIL, Outcome.FLAKE, Outcome.ELSEWHERE)
    ops = "+".join(record.ops) if by_operator or not reason else ""
    return record.outcome.value, ops, reason, str(record.signal or "")


def _sdk_range(header: TargetHeader) -> str:
    """The minor release in which it was seen: the next one asks for another look."""
    number = release(str(header.identity.get("sdk", "")))
    return f"=={'.'.join(number.split('.')[:2])}.*" if number else ""


def _expectation(
    example: CaseRecord,
    sdk: str,
    targets: tuple[str, ...],
    cases: set[str],
    universe: globs.Sorted,
) -> Expectation:
    what = (example.reason or "").strip().split("\n", 1)[0][:200]
    if example.outcome is Outcome.FAIL and example.bounds and example.bounds.held:
        what = f"behaves like {example.bounds.held}"
    if not what:
        what = f"signal {example.signal}" if example.signal else example.outcome.value
    return Expectation(
        cases=tuple(narrow(cases, universe)),
        kind="not_yet",
        outcome=example.outcome,
        cause=f"{SEEN}{what}",
        targets=targets,
        sdk=sdk or None,
    )


def _entry_text(known: Expectation) -> str:
    lines = ["[[expect]]", _cases_text(known.cases), f'kind = "{known.kind}"']
    if known.kind != "never":
        lines.append(f'outcome = "{known.outcome.value}"')
    lines.append(f"cause = {quoted(known.cause)}")
    if known.issue is not None:
        lines.append(f"issue = {quoted(known.issue)}")
    if known.targets != ("*",):
        lines.append(f"targets = [{', '.join(map(quoted, known.targets))}]")
    if known.device != "*":
        lines.append(f"device = {quoted(known.device)}")
    if known.sdk:
        lines.append(f"sdk = {quoted(known.sdk)}")
    if known.also:
        lines.append(f"also = [{', '.join(quoted(each.value) for each in known.also)}]")
    if known.behaves_like is not None:
        lines.append(f"behaves_like = {quoted(known.behaves_like)}")
    if known.expires:
        lines.append(f"expires = {known.expires.isoformat()}")
    return "\n".join(lines) + "\n"


def _cases_text(cases: Sequence[str]) -> str:
    if len(cases) == 1:
        return f"cases = [{quoted(cases[0])}]"
    return "cases = [\n" + "".join(f"  {quoted(case)},\n" for case in cases) + "]"


def quoted(text: str) -> str:
    """A TOML basic string: what JSON writes, with DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
