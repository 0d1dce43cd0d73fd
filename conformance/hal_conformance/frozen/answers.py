"""What a device's answers to a question are worth: the record that a run writes down.

The declared arithmetic decides. Where an answer lies beyond its bound, what else would explain
it is computed then: the same arithmetic with transformed convolutions, which is legal, and the
lower arithmetics, which are not and are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx

from hal.tensor import Tensor, Value
from hal_conformance.frozen import relations
from hal_conformance.frozen.bounding import known as computed
from hal_conformance.frozen.bounding import rewritten
from hal_conformance.frozen.operands import rounded
from hal_conformance.frozen.question import Known, Question, Tier
from hal_conformance.numerics.arithmetic import Arithmetic, arithmetic
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.verdict import (
    CaseVerdict,
    Hypothesis,
    OutputVerdict,
    effective_bits,
    settle,
)
from hal_conformance.records import BoundsRecord, Outcome, OutputRecord

LOWER: Mapping[str, Sequence[str]] = {
    "fp64": ("fp32", "tf32", "bf16", "fp16", "fp16-acc16"),
    "fp32": ("tf32", "bf16", "fp16", "fp16-acc16"),
    "tf32": ("bf16", "fp16", "fp16-acc16"),
    "fp16": ("bf16", "fp16-acc16"),
    "int8": ("tf32", "bf16", "fp16", "fp16-acc16"),
}
"""What may explain an answer that the declared arithmetic does not, the most accurate first."""

REWRITTEN = ", rewritten"
"""Ends the name of an arithmetic where a graph's statistics hold and its proof does not."""

CONTRACTIONS = frozenset(
    {
        *("Attention", "Conv", "ConvTranspose", "DeformConv", "Einsum", "GRU", "Gemm", "LSTM"),
        *("LinearAttention", "MatMul", "RNN"),
    }
)
"""Operators whose operands an arithmetic rounds before it multiplies them."""

_CONVOLUTIONS = frozenset({"Conv", "ConvTranspose", "DeformConv"})


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on the answers to one data set, or to all."""

    bounds: BoundsRecord
    outputs: tuple[OutputRecord, ...]


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
        also = [
            *_transformed(question, number, known, how),
            *_flushed(question, number, known, how),
            *_rewritten(question, number, known, how),
        ]
        lower = list(_lower(question, number, known, name))
        verdict = settle(question.names, got, [declared, *also], lower)
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


def _transformed(
    question: Question, number: int, known: Known, how: Arithmetic
) -> Iterator[Hypothesis]:
    """What is as right as the declared arithmetic: convolutions by Winograd or FFT."""
    if known.tier != "sound" or not _CONVOLUTIONS.intersection(_operators(question)):
        return
    transformed = replace(how, convolution="transformed")
    found = computed(question, transformed, statistics=False)[number]
    if found.expected and found.vacuous is None:
        yield Hypothesis(f"{how.name}, transformed convolution", transformed, found.expected)


def _flushed(
    question: Question, number: int, known: Known, how: Arithmetic
) -> Iterator[Hypothesis]:
    """What is as right: subnormals of bfloat16, which its instructions flush."""
    if known.tier != "sound" or "bfloat16" not in question.id:
        return
    flushed = replace(how, flush="bfloat16")
    found = computed(question, flushed, statistics=False)[number]
    if found.expected and found.vacuous is None:
        label = f"{how.name}, bfloat16 subnormals flushed"
        yield Hypothesis(label, flushed, found.expected)


def _rewritten(
    question: Question, number: int, known: Known, how: Arithmetic
) -> Iterator[Hypothesis]:
    """What is as right: a graph that was rewritten by the laws of real numbers."""
    found = rewritten(question, number, how) if known.tier == "sound" else None
    if found is not None:
        yield Hypothesis(f"{how.name}{REWRITTEN}", how, found.expected)


def _operators(question: Question) -> set[str]:
    model = onnx.ModelProto.FromString(question.model)
    return {node.op_type for node in model.graph.node}


def _lower(question: Question, number: int, known: Known, name: str) -> Iterator[Hypothesis]:
    """What would explain the answer and is not what was declared.

    First what a device computes whose contractions read rounded operands, which tells tf32 from
    bf16; then the bounds of whole arithmetics, which are wide and only say how bad it is.
    """
    lower = LOWER.get(name, ())
    if known.tier == "sound" and CONTRACTIONS.intersection(_operators(question)):
        for other in lower:
            yield from _replayed(question, number, arithmetic(other), arithmetic(name))
    for other in lower:
        how = arithmetic(other)
        found = computed(question, how, statistics=known.tier == "typical")[number]
        if found.expected and found.vacuous is None:
            yield Hypothesis(f"{other}, by its bounds", how, found.expected)


def _replayed(
    question: Question, number: int, lower: Arithmetic, how: Arithmetic
) -> Iterator[Hypothesis]:
    """The declared arithmetic on operands that a lower one has rounded."""
    feeds = {
        name: rounded(value, lower.inputs) for name, value in question.datasets[number].items()
    }
    again = replace(question, datasets=[feeds])
    for outputs in dict.fromkeys((how.outputs, lower.outputs)):
        mixed = replace(how, outputs=outputs)
        found = computed(again, mixed, statistics=False)[0]
        if found.expected:
            yield Hypothesis(lower.name, mixed, found.expected, replayed=True)


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
    bits = [effective_bits(output, how) for output in verdict.outputs]
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
        limit_ulp=_limit(worst) if worst and numbers else None,
        reason=reason,
    )


def _tier(question: Question, verdict: CaseVerdict, known: Known) -> Tier:
    if question.relations:
        return "relation"
    return "typical" if (verdict.held or "").endswith(REWRITTEN) else known.tier


def _rank(output: OutputVerdict) -> tuple[bool, float]:
    return output.outcome is Outcome.FAIL, output.margin or 0.0


def _limit(output: OutputVerdict) -> float | None:
    """The bound in units of the last place, there where the output is nearest to it."""
    if output.ulp is None or not output.margin:
        return None
    return output.ulp / output.margin
