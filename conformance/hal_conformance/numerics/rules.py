"""The table of rules: how each operator passes errors on, and what rounding it adds.

A rule is a function of a `Step` (the node, its version, its attributes, the arithmetic) and the
pairs of its inputs, absent optional inputs being None; it returns the pairs of its outputs. A
rule covers every version of its operator from `since` on, up to the next rule of that operator.
`source` is where its constants come from; docs list them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hal_conformance.numerics.arithmetic import FORMATS, NO_INFINITY, Arithmetic, Array, Format
from hal_conformance.numerics.pair import Pair, Quantity

Rule: TypeAlias = "Callable[[Step, Sequence[Quantity]], Sequence[Quantity]]"


@dataclass(frozen=True)
class Entry:
    """One rule with what is known of it."""

    rule: Rule
    since: int
    source: str


@dataclass(frozen=True)
class Step:
    """One node being computed; `attributes` are Python values, defaults filled in.

    `outputs` are the names of the node's outputs, None for one that is not asked for.
    `reference` computes the node itself, in float64 where its inputs are. `primitive` asks
    whether a device is as accurate as the operator's own source says, which grades it; what
    FAILs keeps a factor over that, or follows the operator's function body.
    """

    op: str
    domain: str
    version: int
    attributes: Mapping[str, Any]
    arithmetic: Arithmetic
    outputs: tuple[str | None, ...]
    reference: Callable[[Sequence[Any]], list[Any]]
    primitive: bool = False

    def stored(self, dtype: str) -> Format:
        """The format that a result of that type is rounded to."""
        return self.arithmetic.stored(dtype)

    def rounded(
        self, value: Array, error: Array, dtype: str, ulps: float = 0.5, own: float = 0.5
    ) -> Pair:
        """A result rounded to its type: `ulps` units in the last place more error.

        Half the smallest subnormal is added for results near zero; where the arithmetic
        flushes, the smallest normal number. 0.5 is a correctly rounded operator. `own` is the
        reference's error in ULP of float64. What must overflow is infinite, unless a device may
        keep a wider range than it says: that of a tensor's own type under a narrower
        arithmetic, or float32's inside fused float16. That, and what may overflow, keeps its
        bound, beyond which a verdict accepts infinity, and spans.operand knows.
        """
        kept = self.stored(dtype)
        floor = kept.tiny if self.arithmetic.flushes(dtype) else kept.smallest / 2
        value = np.asarray(value, np.float64)
        with np.errstate(all="ignore"):
            error = np.where(np.isnan(error), np.where(np.isnan(value), 0.0, np.inf), error)
            # The ulp is taken where the device's value may lie, which is the larger binade.
            reach = np.abs(value) + error
            ulp = kept.ulp(np.where(np.isfinite(reach), reach, value))
            total = error + ulps * ulp + floor + own * FORMATS["float64"].ulp(value)
            # From here on, rounding to nearest gives infinity (IEEE 754, 4.3.1).
            limit = kept.largest + kept.ulp(np.asarray(kept.largest)) / 2
            spread = error + max(ulps - 0.5, 0.0) * ulp
            above = np.abs(value) + spread >= limit
            own_range = FORMATS[dtype] if dtype in WIDE else kept
            widest = own_range.largest + own_range.ulp(np.asarray(own_range.largest)) / 2
            below = np.abs(value) - spread >= max(limit, widest)
        if above.any() and kept.name in NO_INFINITY:
            total = np.where(above, np.inf, total)
        elif below.any() and dtype in WIDE:
            value = np.where(below, np.copysign(np.inf, value), value)
            total = np.where(below, 0.0, total)
        # Operands without error that make NaN or infinity make it certain, in whatever range.
        total = np.where(~np.isfinite(value) & (error == 0), 0.0, total)
        return Pair(value, np.asarray(total, np.float64), dtype)


WIDE = frozenset({"float64", "float32", "bfloat16"})
"""Types that devices compute in no wider range than."""

_RULES: dict[tuple[str, str], list[Entry]] = {}


def rule(*ops: str, source: str, since: int = 1, domain: str = "") -> Callable[[Rule], Rule]:
    """Register the decorated function as the rule of these operators."""

    def register(function: Rule) -> Rule:
        for op in ops:
            entries = _RULES.setdefault((domain, op), [])
            if any(entry.since == since for entry in entries):
                raise ValueError(f"{op} has two rules from version {since}")
            entries.append(Entry(function, since, source))
            entries.sort(key=lambda entry: entry.since)
        return function

    return register


def find(op: str, version: int, domain: str = "") -> Entry | None:
    """The rule for a version of an operator, or None."""
    found = [e for e in _RULES.get((domain, op), ()) if e.since <= version]
    return found[-1] if found else None


def all_rules() -> Mapping[tuple[str, str], Sequence[Entry]]:
    """Every rule, by domain and operator."""
    return _RULES
