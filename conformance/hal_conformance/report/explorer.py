"""The rows of the page's tables as compact columns, each text stored once, packed."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Generic, TypeVar

from hal_conformance.records import Attempt, CaseRecord, Outcome, OutputRecord, PlacementCounts
from hal_conformance.report.names import parsed
from hal_conformance.report.operators import GRADES
from hal_conformance.report.summary import WRONG, Summary
from hal_conformance.report.text import figure, visible

_Key = TypeVar("_Key", str, tuple[int, ...])


class _Numbered(Generic[_Key]):
    """Gives each distinct value a number, in order of appearance."""

    def __init__(self, *first: _Key) -> None:
        self._numbers: dict[_Key, int] = {value: index for index, value in enumerate(first)}

    def __call__(self, value: _Key) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    @property
    def values(self) -> list[_Key]:
        return list(self._numbers)


def packed(summary: Summary) -> str:
    """The columns as base64 of gzipped JSON, which the page unpacks."""
    plain = json.dumps(payload(summary), ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(plain.encode(), 6, mtime=0)).decode()


def payload(summary: Summary) -> dict[str, Sequence[object]]:
    """Columns by name, one entry a record, and the word lists they point into."""
    cases, targets, ops, types, texts = (_Numbered[str]() for _ in range(5))
    opsets, typesets = _Numbered[tuple[int, ...]](), _Numbered[tuple[int, ...]]()
    outcomes = {outcome: index for index, outcome in enumerate(Outcome)}
    texts("")

    def row(record: CaseRecord) -> tuple[object, ...]:
        return (
            cases(record.case),
            targets(record.target),
            outcomes[record.outcome],
            -1 if record.expected is None else outcomes[record.expected],
            int(record.is_news),
            opsets(tuple(map(ops, record.ops))),
            typesets(tuple(map(types, record.dtypes))),
            texts((record.reason or "").strip()[:REASON]),
            texts(record.cause or ""),
            texts(placement_text(record.placement)),
            texts(outputs_text(record)),
            worst_margin(record),
            texts(attempts_text(record.attempts)),
            grade_number(record),
            texts(bounds_text(record)),
        )

    rows = [row(record) for record in summary.records]
    words: dict[str, Sequence[object]] = {
        "cases": _harmless(cases.values),
        "targets": _harmless(targets.values),
        "outcomes": [outcome.value for outcome in Outcome],
        "ops": _harmless(ops.values),
        "types": _harmless(types.values),
        "texts": _harmless(texts.values),
        "opsets": opsets.values,
        "typesets": typesets.values,
        "grades": ["", *GRADES],
        **_by_case(cases.values, summary),
    }
    columns = {name: [row[place] for row in rows] for place, name in enumerate(_COLUMNS)}
    return {**words, **columns}


def _by_case(cases: Sequence[str], summary: Summary) -> dict[str, Sequence[object]]:
    """What ids say: operator, version and first type of single-operator cases, else -1."""
    operators, firsts, evidence = (_Numbered[str]() for _ in range(3))
    evidence("")
    names = [parsed(case) for case in cases]
    return {
        "operator": [operators(name.operator) if name else -1 for name in names],
        "version": [name.version if name else -1 for name in names],
        "first": [firsts(name.types[0]) if name else -1 for name in names],
        "evidence": [evidence(summary.evidence.get(case, "")) for case in cases],
        "operators": _harmless(operators.values),
        "firsts": _harmless(firsts.values),
        "evidences": _harmless(evidence.values),
    }


def _harmless(texts: Sequence[str]) -> list[str]:
    return [visible(text) for text in texts]


REASON = 400
"""Characters of a reason that the page holds; results.jsonl has all of it."""

_COLUMNS = (
    "case",
    "target",
    "outcome",
    "expected",
    "news",
    "opset",
    "typeset",
    "reason",
    "cause",
    "place",
    "outputs",
    "margin",
    "attempts",
    "grade",
    "bounds",
)


def grade_number(record: CaseRecord) -> int:
    """The place of its grade among ["", A, B, C, FAIL]."""
    bounds = record.bounds
    if bounds is None:
        return 0
    if bounds.grade:
        return 1 + GRADES.index(bounds.grade)
    return 1 + GRADES.index("FAIL") if bounds.outcome is Outcome.FAIL else 0


def bounds_text(record: CaseRecord) -> str:
    """What bounds say of a case that they do not pass, or that the standard judged too."""
    bounds = record.bounds
    if bounds is None or (bounds.outcome is Outcome.PASS and record.outcome is Outcome.PASS):
        return ""
    told = [f"{bounds.outcome.value} by the {bounds.tier} bound, {bounds.arithmetic}"]
    if bounds.ulp is not None and bounds.limit_ulp is not None:
        told.append(f"{figure(bounds.ulp)} ULP where {figure(bounds.limit_ulp)} are allowed")
    if bounds.held and bounds.outcome is Outcome.FAIL:
        told.append(f"behaves like {bounds.held}")
    if bounds.reason and bounds.reason != record.reason:
        told.append(bounds.reason[:REASON])
    return "; ".join(told)


def placement_text(place: PlacementCounts | None) -> str:
    """ "device 3, host 1 (assigned)"."""
    if place is None:
        return ""
    counts = {
        "device": place.device,
        "host": place.host,
        "folded": place.folded,
        "fused": place.fused,
        "unknown": place.unknown,
    }
    nodes = ", ".join(f"{where} {count}" for where, count in counts.items() if count)
    return f"{nodes or 'no nodes'} ({place.evidence or 'no evidence'})"


def outputs_text(record: CaseRecord) -> str:
    """How each output of a wrong case compared; a pass needs only its margin."""
    return "\n".join(map(_output, record.outputs)) if record.outcome in WRONG else ""


def _output(output: OutputRecord) -> str:
    shape = "" if output.shape is None else str(output.shape)
    about = [f"{output.name} {output.dtype or ''}{shape}: {'ok' if output.ok else 'wrong'}"]
    if output.margin is not None:
        about.append(f"{output.margin:.3g} of what is allowed")
    if output.worst_ulp is not None:
        about.append(f"{output.worst_ulp:.3g} ulp")
    if output.reason:
        about.append(output.reason)
    return ", ".join(about)


def worst_margin(record: CaseRecord) -> str | None:
    """The largest error as a part of what is allowed; text, for infinities."""
    if record.bounds and record.bounds.margin is not None:
        return f"{record.bounds.margin:.2g}"
    margins = [output.margin for output in record.outputs if output.margin is not None]
    return f"{max(margins):.2g}" if margins else None


def attempts_text(attempts: Sequence[Attempt]) -> str:
    """One line an attempt, where there was more than one."""
    return "\n".join(map(_attempt, attempts)) if len(attempts) > 1 else ""


def _attempt(attempt: Attempt) -> str:
    where = "alone in a fresh worker" if attempt.alone else f"in worker {attempt.worker or '?'}"
    signal = f", signal {attempt.signal}" if attempt.signal is not None else ""
    reason = f": {attempt.reason}" if attempt.reason else ""
    return f"{attempt.outcome.value} {where}{signal}{reason}"
