"""Operators that put elements in order: ArgMax, ArgMin, TopK, NonMaxSuppression.

Values that are picked move by no more than the order statistics of v - e and v + e; a place
is right when its element may have been the one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.elementwise import pairs_of
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import nearest, operand

PLACES = "numerics.md, discontinuous operators: every reachable place is right"


def _error(step: Step, x: Pair) -> Array:
    return operand(step, x) if x.is_float else x.errors()


def _candidates(value: Array, error: Array, *, smallest: bool) -> Array:
    """Which elements may be the extreme along the last axis."""
    number = value.astype(np.float64)
    number = -number if smallest else number
    with np.errstate(all="ignore"):
        least = (number - error).max(axis=-1, keepdims=True)
        return np.asarray((number + error >= least) | np.isnan(least))


@rule("ArgMax", "ArgMin", source=PLACES)
def extreme(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The first extreme, or the last if asked; any that may be it where errors overlap."""
    (x,) = pairs_of(inputs)
    axis = int(step.attributes.get("axis", 0))
    value, error = (np.moveaxis(a, axis, -1) for a in (x.value, _error(step, x)))
    pick = np.argmin if step.op == "ArgMin" else np.argmax
    size = value.shape[-1]
    last = bool(step.attributes.get("select_last_index", 0))
    place = size - 1 - pick(value[..., ::-1], -1) if last else pick(value, -1)
    keep = bool(step.attributes.get("keepdims", 1))

    def shaped(array: Array) -> Array:
        return np.expand_dims(array, axis) if keep else array

    place = np.asarray(place, np.int64)
    index = shaped(place)
    nans = np.isnan(value).any(axis=-1) if x.is_float else np.zeros(place.shape, np.bool_)
    if not error.any() and not nans.any():
        return [Pair(index, None, "int64")]
    candidates = _candidates(value, error, smallest=step.op == "ArgMin")
    # Between exact equals the standard says which; only errors make it ambiguous.
    several = (candidates.sum(-1) > 1) & (np.where(candidates, error, 0).max(-1) > 0)
    ends = candidates.argmax(-1), size - 1 - candidates[..., ::-1].argmax(-1)
    far = np.maximum(place - ends[0], ends[1] - place)
    spread = shaped(np.where(nans, np.inf, np.where(several, far, 0.0)))
    if nans.any() or not several.any():
        return [Pair(index, spread if spread.any() else None, "int64")]

    def accepts(got: Array) -> Array:
        at = np.squeeze(got, axis) if keep else got
        at = np.where(at < 0, at + size, at)
        inside = (at >= 0) & (at < size)
        safe = np.where(inside, at, 0)[..., None]
        may = np.take_along_axis(candidates, safe, -1)[..., 0] & several
        right = (several & may) | (~several & (at == place))
        return shaped(np.asarray(inside & right))

    return [Pair(index, spread, "int64", accepts, int(several.sum()))]


