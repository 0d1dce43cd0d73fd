"""One tensor against its bound, element by element; what `verdict` is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hal_conformance.numerics.arithmetic import FORMATS, NO_INFINITY, Arithmetic, Array, Format
from hal_conformance.numerics.pair import Pair

COMPONENT = {"complex64": "float32", "complex128": "float64"}
"""The real type of a complex one."""


@dataclass(frozen=True)
class Elements:
    """How each element compared.

    `ratio` is (d - r) / B with its sign, infinite where it is wrong and no number, 0 where it
    is right and none; `known` says where there is a bound at all; `ulps` the error in units of
    the last place of the tensor's own type, None where that means nothing; `accurate` whether
    every element is as near as a primitive must come.
    """

    right: Array
    known: Array
    ratio: Array
    ulps: Array | None
    accurate: bool

    def worst(self) -> tuple[float, tuple[int, ...] | None]:
        """The largest |d - r| / B of those that have a bound, and its place."""
        if not self.right.size or not self.known.any():
            return 0.0, None
        size = np.where(self.known, np.abs(self.ratio), -1.0)
        place = np.unravel_index(int(np.argmax(size)), size.shape)
        return float(size[place]), tuple(int(k) for k in place)

    def median(self) -> float | None:
        """The median of |d - r| / B."""
        ratio = self.ratio[self.known]
        return float(np.median(np.abs(ratio))) if ratio.size else None

    def bias(self) -> float | None:
        """The mean of (d - r) / B over the elements where it is a number."""
        ratio = self.ratio[self.known & np.isfinite(self.ratio)]
        return float(np.mean(ratio)) if ratio.size else None

    def ulp(self) -> float | None:
        """The largest error in units of the last place; None where that means nothing."""
        if self.ulps is None:
            return None
        return float(self.ulps.max(initial=0.0))

    def example(self, name: str, got: Array, pair: Pair, wrong: Array) -> str:
        """The worst of the wrong elements, in words."""
        size = np.where(wrong, np.nan_to_num(np.abs(self.ratio), posinf=np.inf), -1.0)
        place = np.unravel_index(int(np.argmax(size)), size.shape)
        index = f"[{','.join(str(int(k)) for k in place)}]" if place else ""
        text = f"{name}{index}: got {got[place]!s:.60}, expected {pair.value[place]!s:.60}"
        bound = pair.errors()[place]
        if pair.error is not None and np.isfinite(self.ratio[place]):
            times = abs(self.ratio[place])
            text += f", {times:.4g} times the bound {bound:.4g} away"
        return f"{text}; {int(np.count_nonzero(wrong))} of {wrong.size} elements are wrong"


def compared(
    got: Array, pair: Pair, arithmetic: Arithmetic, primitive: Pair | None
) -> Elements:
    """Compare a device's array with a pair of its shape and type.

    `primitive` has the tighter bound of grade A; without one, only equal values have it.
    """
    component = COMPONENT.get(pair.dtype, pair.dtype)
    if component not in FORMATS:
        return _discrete(got, pair)
    own, stored = FORMATS[component], arithmetic.stored(component)
    actual = got.astype(np.complex128 if component != pair.dtype else np.float64)
    value, bound = np.asarray(pair.value), pair.errors()
    with np.errstate(all="ignore"):
        difference = actual - value
        error = np.abs(difference)
        same = (actual == value) | (np.isnan(actual) & np.isnan(value))
        overflow = _overflows(actual, value, bound, stored)
        right = (error <= bound) | same | overflow
        unknown = np.isposinf(bound) | (np.isnan(bound) & np.isfinite(value))
        if pair.accepts is not None:
            right = same | np.asarray(pair.accepts(got), bool) | overflow & np.isfinite(bound)
            unknown = np.zeros_like(unknown)
        near = pair.accepts is not None or (
            primitive is not None and error <= primitive.errors()
        )
        settled = same | overflow
        ulps = np.where(settled, 0.0, error / own.ulp(np.abs(value)))
        ratio = np.where(settled, 0.0, difference.real / bound)
        if component != pair.dtype:
            ratio = np.where(settled, 0.0, error / bound)
    return Elements(
        np.asarray(right),
        np.asarray(~unknown),
        _numbers(ratio, right),
        np.abs(_numbers(ulps, right)),
        bool((right & (near | settled)).all()),
    )


def _discrete(got: Array, pair: Pair) -> Elements:
    """Whole numbers, booleans and text: equal, or within a bound that somebody gave."""
    right = np.asarray(got == pair.value, bool)
    known = np.ones(right.shape, bool)
    ratio = np.where(right, 0.0, np.inf)
    if pair.accepts is not None:
        right = right | np.asarray(pair.accepts(got), bool)
    elif pair.error is not None and got.dtype.kind != "O":
        known = np.isfinite(pair.error)
        with np.errstate(all="ignore"):
            difference = got.astype(np.float64) - pair.value.astype(np.float64)
            ratio = np.where(right, 0.0, difference / pair.error)
        right = right | (np.abs(difference) <= pair.error)
    elif pair.error is not None:
        known = np.isfinite(pair.error)
    return Elements(right, known, _numbers(ratio, right), None, bool(right.all()))


def _overflows(actual: Array, value: Array, bound: Array, stored: Format) -> Array:
    """Where the device's infinity stands for a number that passes the largest finite one."""
    if np.iscomplexobj(value):
        return np.asarray(np.isinf(actual) & (np.abs(value) + bound > stored.largest))
    above = value + bound > stored.largest
    below = value - bound < -stored.largest
    passed = (np.isposinf(actual) & above) | (np.isneginf(actual) & below)
    if stored.name in NO_INFINITY:
        passed |= np.isnan(actual) & (above | below)
    return np.asarray(passed)


def _numbers(ratio: Array, right: Array) -> Array:
    """Ratios that are numbers; elsewhere 0 if right and infinity if wrong."""
    ratio = np.asarray(ratio, np.float64)
    return np.where(np.isfinite(ratio), ratio, np.where(right, 0.0, np.inf))
