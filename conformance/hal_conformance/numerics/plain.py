"""Operators in float64 and nothing else: what a noisy pass computes thousands of times.

The rules compute the same values with a bound on their errors, which a pass has no use for and
which costs three quarters of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hal_conformance.numerics.families.elementwise import erf
from hal_conformance.numerics.gates import GATES

if TYPE_CHECKING:
    from hal_conformance.numerics.arithmetic import Array
    from hal_conformance.numerics.kernels import Call

Plain: TypeAlias = Callable[..., Any]


def _sigmoid(x: Array) -> Array:
    return GATES["sigmoid"].formula(x, 0.0, 0.0)


PLAIN: Mapping[str, Plain] = {
    "Add": np.add,
    "Div": np.divide,
    "Erf": erf,
    "Exp": np.exp,
    "Log": np.log,
    "Mul": np.multiply,
    "Neg": np.negative,
    "Pow": np.power,
    "Reciprocal": np.reciprocal,
    "Sigmoid": _sigmoid,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tanh": np.tanh,
}
"""Elementwise operators of real numbers, whose outputs have the type of their first input."""


def plain(call: Call) -> Array | None:
    """The operator's output in float64; None where it is not one of these."""
    function = PLAIN.get(call.op)
    if function is None or not all(map(_is_real, call.values)):
        return None
    if call.version < 7 and len(call.values) > 1:
        return None  # these have their own way of broadcasting
    with np.errstate(all="ignore"):
        return np.asarray(function(*call.values), np.float64)


def _is_real(value: Any) -> bool:
    return getattr(value, "dtype", None) == np.float64