@rule("TopK", source=PLACES + "; order statistics are 1-Lipschitz")
def top(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The p-th largest lies between the p-th largest of v - e and of v + e."""
    pairs = pairs_of(inputs)
    x = pairs[0]
    axis = int(step.attributes.get("axis", -1))
    values, places = (np.asarray(a) for a in step.reference([pair.value for pair in pairs]))
    made = Pair(values, None, x.dtype), Pair(places, None, "int64")
    if len(pairs) > 1 and not pairs[1].is_exact:
        return [pair.unknown() for pair in made]
    error = _error(step, x)
    nans = x.is_float and bool(np.isnan(x.value).any())
    if nans:
        return [pair.unknown() for pair in made]
    if not step.attributes.get("sorted", 1):
        return _unordered(made, error, axis)
    if not error.any():
        return list(made)
    count = values.shape[axis]
    low, high = (_ordered(step, x.value + s * error, axis, count) for s in (-1.0, 1.0))
    with np.errstate(all="ignore"):
        spread = np.maximum(high - values, values - low)
    several = high > low
    number = x.value.astype(np.float64)

    def accepts(got: Array) -> Array:
        size = number.shape[axis]
        inside = (got >= 0) & (got < size)
        safe = np.where(inside, got, 0)
        at, off = (np.take_along_axis(a, safe, axis) for a in (number, error))
        may = (at + off >= low) & (at - off <= high)
        return np.asarray(inside & np.where(several, may, got == places))

    far = np.where(several, number.shape[axis] - 1.0, 0.0)
    jumps = Pair(places, far, "int64", accepts, int(several.sum()))
    return [Pair(values, spread, x.dtype), jumps if several.any() else made[1]]


def _ordered(step: Step, values: Array, axis: int, count: int) -> Array:
    order = np.sort(values, axis=axis)
    order = np.flip(order, axis) if step.attributes.get("largest", 1) else order
    return np.asarray(np.take(order, np.arange(count), axis=axis))


def _unordered(made: tuple[Pair, Pair], error: Array, axis: int) -> list[Quantity]:
    """In any order: the same elements, once sorted; unknown where errors overlap."""
    if error.any() or not made[0].value.size:
        return [pair.unknown() if error.any() else pair for pair in made]

    def same(pair: Pair) -> Pair:
        want = np.sort(pair.value, axis=axis)

        def accepts(got: Array) -> Array:
            return np.asarray(np.sort(got.astype(want.dtype), axis=axis) == want)

        number = want.astype(np.float64)
        wide = number.max(axis, keepdims=True) - number.min(axis, keepdims=True)
        return Pair(pair.value, np.broadcast_to(wide, want.shape).copy(), pair.dtype, accepts)

    return [same(pair) for pair in made]


@rule("NonMaxSuppression", source="ONNX NonMaxSuppression; Higham ASNA 3.1 for the overlaps")
def suppress(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Exact, unless an overlap is so near its threshold that float32 may decide otherwise."""
    values = [value.value if isinstance(value, Pair) else None for value in inputs]
    least = np.finfo(np.float32).min
    absent = [np.array([0]), np.array([0.0]), np.array([least])]
    values += [None] * (5 - len(values))
    values[2:] = [b if a is None else a for a, b in zip(values[2:], absent, strict=True)]
    made = Pair(np.asarray(step.reference(values)[0], np.int64), None, "int64")
    exact = all(value.is_exact for value in inputs if isinstance(value, Pair))
    threshold = values[3] if len(values) > 3 else None
    limit = 0.0 if threshold is None else float(threshold.ravel()[0])
    if exact and not _near(step, np.asarray(values[0], np.float64), limit):
        return [made]
    return [made.unknown()]


def _near(step: Step, boxes: Array, threshold: float) -> bool:
    """Whether any overlap is within its own rounding error of the threshold.

    Sides are off by u each (2 u (|centre| + side) if given by centres), areas by 3 u, the
    union by 12 u: an overlap by less than 20 u of itself.
    """
    unit = FORMATS["float32"].unit
    unit = max(unit, step.stored("float32").unit)
    if step.attributes.get("center_point_box"):
        middle, half = boxes[..., :2], np.abs(boxes[..., 2:]) / 2
        low, high, loss = middle - half, middle + half, 4 * unit * (np.abs(middle) + 2 * half)
    else:
        low = np.minimum(boxes[..., :2], boxes[..., 2:])
        high, loss = np.maximum(boxes[..., :2], boxes[..., 2:]), np.zeros(low.shape)
    a, b = (slice(None), slice(None), None), (slice(None), None)
    with np.errstate(all="ignore"):
        side = np.minimum(high[a], high[b]) - np.maximum(low[a], low[b])
        shared = np.maximum(side, 0.0).prod(-1)
        area = (high - low).prod(-1)
        union = area[a] + area[b] - shared
        overlap = shared / union
        thin = np.max(loss / (high - low), axis=-1, initial=0.0)
        slack = overlap * (20 * unit + 4 * (thin[a] + thin[b]))
        steps = (high - low)[a], (high - low)[b], side, shared, area[a], area[b], union
        clean = np.ones(overlap.shape, np.bool_)
        for number in steps:
            kept = nearest(number, FORMATS["float32"]) == number
            clean &= kept if kept.ndim == clean.ndim else kept.all(-1)
        close = np.abs(overlap - threshold) < slack
        # Without any rounding before it, the quotient is rounded once, to either side or not.
        single = nearest(overlap, FORMATS["float32"])
        jumps = (overlap > threshold) != (single > threshold)
        close = (clean & jumps) | (~clean & close)
    pairs = ~np.eye(boxes.shape[1], dtype=np.bool_)
    return bool((close & pairs).any())
