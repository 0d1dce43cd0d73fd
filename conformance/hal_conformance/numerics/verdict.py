"""What a device returned, compared with what a correct one may return: pure functions.

`judge` compares outputs with the quantities of `engine.bounds` under one arithmetic; `settle`
tries the declared arithmetics, then lower ones, and grades. An element is right within its
bound, |d - r| <= B; NaN where the reference has NaN; infinities equal, or overflow where
|r| + B passes the largest finite value of the stored format; -0 equals +0; whole numbers and
text equal.
A bound that is infinite, NaN or oversized is UNJUDGED, never a pass; an element beyond a bound
that means something is a FAIL whatever the others are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from hal.tensor import MapValue, Tensor, Value
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic, Array, Format
from hal_conformance.numerics.elements import Elements, compared
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hal_conformance.records import Outcome, OutputRecord

Grade: TypeAlias = Literal["A", "B", "C"]
"""A: accurate as a primitive. B: within its bound. C: only within a lower arithmetic."""

_LOWEST_FIRST: tuple[Grade, ...] = ("C", "B", "A")

OVERSIZED = 0.25
"""A bound above this share of the output's rms says nothing; see numerics/vacuity.py."""

SIGN = 2.0**-8
"""The share of a lower arithmetic's bound that an error must reach to be a sign of it."""

SHARE = 0.9
"""The share of an output's elements whose bounds must say something."""


@dataclass(frozen=True, slots=True)
class OutputVerdict:
    """How one output compared with its bound B.

    `margin` is the largest |d - r| / B and `where` its place; `median` and `bias` are those of
    |d - r| / B and (d - r) / B over the elements; `ulp` is the largest error in units of the
    last place of the output's own type, and `limit_ulp` what B comes to in them at `where`.
    `bits` are the effective bits: see `effective_bits`. `unjudged` counts elements whose bound
    says nothing, `ambiguous` those that may jump.
    """

    name: str
    outcome: Outcome
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    margin: float | None = None
    where: tuple[int, ...] | None = None
    median: float | None = None
    bias: float | None = None
    ulp: float | None = None
    limit_ulp: float | None = None
    bits: float | None = None
    ambiguous: int = 0
    unjudged: int = 0
    grade: Grade | None = None
    reason: str | None = None

    def record(self) -> OutputRecord:
        """What a run writes down of it."""
        return OutputRecord(
            name=self.name,
            dtype=self.dtype,
            shape=None if self.shape is None else list(self.shape),
            ok=self.outcome is not Outcome.FAIL,
            margin=self.margin,
            worst_ulp=self.ulp,
            grade=self.grade,
            reason=self.reason,
        )


@dataclass(frozen=True)
class Hypothesis:
    """What a correct device of one arithmetic may return: the bounds of a case's outputs.

    `label` names it in reports: "fp32", "fp32, transformed convolution", "bf16". `primitive`
    are the bounds that grade A asks for. `replayed` says that the bounds are around what such a
    device computes from operands already rounded, so that an answer within them is a sign.
    """

    label: str
    arithmetic: Arithmetic
    outputs: Sequence[Quantity]
    primitive: Sequence[Quantity] | None = None
    replayed: bool = False


@dataclass(frozen=True)
class CaseVerdict:
    """The verdict on a case: `held` is the label of the arithmetic that explains the answer."""

    outcome: Outcome
    grade: Grade | None
    held: str | None
    outputs: Sequence[OutputVerdict]
    reason: str | None = None


def judge(
    names: Sequence[str],
    got: Sequence[Value],
    expected: Sequence[Quantity],
    arithmetic: Arithmetic,
    primitive: Sequence[Quantity] | None = None,
) -> list[OutputVerdict]:
    """A verdict an output, in the model's order; what is missing or left over is a FAIL.

    Args:
        names: the outputs' names.
        got: what the device returned.
        expected: the quantities of `engine.bounds` under `arithmetic`.
        arithmetic: what the device is said to compute in.
        primitive: the same with `primitive=True`: what grade A allows.
    """
    graded = primitive or [None] * len(expected)
    judged = [
        _output(name, got[k : k + 1], quantity, (arithmetic, tight))
        for k, (name, quantity, tight) in enumerate(zip(names, expected, graded, strict=True))
    ]
    beyond = f"it was returned beyond the {len(expected)} expected outputs"
    judged += [_failed(f"#{k}", beyond) for k in range(len(expected), len(got))]
    return judged or [_failed("", "nothing was compared")]


