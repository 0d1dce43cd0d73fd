"""How accurate functions are: their largest error over a fixed sample, in ulp.

Values are rounded up to a power of two, so that they are stable: "4 ulp" means between 2 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.numerics.arithmetic import FORMATS, Array

COUNT = 4093  # odd: vectors have a tail
Exactly = Callable[[Array], Array]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: Array) -> Array:
    return np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))


def _spread(low: float, high: float) -> Array:
    """Points of both signs from 2^-20 to the ends, half evenly, half by magnitude."""
    even = np.linspace(low, high, COUNT // 2)
    sides = [side for side in (low, high) if side]
    each = -(-(COUNT - COUNT // 2) // len(sides))
    small = [np.copysign(np.geomspace(2.0**-20, abs(side), each), side) for side in sides]
    return np.concatenate([even, *small])[:COUNT].astype(np.float32)


SAMPLES: dict[str, tuple[Array, Exactly]] = {
    "Exp": (_spread(-87, 88), np.exp),
    "Log": (_spread(0, 1e30)[1:], np.log),
    "Tanh": (_spread(-9, 9), np.tanh),
    "Sigmoid": (_spread(-80, 20), _sigmoid),
    "Erf": (_spread(-4, 4), _erf),
    "Sin": (_spread(-3, 3), np.sin),
    "Sqrt": (_spread(0, 1e30), np.sqrt),
    "Reciprocal": (_spread(-1e6, 1e6), lambda x: 1 / x),
}


def _ask(op: str, lab: Lab) -> Seen:
    points, exactly = SAMPLES[op]
    return _accuracy(
        lab.op(op, points).astype(np.float64), exactly(points.astype(np.float64)), points
    )


def _div(lab: Lab) -> Seen:
    random = np.random.Generator(np.random.PCG64(11))
    x, y = (1 + random.integers(0, 1 << 23, (2, COUNT)) * 2.0**-23).astype(np.float32)
    found = lab.op("Div", x, y).astype(np.float64)
    return _accuracy(found, x.astype(np.float64) / y.astype(np.float64), x)


def _accuracy(found: Array, exact: Array, points: Array) -> Seen:
    with np.errstate(all="ignore"):
        errors = np.abs(found - exact) / FORMATS["float32"].ulp(exact)
    errors = np.where(np.isnan(errors), np.inf, errors)
    worst = int(np.argmax(errors))
    seen = f"at most {errors[worst]:.4g} ulp, at {points[worst]:.7g}"
    return Seen(_named(float(errors[worst])), seen)


def _named(error: float) -> str:
    if error <= 0.5 + 2.0**-20:  # the reference itself is a double
        return "correctly rounded"
    if not math.isfinite(error) or error > 2.0**23:
        return "more than 2^23 ulp"
    power = math.ceil(math.log2(error))
    return f"{2 ** max(power, 0)} ulp"


def _double_exp(lab: Lab) -> Seen:
    points = np.linspace(-20, 20, 257)
    with np.errstate(all="ignore"):
        off = np.abs(lab.op("Exp", points) / np.exp(points) - 1)
    worst = float(off.max())
    value = "float64" if worst < 2.0**-45 else "float32" if worst < 2.0**-18 else "neither"
    return Seen(value, f"exp from -20 to 20 is off by at most {worst:.3g} relatively")


def _facts(names: Sequence[str]) -> list[Probe]:
    means = "the largest error over 4,093 points, up to the next power of two"
    return [
        Probe(f"{name.lower()}.float32.error", means, partial(_ask, name)) for name in names
    ]


PROBES = (
    *_facts(list(SAMPLES)),
    Probe("div.float32.error", "the largest error over 4,093 quotients", _div),
    Probe(
        "float64.exp.computed_in",
        "whether exp is as accurate as its type, or as float32",
        _double_exp,
    ),
)
