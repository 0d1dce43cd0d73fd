"""What classifiers and regressors of ai.onnx.ml share: transforms of scores, and labels.

PROBIT is left unknown: the reference evaluator and mature runtimes share an approximation of
the inverse error function that is 2e-3 off, and the standard states neither it nor an accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.algebra import allowed, monotone
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.activation import soft_maximum
from hal_conformance.numerics.pair import Accepts, Pair
from hal_conformance.numerics.rules import Step

AI_ONNX_ML = "ai.onnx.ml"
Transform: TypeAlias = Callable[[Step, Pair], Pair]

ZERO = 1e-7
"""What SOFTMAX_ZERO takes for zero, in the reference evaluator and in runtimes."""


def transformed(step: Step, scores: Pair, transform: str) -> Pair:
    """Scores after their post transform, row by row."""
    if transform == "NONE":
        return scores
    table: dict[str, Transform] = {
        "LOGISTIC": logistic,
        "SOFTMAX": soft_maximum,
        "SOFTMAX_ZERO": _softmax_zero,
    }
    made = table.get(transform)
    return scores.unknown() if made is None else made(step, scores)


def logistic(step: Step, scores: Pair) -> Pair:
    """1 / (1 + exp(-x))."""

    def accurate(x: Array) -> Array:
        small = np.exp(-np.abs(x))
        return np.where(x >= 0, 1 / (1 + small), small / (1 + small))

    made = monotone(step, scores, accurate, allowed(step, "Sigmoid", scores.dtype))
    with np.errstate(all="ignore"):
        # Below 0 the reference and runtimes take 1 / (1 + exp(x)) from 1, which cancels.
        apart = np.where(scores.value < 0, 2 * step.stored(scores.dtype).unit, 0.0)
    return Pair(made.value, made.errors() + apart, made.dtype)


def _softmax_zero(step: Step, scores: Pair) -> Pair:
    """A softmax in which scores of zero stay zero; unknown where one is close to that."""
    zero = np.abs(scores.value) <= ZERO
    doubt = (np.abs(np.abs(scores.value) - ZERO) <= scores.errors()) & ~(scores.value == 0)
    plain: Array = np.max(scores.value, axis=-1, keepdims=True, initial=-np.inf)
    with np.errstate(all="ignore"):
        powers = np.where(zero, scores.value * np.exp(-plain), np.exp(scores.value - plain))
        whole: Array = np.sum(powers, axis=-1, keepdims=True)
        value = np.where(whole == 0, 0.5, powers / whole)
    like = soft_maximum(step, scores)
    with np.errstate(all="ignore"):
        relative = (like.errors() / like.value).max(axis=-1, keepdims=True, initial=0.0)
        error = np.where(value == 0, 0.0, relative * 2 * np.abs(value))
    unsure = doubt.any(axis=-1, keepdims=True) | (whole == 0) | (zero & (scores.value != 0))
    return step.rounded(value, np.where(unsure, np.inf, error), scores.dtype)


def unsaid(pair: Pair, where: Array) -> Pair:
    """A tensor in which anything is right where the standard says nothing."""
    if not where.any():
        return pair
    error = pair.errors()

    def accepts(got: Array) -> Array:
        numbers = got.astype(np.float64)
        with np.errstate(invalid="ignore"):
            near = np.abs(numbers - pair.value) <= error
        return np.asarray(where | near | (numbers == pair.value))

    unknown = np.where(where, np.inf, error)
    return replace(pair, error=unknown, accepts=accepts, ambiguous=int(where.sum()))


def labelled(scores: Pair, classes: Sequence[int] | Sequence[str]) -> Pair:
    """The label of the largest score of each row; of any that may be it.

    Equal scores that are certain give the first; where one is NaN, any label is right.
    """
    names = np.array(list(classes), np.int64 if isinstance(classes[0], int) else object)
    best = scores.value.argmax(axis=1)
    highest = np.take_along_axis(scores.value - scores.errors(), best[:, None], axis=1)
    maybe = scores.value + scores.errors() >= highest
    certain = scores.errors() == 0
    maybe &= ~(certain & np.take_along_axis(certain, best[:, None], axis=1))
    maybe |= np.arange(len(names)) == best[:, None]
    maybe |= np.isnan(scores.value).any(axis=1, keepdims=True)
    dtype = "int64" if names.dtype == np.int64 else "string"
    unsure = maybe.sum(axis=1) > 1
    if not unsure.any():
        return Pair(names[best], None, dtype)
    error = np.where(unsure, np.inf, 0.0)
    return Pair(names[best], error, dtype, _one_of(names, maybe), int(unsure.sum()))


def _one_of(names: Array, maybe: Array) -> Accepts:
    def accepts(got: Array) -> Array:
        return np.asarray(((got[:, None] == names[None, :]) & maybe).any(axis=1))

    return accepts


def unlabelled(labels: Pair, where: Array) -> Pair:
    """Labels of which the standard says nothing in some rows."""
    if not where.any():
        return labels
    before = labels.accepts

    def accepts(got: Array) -> Array:
        right = got == labels.value if before is None else before(got)
        return np.asarray(where | right, bool)

    error = np.where(where, np.inf, labels.errors())
    count = labels.ambiguous + int(where.sum())
    return replace(labels, error=error, ambiguous=count, accepts=accepts)