def settle(
    names: Sequence[str],
    got: Sequence[Value],
    declared: Iterable[Hypothesis],
    lower: Iterable[Hypothesis] = (),
) -> CaseVerdict:
    """The verdict under what is declared, and what else would explain a failure.

    Args:
        names: the outputs' names.
        got: what the device returned.
        declared: the hypotheses that are all right, at least one: direct convolution, then
            transformed. They are taken until one holds.
        lower: arithmetics below the declared one, tried in this order.
    """
    tried: list[CaseVerdict] = []
    for hypothesis in declared:
        tried.append(_case(names, got, hypothesis))
        if tried[-1].outcome is Outcome.PASS:
            return tried[-1]
    for verdict in tried:
        if verdict.outcome is Outcome.UNJUDGED:
            return verdict
    failed = tried[0]
    for hypothesis in lower:
        if _explains(_case(names, got, hypothesis), hypothesis):
            reason = f"behaves like {hypothesis.label}: {failed.reason}"
            outputs = [_graded(output, "C") for output in failed.outputs]
            return CaseVerdict(Outcome.FAIL, "C", hypothesis.label, outputs, reason)
    return failed


def _explains(verdict: CaseVerdict, hypothesis: Hypothesis) -> bool:
    """Whether the errors are of a lower arithmetic: within its bounds, and not far within.

    Every wider bound holds what is barely beyond the declared one, which is no sign of it.
    """
    margins = [output.margin or 0.0 for output in verdict.outputs]
    sign = hypothesis.replayed or max(margins, default=0.0) >= SIGN
    return verdict.outcome is Outcome.PASS and sign


def effective_bits(output: OutputVerdict, arithmetic: Arithmetic) -> float | None:
    """-log2 of the smallest unit roundoff under which a single operator's output passes.

    Its bound is nearly linear in u, so that this is u times the margin. None where there is no
    margin to speak of; infinity where the answer is exact.
    """
    if output.margin is None or output.dtype not in FORMATS:
        return None
    return _bits(output.margin, arithmetic.stored(output.dtype))


def _bits(margin: float, stored: Format) -> float:
    smallest = stored.unit * margin
    return float("inf") if smallest == 0 else max(0.0, float(-np.log2(smallest)))


def oversized(pair: Pair, stored: Format) -> bool:
    """Whether B > 0.25 x the output's rms for more than a tenth of the elements.

    The rms is that of the finite elements, at least the smallest normal number: a bound of a
    few subnormals around an output of zeros says something.
    """
    if pair.error is None or not pair.is_float or not np.size(pair.value):
        return False
    scale = _rms(pair.value, stored)
    with np.errstate(invalid="ignore"):
        small = (pair.error <= OVERSIZED * scale) | ~np.isfinite(pair.value)
    return float(np.mean(small)) < SHARE


def _rms(value: Array, stored: Format) -> float:
    finite = np.abs(value[np.isfinite(value)])
    largest = float(finite.max(initial=0.0))
    if not largest:
        return stored.tiny
    return max(stored.tiny, largest * float(np.sqrt(np.mean((finite / largest) ** 2))))


def _case(names: Sequence[str], got: Sequence[Value], hypothesis: Hypothesis) -> CaseVerdict:
    bounds, primitive = hypothesis.outputs, hypothesis.primitive
    outputs = judge(names, got, bounds, hypothesis.arithmetic, primitive)
    outcome = _worst(outputs)
    return CaseVerdict(
        outcome,
        _lowest(outputs) if outcome is Outcome.PASS else None,
        hypothesis.label if outcome is Outcome.PASS else None,
        outputs,
        next((o.reason for o in outputs if o.outcome is outcome and o.reason), None),
    )


def _worst(outputs: Sequence[OutputVerdict]) -> Outcome:
    found = {output.outcome for output in outputs}
    return next(o for o in (Outcome.FAIL, Outcome.UNJUDGED, Outcome.PASS) if o in found)


def _lowest(outputs: Sequence[OutputVerdict]) -> Grade | None:
    given = {output.grade for output in outputs}
    return next((grade for grade in _LOWEST_FIRST if grade in given), None)


def _graded(output: OutputVerdict, grade: Grade) -> OutputVerdict:
    return replace(output, grade=grade) if output.outcome is Outcome.FAIL else output


def _failed(name: str, reason: str) -> OutputVerdict:
    return OutputVerdict(name, Outcome.FAIL, reason=f"{name}: {reason}" if name else reason)


def _output(
    name: str, got: Sequence[Value], expected: Quantity, how: tuple[Arithmetic, Quantity]
) -> OutputVerdict:
    if not got:
        return _failed(name, "the device did not return it")
    value = got[0]
    if isinstance(value, Tensor) and isinstance(expected, Pair):
        return _tensor(name, value, expected, *how)
    if isinstance(value, list) and isinstance(expected, list):
        return _sequence(name, value, expected, how)
    if isinstance(value, MapValue) and isinstance(expected, Table):
        return _map(name, value, expected, how)
    if value is None and expected is None:
        return OutputVerdict(name, Outcome.PASS, margin=0.0, grade="A")
    return _failed(name, f"got {_kind(value)}, expected {_kind(expected)}")


