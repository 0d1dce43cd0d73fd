"""What may explain an answer that lies beyond the bounds of what was declared.

Some of it is as right as the declared arithmetic: transformed convolutions, a graph rewritten
by the laws of real numbers. The rest is less, and is named: float64 computed as float32, or
operands rounded to bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx

from hal_conformance.frozen.bounding import once, rewritten
from hal_conformance.frozen.operands import rounded
from hal_conformance.frozen.question import Known, Question
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic, arithmetic
from hal_conformance.numerics.verdict import Hypothesis

LOWER: Mapping[str, Sequence[str]] = {
    "fp64": ("fp32", "tf32", "bf16", "fp16", "fp16-acc16"),
    "fp32": ("tf32", "bf16", "fp16", "fp16-acc16"),
    "tf32": ("bf16", "fp16", "fp16-acc16"),
    "fp16": ("bf16", "fp16-acc16"),
    "int8": ("tf32", "bf16", "fp16", "fp16-acc16"),
}
"""What may explain an answer that the declared arithmetic does not, the most accurate first."""

COARSE = 2.0**21
"""How many times a bound of float64 an error is away that has the size of float32's."""

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
class Asked:
    """A data set of a case, what is known of its outputs, and the declared arithmetic.

    `margin` is how many times its bound an answer is away.
    """

    question: Question
    number: int
    known: Known
    how: Arithmetic
    margin: float


def as_right(asked: Asked) -> Iterator[Hypothesis]:
    """What is as right as what was declared."""
    yield from _transformed(asked)
    yield from _flushed(asked)
    yield from _rewritten(asked)


def _transformed(asked: Asked) -> Iterator[Hypothesis]:
    """What is as right as the declared arithmetic: convolutions by Winograd or FFT."""
    if asked.known.tier != "sound" or not _CONVOLUTIONS.intersection(
        _operators(asked.question)
    ):
        return
    transformed = replace(asked.how, convolution="transformed")
    found = once(asked.question, asked.number, transformed)
    if found.expected and found.vacuous is None:
        yield Hypothesis(
            f"{asked.how.name}, transformed convolution", transformed, found.expected
        )


def _flushed(asked: Asked) -> Iterator[Hypothesis]:
    """What is as right: subnormals of bfloat16, which its instructions flush."""
    if asked.known.tier != "sound" or "bfloat16" not in asked.question.id:
        return
    flushed = replace(asked.how, flush="bfloat16")
    found = once(asked.question, asked.number, flushed)
    if found.expected and found.vacuous is None:
        label = f"{asked.how.name}, bfloat16 subnormals flushed"
        yield Hypothesis(label, flushed, found.expected)


def _rewritten(asked: Asked) -> Iterator[Hypothesis]:
    """What is as right: a graph that was rewritten by the laws of real numbers."""
    if asked.known.tier != "sound":
        return
    found = rewritten(asked.question, asked.number, asked.known, asked.how)
    if found is not None:
        yield Hypothesis(f"{asked.how.name}{REWRITTEN}", asked.how, found.expected)


def _operators(question: Question) -> set[str]:
    model = onnx.ModelProto.FromString(question.model)
    return {node.op_type for node in model.graph.node}


def lower(asked: Asked) -> Iterator[Hypothesis]:
    """What would explain the answer and is not what was declared.

    First what a device computes whose contractions read rounded operands, which tells tf32 from
    bf16; then the bounds of whole arithmetics, which are wide and only say how bad it is.
    """
    names, how = LOWER.get(asked.how.name, ()), asked.how
    if asked.known.tier == "sound":
        doubles = how.doubles and "float64" in asked.question.facts.dtypes
        if doubles and asked.margin >= COARSE:
            yield from _replayed(asked, "float64 as float32", replace(how, doubles=False))
        if CONTRACTIONS.intersection(_operators(asked.question)):
            for name in names:
                yield from _replayed(asked, name, arithmetic(name))
    for name in names:
        other = arithmetic(name)
        statistics = asked.known.tier == "typical"
        found = once(asked.question, asked.number, other, statistics=statistics)
        if found.expected and found.vacuous is None:
            yield Hypothesis(f"{name}, by its bounds", other, found.expected)


def _replayed(asked: Asked, label: str, other: Arithmetic) -> Iterator[Hypothesis]:
    """The declared arithmetic on operands that a lower one has rounded."""
    to = other.inputs if other.doubles else FORMATS["float32"]
    fed = asked.question.datasets[asked.number]
    feeds = {name: rounded(value, to) for name, value in fed.items()}
    again = replace(asked.question, datasets=[feeds])
    for outputs in dict.fromkeys((asked.how.outputs, other.outputs)):
        mixed = replace(asked.how, outputs=outputs, doubles=other.doubles)
        found = once(again, 0, mixed)
        if found.expected:
            yield Hypothesis(label, mixed, found.expected, replayed=True)
