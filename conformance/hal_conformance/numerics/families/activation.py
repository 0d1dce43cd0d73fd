"""Softmax and LogSoftmax.

A softmax does not depend on what is subtracted first, so that an error of the maximum cancels;
what remains is the rounding of x - max, of exp, of the sum, and of the division. The online
form (Milakov and Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867)
rescales its partial sums whenever the maximum of a block is larger than all before: one more
exponential and product for each block, in the accumulator's format. Blocks are at least BLOCK
elements long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.algebra import allowed, working
from hal_conformance.numerics.arithmetic import Array, Format
from hal_conformance.numerics.families.contraction import held, needed
from hal_conformance.numerics.functions import ulps
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

Move: TypeAlias = Callable[[Array], Array]

BLOCK = 8
"""The fewest elements an online softmax takes in before it rescales."""

SOFTMAX = "ULP of exp, log and /: numerics/functions.py; sums (n - 1) u"


@dataclass(frozen=True)
class Exponentials:
    """What softmax is made of, along the last axis.

    `shifted` is x - max, `weights` the softmax in float64; `errors` bounds what each share is
    off by for its exponential, `whole` the relative error of their sum.
    """

    shifted: Array
    weights: Array
    log_sum: Array
    errors: Array
    whole: Array


def exponentials(step: Step, x: Pair, kept: Format) -> Exponentials:
    """The exponentials of the last axis with the errors they and their sum may have."""
    summing, count = step.arithmetic.summing(x.dtype), np.shape(x.value)[-1]
    limit = ulps("Exp", kept, primitive=step.primitive)
    with np.errstate(all="ignore"):
        highest = x.value.max(axis=-1, keepdims=True, initial=-np.inf)
        shifted = x.value - highest
        powers = np.exp(shifted)
        total = powers.sum(axis=-1, keepdims=True)
        weights = powers / total
        moved = x.errors() + kept.unit * (np.abs(shifted) + 2 * x.errors())
        moved = np.where(powers == 0, x.errors(), moved)
        relative = np.expm1(moved + (2 * limit + 1) * kept.unit)
        again = ulps("Exp", summing, primitive=step.primitive)
        rescaled = (count // BLOCK) * (2 * again + 2) * summing.unit
        # What is too small for a float64 may be as large as the errors before it let it be.
        hidden = np.exp(shifted + moved) / total
        hidden = np.where(np.isnan(hidden), np.inf, hidden)
        errors = np.where(weights == 0, hidden, weights * relative)
        share = errors.sum(axis=-1, keepdims=True)
        lost = count * (kept.tiny if step.arithmetic.flushes(x.dtype) else kept.smallest)
        whole = share + count * summing.unit + rescaled + lost
    return Exponentials(shifted, weights, np.log(total), errors, whole)


def _along(step: Step, rule_: Callable[[Step, Pair], Pair], x: Pair) -> Pair:
    """A rule of the last axis along the operator's; before version 13 all from it are one."""
    shape, axis = np.shape(x.value), int(step.attributes["axis"])
    rank = len(shape)
    if not rank:
        return rule_(step, x.moved(lambda v: v.reshape(1))).moved(lambda v: v.reshape(()))
    if step.version >= 13:
        result = rule_(step, x.moved(lambda v: np.moveaxis(v, axis, -1)))
        return result.moved(lambda v: np.moveaxis(v, -1, axis))
    axis = axis % rank if axis < rank else axis
    rows = int(np.prod(shape[:axis], initial=1))
    flat = x.moved(lambda v: v.reshape(rows, -1) if v.size else v.reshape(rows, 0))
    return rule_(step, flat).moved(lambda v: v.reshape(shape))


def _inner(step: Step, x: Pair) -> Format:
    """Where the exponentials are kept: the tensor's own type, as the body has it.

    A primitive keeps them in float32.
    """
    return step.stored(working(x.dtype) if step.primitive else x.dtype)


def soft_maximum(step: Step, x: Pair) -> Pair:
    """exp(x) / sum(exp(x)) along the last axis."""
    kept = _inner(step, x)
    given = held(step, x)
    parts = exponentials(step, given, kept)
    with np.errstate(all="ignore"):
        error = (parts.errors + parts.weights * parts.whole) / (1 - parts.whole)
        error = np.where(parts.whole >= 1, np.inf, error)
        # A weight too small for a float64 is no larger on a device than its errors allow.
        error = error + (kept.tiny if step.arithmetic.flushes(x.dtype) else kept.smallest)
    return step.rounded(parts.weights, error, x.dtype, allowed(step, "Div", x.dtype))


def log_soft_maximum(step: Step, x: Pair) -> Pair:
    """x - max - log(sum(exp(x - max))), or x - logsumexp(x), along the last axis."""
    kept = _inner(step, x)
    given = held(step, x)
    parts = exponentials(step, given, kept)
    limit = ulps("Log", kept, primitive=step.primitive)
    with np.errstate(all="ignore"):
        value = parts.shifted - parts.log_sum
        sums = -np.log1p(-np.minimum(parts.whole, 1.0))
        sums = sums + limit * kept.ulp(parts.log_sum + sums) + kept.smallest
        highest = np.abs(given.value.max(axis=-1, keepdims=True, initial=0.0))
        apart = 0.0 if step.primitive else 2 * kept.unit * (highest + parts.log_sum)
        error = given.errors() + kept.unit * np.abs(parts.shifted) + sums + apart
        error = np.where(np.isinf(value) & (given.errors() == 0), 0.0, error)
    return step.rounded(value, error, x.dtype)


@rule("Softmax", source=SOFTMAX, since=1)
def softmax(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Along one axis; before version 13 along all axes from `axis` on, as if they were one."""
    return [_along(step, soft_maximum, needed(inputs))]


@rule("LogSoftmax", source=SOFTMAX, since=1)
def log_softmax(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Along one axis; before version 13 along all axes from `axis` on, as if they were one."""
    return [_along(step, log_soft_maximum, needed(inputs))]