def _kind(value: Value | Quantity) -> str:
    if value is None:
        return "an empty optional"
    if isinstance(value, (Tensor, Pair)):
        return f"a {value.dtype} tensor"
    return "a sequence" if isinstance(value, list) else "a map"


def _map(
    name: str, got: MapValue, expected: Table, how: tuple[Arithmetic, Quantity]
) -> OutputVerdict:
    """One verdict for a map, whose keys may come in any order."""
    keys = got.keys.array.tolist()
    right = expected.keys.value.tolist()
    if got.keys.dtype.name != expected.keys.dtype or sorted(keys) != sorted(right):
        return _failed(name, f"got the {got.keys.dtype} keys {keys}, expected {right}")
    order = [keys.index(key) for key in right]
    values = Tensor(got.values.array[order], got.values.dtype)
    primitive = how[1].values if isinstance(how[1], Table) else None
    return _tensor(name, values, expected.values, how[0], primitive)


def _sequence(
    name: str, got: list[Value], expected: list[Quantity], how: tuple[Arithmetic, Quantity]
) -> OutputVerdict:
    """One verdict for a sequence: the worst of its elements, counts added."""
    if len(got) != len(expected):
        return _failed(name, f"got {len(got)} elements, expected {len(expected)}")
    tight = how[1] if isinstance(how[1], list) else [None] * len(expected)
    items = [
        _output(f"{name}[{k}]", [value], quantity, (how[0], primitive))
        for k, (value, quantity, primitive) in enumerate(zip(got, expected, tight, strict=True))
    ]
    if not items:
        return OutputVerdict(name, Outcome.PASS, margin=0.0, grade="A")
    outcome = _worst(items)
    worst = max(items, key=lambda item: (item.outcome is outcome, item.margin or 0.0))
    return replace(
        worst,
        name=name,
        shape=None,
        ambiguous=sum(item.ambiguous for item in items),
        unjudged=sum(item.unjudged for item in items),
        grade=_lowest(items) if outcome is Outcome.PASS else None,
    )


def _tensor(
    name: str, got: Tensor, pair: Pair, arithmetic: Arithmetic, primitive: Quantity
) -> OutputVerdict:
    if got.dtype.name != pair.dtype:
        return _failed(name, f"got type {got.dtype}, expected {pair.dtype}")
    if got.array.dtype != got.dtype.numpy and got.dtype.name != "string":
        return _failed(name, f"says {got.dtype}, but holds {got.array.dtype}")
    expected = tuple(np.shape(pair.value))
    if got.shape != expected:
        if pair.error is not None and pair.error.size and np.isposinf(pair.error).all():
            reason = f"{name}: nothing is known of it; its shape is {list(got.shape)} here"
            return OutputVerdict(name, Outcome.UNJUDGED, pair.dtype, got.shape, reason=reason)
        return _failed(name, f"got shape {list(got.shape)}, expected {list(expected)}")
    tight = primitive if isinstance(primitive, Pair) else None
    found = compared(got.array, pair, arithmetic, tight)
    return _verdict(name, got, pair, found, stored=_stored(pair, arithmetic))


def _stored(pair: Pair, arithmetic: Arithmetic) -> Format | None:
    return arithmetic.stored(pair.dtype) if pair.dtype in FORMATS else None


def _verdict(
    name: str, got: Tensor, pair: Pair, found: Elements, stored: Format | None
) -> OutputVerdict:
    unjudged = int(np.count_nonzero(~found.known))
    wrong = found.known & ~found.right
    vague = stored is not None and pair.accepts is None and oversized(pair, stored)
    if wrong.any():
        outcome, reason = Outcome.FAIL, found.example(name, got.array, pair, wrong)
    elif unjudged or vague:
        outcome = Outcome.UNJUDGED
        what = f"{unjudged} of {wrong.size}" if unjudged else f"most of {wrong.size}"
        reason = f"{name}: the bound says nothing for {what} elements"
    else:
        outcome, reason = Outcome.PASS, None
    passed = outcome is Outcome.PASS
    margin, where = found.worst()
    return OutputVerdict(
        name,
        outcome,
        pair.dtype,
        got.shape,
        margin,
        where,
        found.median(),
        found.bias(),
        found.ulp(),
        _limit_ulp(pair, where),
        None if stored is None else _bits(margin, stored),
        pair.ambiguous,
        unjudged,
        ("A" if found.accurate else "B") if passed else None,
        reason,
    )


def _limit_ulp(pair: Pair, where: tuple[int, ...] | None) -> float | None:
    """The bound at a place in units of the last place of the pair's own type."""
    if where is None or pair.dtype not in FORMATS or pair.error is None:
        return None
    with np.errstate(all="ignore"):
        steps = pair.errors()[where] / FORMATS[pair.dtype].ulp(np.abs(pair.value[where]))
    return float(steps) if np.isfinite(steps) else None
