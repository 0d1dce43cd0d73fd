"""Operators that jump: comparisons, logic, Round, Floor, Ceil, Sign, IsNaN, IsInf.

Where [r - e, r + e] straddles the jump, every value a device may reach is right, and the
element counts as ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.elementwise import exactly, pairs_of
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import between, nearest, operand, undefined

JUMPS = "numerics.md, discontinuous operators: every reachable value is right"

COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
}


@rule(*COMPARISONS, source=JUMPS + "; IEEE 754-2019, 5.11")
def compare(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Either truth where the operands' intervals meet."""
    a, b = pairs_of(inputs)
    value = np.asarray(COMPARISONS[step.op](a.value, b.value), np.bool_)
    spread = np.asarray(_error(step, a) + _error(step, b))
    if not spread.any():
        return [Pair(value, None, "bool")]
    spread = np.broadcast_to(spread, value.shape)
    low, high = value, value
    if a.dtype != "string":
        with np.errstate(all="ignore"):
            apart = a.value.astype(np.float64) - b.value.astype(np.float64)
            meet = np.asarray(np.abs(apart) <= spread) & (spread > 0)
        low, high = value & ~meet, value | meet
    return [_unless(np.isinf(spread), between(low, value, high, "bool"))]


def _error(step: Step, pair: Pair) -> Array:
    return operand(step, pair) if pair.is_float else pair.errors()


def _unless(unknown: Array, pair: Pair) -> Pair:
    """Nothing is known where an operand is unknown."""
    if not np.any(unknown):
        return pair
    return Pair(pair.value, np.where(unknown, np.inf, pair.errors()), pair.dtype)


@rule("And", "Or", "Xor", "Not", source=JUMPS)
def logic(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Every combination of the truths that operands may have."""
    pairs = pairs_of(inputs)
    (value,) = step.reference([pair.value for pair in pairs])
    value = np.asarray(value, np.bool_)
    if all(pair.is_exact for pair in pairs):
        return [Pair(value, None, "bool")]
    if step.op == "Not":
        return [Pair(value, pairs[0].errors(), "bool", ambiguous=pairs[0].ambiguous)]
    a, b = pairs
    ends = [
        (pair.value & (pair.errors() == 0), pair.value | (pair.errors() > 0)) for pair in pairs
    ]
    if step.op == "Xor":
        unsure = np.asarray((a.errors() > 0) | (b.errors() > 0))
        low, high = value & ~unsure, value | unsure
    else:
        pick = np.logical_and if step.op == "And" else np.logical_or
        low, high = (np.asarray(pick(ends[0][k], ends[1][k])) for k in (0, 1))
    return [between(low, value, high, "bool")]


STEPS: dict[str, Callable[[Array], Array]] = {
    "Ceil": np.ceil,
    "Floor": np.floor,
    "Round": np.rint,
    "Sign": np.sign,
}


@rule(*STEPS, source=JUMPS + "; IEEE 754-2019, 5.9: exact, ties to even")
def stairs(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Exact and rising: every step from that of r - e to that of r + e."""
    (x,) = pairs_of(inputs)
    if not x.is_float:
        return exactly(step, inputs, x.dtype)
    function, error = STEPS[step.op], operand(step, x)
    with np.errstate(all="ignore"):
        low, high = (function(x.value + s * error) for s in (-1.0, 1.0))
        # A device that keeps its operands may round what it stores.
        kept = step.stored(x.dtype)
        low, high = np.minimum(low, nearest(low, kept)), np.maximum(high, nearest(high, kept))
        made = between(low, function(x.value), high, x.dtype)
    if step.op != "Sign":
        return [made]
    # NaN is neither above 0 nor below it nor equal to it, and the document has no fourth case.
    return [undefined(made, np.isnan(x.value), lambda got: got.astype(np.float64) == 0)]


@rule("IsNaN", "IsInf", source="IEEE 754-2019, 5.7.2")
def classify(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """A finite error makes no number into none; an infinite one leaves both open."""
    (x,) = pairs_of(inputs)
    if step.op == "IsNaN":
        value = np.isnan(x.value)
    else:
        above = np.isposinf(x.value) & bool(step.attributes.get("detect_positive", 1))
        value = above | (np.isneginf(x.value) & bool(step.attributes.get("detect_negative", 1)))
    return [_unless(np.isinf(operand(step, x)), Pair(np.asarray(value), None, "bool"))]
