"""The optimisers of ai.onnx.preview.training: a few products and sums an element.

Inputs are the learning rate, the update count, and then all parameters, all gradients and all
states in groups; outputs are the new parameters, then the new states in the same groups. Each
operation rounds once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from hal_conformance.numerics.algebra import (
    allowed,
    constant,
    minus,
    over,
    plus,
    root,
    times,
    working,
)
from hal_conformance.numerics.families.contraction import held, needed
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

TRAINING = "ai.onnx.preview.training"
IEEE = "IEEE 754 for each operation; OpenCL C 3.0 table 38: sqrt 3, / 2.5 ULP"


def _groups(inputs: Sequence[Quantity], kinds: int) -> list[list[Pair]]:
    """The inputs after the first two: for each parameter its gradient and its states."""
    count = (len(inputs) - 2) // kinds
    return [
        [needed(inputs, 2 + kind * count + k) for kind in range(kinds)] for k in range(count)
    ]


def _in_order(results: Sequence[Sequence[Pair]]) -> list[Quantity]:
    """All first results, then all second ones, and so on."""
    return [pair for kind in zip(*results, strict=True) for pair in kind]


def _regularised(step: Step, x: Pair, gradient: Pair) -> Pair:
    """The gradient with the norm's part in it; nothing is rounded for a coefficient of 0.

    Whether infinity times that 0 is computed is open.
    """
    factor = float(step.attributes["norm_coefficient"])
    if factor == 0:
        given = held(step, gradient)
        error = np.where(np.isfinite(x.value), given.errors(), np.inf)
        return given if np.isfinite(x.value).all() else replace(given, error=error)
    return plus(
        step, times(step, constant(factor, x.dtype), held(step, x)), held(step, gradient)
    )


def _number(step: Step, value: float, dtype: str) -> Pair:
    """A number computed from attributes, rounded once."""
    return step.rounded(np.asarray(value), np.zeros(()), dtype)


def _as_float(pair: Pair, dtype: str) -> Pair:
    return Pair(np.asarray(pair.value, np.float64), pair.error, dtype)


@rule("Adagrad", source=IEEE, domain=TRAINING)
def adagrad(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """x - r g / (sqrt(h + g²) + epsilon) with a decaying rate r."""
    rate, count = needed(inputs), needed(inputs, 1)
    results: list[list[Pair]] = []
    for x, gradient, state in _groups(inputs, 3):
        inner = working(x.dtype)
        decay = float(step.attributes["decay_factor"])
        steps = times(step, _as_float(count, inner), constant(decay, inner))
        slower = over(step, _as_float(rate, inner), plus(step, constant(1.0, inner), steps))
        g = _regularised(step, x, gradient)
        h = plus(step, held(step, state), times(step, g, g))
        below = plus(step, root(step, h), constant(float(step.attributes["epsilon"]), inner))
        update = over(step, times(step, slower, g), below, dtype=x.dtype)
        results.append([minus(step, held(step, x), update), h])
    return _in_order(results)


@rule("Adam", source=IEEE, domain=TRAINING)
def adam(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Momentum over the root of the squared momentum, the rate corrected for its start."""
    rate, count = needed(inputs), needed(inputs, 1)
    alpha, beta = float(step.attributes["alpha"]), float(step.attributes["beta"])
    results: list[list[Pair]] = []
    for x, gradient, first, second in _groups(inputs, 4):
        inner = working(x.dtype)
        g = _regularised(step, x, gradient)
        v = _mixed(step, held(step, first), g, alpha)
        h = _mixed(step, held(step, second), times(step, g, g), beta)
        below = plus(step, root(step, h), constant(float(step.attributes["epsilon"]), inner))
        speed = _corrected(step, _as_float(rate, inner), int(count.value.item()), (alpha, beta))
        moved = minus(step, held(step, x), times(step, speed, over(step, v, below), x.dtype))
        post = float(step.attributes["norm_coefficient_post"])
        shrunk = times(step, _number(step, 1 - post, inner), moved, x.dtype) if post else moved
        results.append([shrunk, v, h])
    return _in_order(results)


def _mixed(step: Step, old: Pair, new: Pair, share: float) -> Pair:
    """share old + (1 - share) new."""
    rest = _number(step, 1 - share, old.dtype)
    return plus(step, times(step, old, constant(share, old.dtype)), times(step, new, rest))


def _corrected(step: Step, rate: Pair, count: int, shares: tuple[float, float]) -> Pair:
    """The rate times sqrt(1 - beta^t) / (1 - alpha^t); itself before the first update.

    beta^t is a power of 16 ULP, and 1 - beta^t cancels: the error is that of beta^t.
    """
    if count <= 0:
        return rate
    power = partial(_power, step, rate.dtype, count)
    one = constant(1.0, rate.dtype)
    first, second = (minus(step, one, power(share)) for share in shares)
    return over(step, times(step, rate, root(step, second)), first)


def _power(step: Step, dtype: str, count: int, share: float) -> Pair:
    limit = allowed(step, "Pow", dtype)
    return step.rounded(np.asarray(share**count), np.zeros(()), dtype, limit)


@rule("Momentum", source=IEEE, domain=TRAINING)
def momentum(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Standard or Nesterov; the gradient counts fully in the first update."""
    rate, count = needed(inputs), needed(inputs, 1)
    alpha = float(step.attributes["alpha"])
    beta = float(step.attributes["beta"]) if int(count.value.item()) > 0 else 1.0
    results: list[list[Pair]] = []
    for x, gradient, state in _groups(inputs, 3):
        inner = working(x.dtype)
        speed, share = _as_float(rate, inner), constant(alpha, inner)
        g = _regularised(step, x, gradient)
        fresh = times(step, constant(beta, inner), g)
        v = plus(step, times(step, share, held(step, state)), fresh)
        along = v
        if step.attributes["mode"] != "standard":
            along = plus(step, g, times(step, share, v))
        results.append([minus(step, held(step, x), times(step, speed, along, x.dtype)), v])
    return _in_order(results)
