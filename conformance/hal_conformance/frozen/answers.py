"""What a device's answers to a question are worth: the record that a run writes down.

The declared arithmetic decides. Where an answer lies beyond its bound, what else would explain
it is computed then: the same arithmetic with transformed convolutions, which is legal, and the
lower arithmetics, which are not and are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.bits import Bits, bits_of
from hal_conformance.frozen import hypotheses, relations
from hal_conformance.frozen.hypotheses import REWRITTEN, Asked
from hal_conformance.frozen.question import Known, Question, Tier
from hal_conformance.numerics.arithmetic import Arithmetic, arithmetic
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.verdict import (
    CaseVerdict,
    Hypothesis,
    OutputVerdict,
    settle,
)
from hal_conformance.records import BoundsRecord, Outcome, OutputRecord


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on the answers to one data set, or to all."""

    bounds: BoundsRecord
    outputs: tuple[OutputRecord, ...]


class Remembered:
    """Judges, and knows the next time what it said of the very same wrong answer.

    A wrong answer is asked for a second time, and what explains it takes long to look for.
    """

    def __init__(self) -> None:
        self._wrong: dict[tuple[str, int, str], tuple[tuple[Bits, ...], Judged]] = {}

    def judge(
        self, question: Question, number: int, got: Sequence[Value], known: Known, name: str
    ) -> Judged:
        """As `judge` says; it is remembered until it is asked for again."""
        key = (question.hash, number, name)
        bits = bits_of(got)
        before, judged = self._wrong.pop(key, ((), None))
        if judged is None or before != bits:
            judged = judge(question, number, got, known, name)
            if judged.bounds.outcome is Outcome.FAIL:
                self._wrong[key] = (bits, judged)
        return judged


def judge(
    question: Question, number: int, got: Sequence[Value], known: Known, name: str
) -> Judged:
    """The verdict on the answers to one data set.

    Args:
        question: the case.
        number: which of its data sets.
        got: what the device returned.
        known: what is known of the data set's outputs under the declared arithmetic.
        name: the declared arithmetic.
    """
    with np.errstate(all="ignore"):  # whatever a device returned
        return _judge(question, number, got, known, name)


def _judge(
    question: Question, number: int, got: Sequence[Value], known: Known, name: str
) -> Judged:
    if not known.expected and question.names:
        bounds = BoundsRecord(
            arithmetic=name, tier="sound", outcome=Outcome.UNJUDGED, reason=known.vacuous
        )
        return Judged(bounds, ())
    how = arithmetic(name)
    declared = Hypothesis(name, how, known.expected, known.primitive)
    verdict = settle(question.names, got, [declared])
    if verdict.outcome is Outcome.FAIL and known.tier != "type":
        margin = max((output.margin or 0.0 for output in verdict.outputs), default=0.0)
        asked = Asked(question, number, known, how, margin)
        right = chain([declared], hypotheses.as_right(asked))
        verdict = settle(question.names, got, right, hypotheses.lower(asked))
    broken = relations.broken(question, got, known) or _misshapen(question, got, known)
    if broken and verdict.outcome is not Outcome.FAIL:
        verdict = replace(verdict, outcome=Outcome.FAIL, grade=None, held=None, reason=broken)
    outputs = tuple(output.record() for output in verdict.outputs)
    return Judged(_record(question, verdict, known, how), outputs)


def _misshapen(question: Question, got: Sequence[Value], known: Known) -> str | None:
    """Which output has another shape than it must, where values are free."""
    if known.tier != "type":
        return None
    for name, value, expected in zip(question.names, got, known.expected, strict=False):
        if isinstance(value, Tensor) and isinstance(expected, Pair):
            shape = list(np.shape(expected.value))
            if list(value.shape) != shape:
                return f"{name}: got shape {list(value.shape)}, expected {shape}"
    return None


def worst(bounds: Sequence[BoundsRecord]) -> BoundsRecord | None:
    """One for all data sets: what FAILs, else what says nothing, else the largest margin."""
    order = (Outcome.FAIL, Outcome.UNJUDGED, Outcome.PASS)
    return min(
        bounds, key=lambda one: (order.index(one.outcome), -(one.margin or 0.0)), default=None
    )


def _record(
    question: Question, verdict: CaseVerdict, known: Known, how: Arithmetic
) -> BoundsRecord:
    judged_type = known.tier == "type"
    outcome, reason = verdict.outcome, verdict.reason
    if outcome is Outcome.UNJUDGED and judged_type:
        outcome, reason = Outcome.PASS, None
    elif outcome is Outcome.PASS and known.vacuous:
        outcome, reason = Outcome.UNJUDGED, f"vacuous: {known.vacuous}"
    worst = max(verdict.outputs, key=_rank, default=None)
    passed = outcome is Outcome.PASS
    bits = [output.bits for output in verdict.outputs]
    numbers = not judged_type and worst is not None
    return BoundsRecord(
        arithmetic=how.name,
        tier=_tier(question, verdict, known),
        outcome=outcome,
        grade=verdict.grade if passed or verdict.grade == "C" else None,
        held=verdict.held,
        bits=min((each for each in bits if each is not None), default=None),
        margin=worst.margin if worst and numbers else None,
        ulp=worst.ulp if worst and numbers else None,
        limit_ulp=worst.limit_ulp if worst and numbers else None,
        reason=reason,
    )


def _tier(question: Question, verdict: CaseVerdict, known: Known) -> Tier:
    if question.relations:
        return "relation"
    return "typical" if (verdict.held or "").endswith(REWRITTEN) else known.tier


def _rank(output: OutputVerdict) -> tuple[bool, float]:
    return output.outcome is Outcome.FAIL, output.margin or 0.0
