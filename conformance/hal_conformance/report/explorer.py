"""The rows of the page's "All cases" as compact columns, each text stored once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from hal_conformance.records import Attempt, CaseRecord, Outcome, OutputRecord, PlacementCounts
from hal_conformance.report.summary import WRONG, Summary
from hal_conformance.report.text import visible

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


def payload(summary: Summary) -> dict[str, Sequence[object]]:
    """Columns by name, one entry a record, and the word lists they point into."""
    cases, targets, ops, types, texts = (_Numbered[str]() for _ in range(5))
    opsets, typesets = _Numbered[tuple[int, ...]](), _Numbered[tuple[int, ...]]()
    outcomes = {outcome: index for index, outcome in enumerate(Outcome)}
    texts("")

    def row(record: CaseRecord) -> tuple[object, ...]:
        return (
            cases(visible(record.case)),
            targets(visible(record.target)),
            outcomes[record.outcome],
            -1 if record.expected is None else outcomes[record.expected],
            int(record.is_news),
            opsets(tuple(ops(visible(op)) for op in record.ops)),
            typesets(tuple(types(visible(name)) for name in record.dtypes)),
            texts(visible((record.reason or "").strip())),
            texts(visible(record.cause or "")),
            texts(placement_text(record.placement)),
            texts(visible(outputs_text(record))),
            worst_margin(record.outputs),
            texts(visible(attempts_text(record.attempts))),
        )

    rows = [row(record) for record in summary.records]
    words: dict[str, Sequence[object]] = {
        "cases": cases.values,
        "targets": targets.values,
        "outcomes": [outcome.value for outcome in Outcome],
        "ops": ops.values,
        "types": types.values,
        "texts": texts.values,
        "opsets": opsets.values,
        "typesets": typesets.values,
    }
    columns = {name: [row[place] for row in rows] for place, name in enumerate(_COLUMNS)}
    return {**words, **columns}


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
)


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
        about.append(f"{output.margin:.3g} of the tolerance")
    if output.worst_ulp is not None:
        about.append(f"{output.worst_ulp:.3g} ulp")
    if output.reason:
        about.append(output.reason)
    return ", ".join(about)


def worst_margin(outputs: Sequence[OutputRecord]) -> str | None:
    """The largest error of any output as a part of the tolerance; text, for infinities."""
    margins = [output.margin for output in outputs if output.margin is not None]
    return f"{max(margins):.3g}" if margins else None


def attempts_text(attempts: Sequence[Attempt]) -> str:
    """One line an attempt, where there was more than one."""
    return "\n".join(map(_attempt, attempts)) if len(attempts) > 1 else ""


def _attempt(attempt: Attempt) -> str:
    where = "alone in a fresh worker" if attempt.alone else f"in worker {attempt.worker or '?'}"
    signal = f", signal {attempt.signal}" if attempt.signal is not None else ""
    reason = f": {attempt.reason}" if attempt.reason else ""
    return f"{attempt.outcome.value} {where}{signal}{reason}"
