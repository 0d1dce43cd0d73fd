"""The verdict on what a device returned for a whole model.

Judged by the typical tier: against how far correct devices' outputs spread, which is set by the
tensor's scale, and not against |r| of each element. Beside it stands whether the model's answer
changed: the largest of a row is another one although the bound is smaller than its lead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.verdict import CaseVerdict, Hypothesis, OutputVerdict, settle
from hal_conformance.records import BoundsRecord, Outcome

Expected: TypeAlias = Callable[[str], Sequence[Quantity]]
"""The outputs of a case with their bounds, by the name of an arithmetic."""

Replayed: TypeAlias = Callable[[str], Sequence[Value]]
"""What a simulated device of the arithmetic of that name returns."""

LOWER: Mapping[str, Sequence[str]] = {
    "fp64": ("fp32", "tf32", "fp16", "bf16"),
    "fp32": ("tf32", "fp16", "bf16"),
    "tf32": ("fp16", "bf16"),
    "fp16": ("bf16",),
}
"""What may explain an answer that the declared arithmetic does not."""


def judge(
    names: Sequence[str],
    got: Sequence[Value],
    expected: Expected,
    replayed: Replayed,
    name: str,
) -> CaseVerdict:
    """The verdict under the declared arithmetic; lower ones are only asked for on a FAIL.

    Bounds are eight deviations wide and formats eight times apart, so that more than one lower
    arithmetic may hold, and those of bfloat16 may be as large as the outputs. Named is the most
    accurate whose simulated device errs half as much as this one or more, if its bounds hold.
    """
    declared = _hypothesis(expected, name)
    verdict = settle(names, got, [declared])
    if verdict.outcome is not Outcome.FAIL:
        return verdict
    ours = size(got, declared.outputs)
    for lower in LOWER.get(name, ()):
        if ours > 2 * size(replayed(lower), declared.outputs):
            continue
        found = settle(names, got, [_hypothesis(expected, lower)])
        if found.outcome is not Outcome.FAIL:
            reason = f"behaves like {lower}: {verdict.reason}"
            return replace(verdict, grade="C", held=lower, reason=reason)
    return verdict


def size(got: Sequence[Value], expected: Sequence[Quantity]) -> float:
    """The root mean square of the errors, in deviations; never 0."""
    squares: list[float] = []
    for value, quantity in zip(got, expected, strict=False):
        if not isinstance(value, Tensor) or not isinstance(quantity, Pair):
            continue
        if not quantity.is_float or value.shape != np.shape(quantity.value):
            continue
        with np.errstate(all="ignore"):
            off = (value.array.astype(np.float64) - quantity.value) / quantity.errors()
        squares += np.square(off[np.isfinite(off)]).ravel().tolist()
    return max(float(np.sqrt(np.mean(squares))), 1e-12) if squares else 1e-12


def _hypothesis(expected: Expected, name: str) -> Hypothesis:
    return Hypothesis(name, arithmetic(name), expected(name))


def record(verdict: CaseVerdict, name: str, changed: str | None = None) -> BoundsRecord:
    """What a run writes down of it; statistics know no grade but that a bound holds."""
    worst = max(verdict.outputs, key=_rank, default=None)
    failed = verdict.outcome is Outcome.FAIL
    reason = verdict.reason
    if failed and changed:
        reason = f"{reason}; {changed}"
    return BoundsRecord(
        arithmetic=name,
        tier="typical",
        outcome=verdict.outcome,
        grade="B" if verdict.outcome is Outcome.PASS else verdict.grade if failed else None,
        held=verdict.held,
        margin=worst.margin if worst else None,
        ulp=worst.ulp if worst else None,
        limit_ulp=worst.ulp / worst.margin if worst and worst.ulp and worst.margin else None,
        reason=reason,
    )


def _rank(output: OutputVerdict) -> tuple[bool, float]:
    return output.outcome is Outcome.FAIL, output.margin or 0.0


def changed(
    names: Sequence[str], got: Sequence[Value], expected: Sequence[Quantity]
) -> str | None:
    """In how many rows another value is the largest; None where that holds in none."""
    told: list[str] = []
    for name, value, quantity in zip(names, got, expected, strict=False):
        if not isinstance(value, Tensor) or not isinstance(quantity, Pair):
            continue
        if value.shape != np.shape(quantity.value) or not has_rows(quantity):
            continue
        first = np.argmax(quantity.value, -1)
        others = int(np.count_nonzero(np.argmax(value.array.astype(np.float64), -1) != first))
        if others:
            told.append(
                f"{name}: another value is the largest in {others} of {first.size} rows"
            )
    return "; ".join(told) or None


def has_rows(pair: Pair) -> bool:
    """Whether its last axis holds values of which one may be the largest."""
    shape = np.shape(pair.value)
    return pair.is_float and len(shape) >= 2 and shape[-1] >= 2 and bool(np.size(pair.value))
