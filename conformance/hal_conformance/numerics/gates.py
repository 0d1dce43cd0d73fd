"""The activations of recurrent operators, as rules on pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.algebra import monotone
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.functions import ulps
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.rules import Step

Activation: TypeAlias = Callable[[Pair], Pair]
Formula: TypeAlias = Callable[[Array, float, float], Array]


@dataclass(frozen=True, slots=True)
class Gate:
    """A function of x, alpha and beta, monotone in x for the parameters in use.

    `like` is the operator whose accuracy it has, `more` the ULP its further products have,
    `alpha` and `beta` what holds where none is given, None where there is no such parameter.
    `scales` says that x is multiplied by alpha (or beta) before the function.
    """

    formula: Formula
    like: str | None = None
    more: float = 0.0
    alpha: float | None = None
    beta: float | None = None
    scales: bool = False


def _logistic(x: Array, _alpha: float, _beta: float) -> Array:
    """1 / (1 + e^-x), accurate at both ends."""
    power = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, power) / (1.0 + power))


GATES: Mapping[str, Gate] = {
    "tanh": Gate(lambda x, _a, _b: np.tanh(x), "Tanh"),
    "sigmoid": Gate(_logistic, "Sigmoid"),
    "relu": Gate(lambda x, _a, _b: np.maximum(x, 0.0)),
    "affine": Gate(lambda x, a, b: a * x + b, None, 0.5, 1.0, 0.0, scales=True),
    "leakyrelu": Gate(lambda x, a, _b: np.where(x >= 0, x, a * x), None, 0.5, 0.01),
    "thresholdedrelu": Gate(lambda x, a, _b: np.where(x >= a, x, 0.0), alpha=1.0),
    "scaledtanh": Gate(lambda x, a, b: a * np.tanh(b * x), "Tanh", 1.0, 1.0, 1.0, scales=True),
    "hardsigmoid": Gate(
        lambda x, a, b: np.clip(a * x + b, 0.0, 1.0), None, 0.5, 0.2, 0.5, scales=True
    ),
    "elu": Gate(
        lambda x, a, _b: np.where(x >= 0, x, a * np.expm1(np.minimum(x, 0))), "Elu", 0.5, 1.0
    ),
    "softsign": Gate(lambda x, _a, _b: x / (1 + np.abs(x)), "Softsign"),
    "softplus": Gate(lambda x, _a, _b: np.logaddexp(0.0, x), "Softplus"),
}
"""By the names of the operator documents, in lower case."""


def activations(
    step: Step, defaults: Sequence[str], directions: int, unclipped: int | None = None
) -> list[list[Activation]]:
    """The activations of each direction.

    Alphas and betas go, in order, to the activations that have one. `unclipped` is the place
    of one that the cell's clip passes over.
    """
    width = len(defaults)
    names = list(step.attributes.get("activations") or [])
    names = names if len(names) >= directions * width else [*defaults] * directions
    alphas = iter(step.attributes.get("activation_alpha") or [])
    betas = iter(step.attributes.get("activation_beta") or [])
    made = list[Activation]()
    for place, name in enumerate(names[: directions * width]):
        gate = GATES[name.lower()]
        alpha = 0.0 if gate.alpha is None else next(alphas, gate.alpha)
        beta = 0.0 if gate.beta is None else next(betas, gate.beta)
        limit = float(step.attributes.get("clip") or np.inf)
        limit = np.inf if place % width == unclipped else limit
        made.append(_activation(step, gate, (alpha, beta), limit))
    return [made[k * width : (k + 1) * width] for k in range(directions)]


def _activation(
    step: Step, gate: Gate, parameters: tuple[float, float], limit: float
) -> Activation:
    """An activation of a pair that the cell's clip has bounded."""
    alpha, beta = parameters
    scale = beta if gate.like else alpha
    slope = abs(alpha) if gate.like else 1.0

    def activate(x: Pair) -> Pair:
        kept = step.stored(x.dtype)
        ulp = gate.more
        if gate.like is not None:
            ulp += ulps(gate.like, kept, primitive=step.primitive)
        bounded = _clipped(x, limit)
        made = monotone(step, bounded, lambda a: gate.formula(a, alpha, beta), ulp)
        if not gate.scales:
            return made
        inner = 2 * kept.unit * slope * np.abs(scale * bounded.value)
        return replace(made, error=made.errors() + inner)

    return activate


@np.errstate(all="ignore")
def _clipped(x: Pair, limit: float) -> Pair:
    """Clip is 1-Lipschitz: what moves is what the ends of the interval do."""
    if not np.isfinite(limit):
        return x
    value = np.clip(x.value, -limit, limit)
    if x.error is None:
        return replace(x, value=value)
    above = np.clip(x.value + x.error, -limit, limit) - value
    below = value - np.clip(x.value - x.error, -limit, limit)
    return replace(x, value=value, error=np.maximum(above, below), accepts=None)
