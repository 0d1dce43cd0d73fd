"""NaN, infinities, signed zeros; ties and their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hal.tensor import Tensor
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.power.catalogue.precision import floats
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    admitting,
    among,
    mapped,
    with_array,
)

FAMILY, TIES = "NaN, infinity, zero", "ties and order"

_REAL = admitting("float", "double")
_QUANTISED = among("QuantizeLinear", "Cast", "CastLike", "DynamicQuantizeLinear")


def _outputs(change: Callable[[Array, Tensor], Array]) -> Mutate:
    return lambda call: [mapped(value, floats(change)) for value in call.evaluate()]


def _inputs(change: Callable[[Array, Tensor], Array]) -> Mutate:
    return lambda call: call.evaluate([mapped(value, floats(change)) for value in call.inputs])


def _largest(tensor: Tensor) -> float:
    return FORMATS[tensor.dtype.name].largest


def _saturated(wide: Array, tensor: Tensor) -> Array:
    return np.where(np.isinf(wide), np.sign(wide) * _largest(tensor), wide)


def _number_wins(keep: Callable[[Array, Array], Array]) -> Mutate:
    """Max and Min that prefer numbers to NaN."""

    def mutate(call: Call) -> Values:
        arrays = [v.array for v in call.inputs if isinstance(v, Tensor)]
        first = call.tensor(0)
        if first is None or first.dtype.name not in FORMATS:
            return call.evaluate()
        result = arrays[0].astype(np.float64)
        for other in arrays[1:]:
            result = keep(result, other.astype(np.float64))
        return [with_array(first, result)]

    return mutate


def _nan_is(value: float) -> Callable[[Array, Tensor], Array]:
    return lambda wide, _: np.where(np.isnan(wide), value, wide)


def _second_wins(op: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """The x86 instruction: the second operand where one is NaN."""
    return lambda a, b: np.where(op(a, b), a, b)


def _specials() -> Iterator[Fault]:
    rows: tuple[tuple[str, str, Mutate], ...] = (
        ("nan-result-is-0", "NaN results become zero", _outputs(_nan_is(0.0))),
        ("nan-input-is-0", "NaN inputs are read as zero", _inputs(_nan_is(0.0))),
        ("nan-is-infinite", "NaN results become infinite", _outputs(_nan_is(np.inf))),
        ("infinity-saturates", "infinite results become the largest", _outputs(_saturated)),
        ("infinite-input-saturates", "infinite inputs are cut", _inputs(_saturated)),
        (
            "infinity-is-nan",
            "infinite results become NaN",
            _outputs(lambda w, _: np.where(np.isinf(w), np.nan, w)),
        ),
        (
            "minus-infinity-is-plus",
            "the sign of infinity is lost",
            _outputs(lambda w, _: np.where(np.isinf(w), np.inf, w)),
        ),
        (
            "minus-zero-input-is-plus",
            "-0 is read as +0",
            _inputs(lambda w, _: np.where(w == 0, 0.0, w)),
        ),
        (
            "minus-zero-result-is-plus",
            "-0 is returned as +0",
            _outputs(lambda w, _: np.where(w == 0, 0.0, w)),
        ),
        ("sign-lost", "results lose their sign", _outputs(lambda w, _: np.abs(w))),
        (
            "negative-is-0",
            "negative results become zero",
            _outputs(lambda w, _: np.maximum(w, 0)),
        ),
        (
            "large-inputs-overflow",
            "inputs beyond 65504 are infinite",
            _inputs(lambda w, _: np.where(np.abs(w) > 65504, np.sign(w) * np.inf, w)),
        ),
    )
    for label, summary, mutate in rows:
        yield Fault(f"special/{label}", FAMILY, summary, _REAL, mutate)
    for label, op, keep in (
        ("max-number-wins", "Max", np.fmax),
        ("min-number-wins", "Min", np.fmin),
        ("max-second-wins", "Max", _second_wins(np.greater)),
        ("min-second-wins", "Min", _second_wins(np.less)),
    ):
        yield Fault(
            f"special/{label}", FAMILY, "NaN is swallowed", among(op), _number_wins(keep)
        )
    yield Fault(
        "special/relu-of-nan-is-0",
        FAMILY,
        "NaN becomes zero, as max(x, 0) does on some machines",
        among("Relu", "Clip", "ReduceMax", "ReduceMin", "MaxPool", "GlobalMaxPool", "Sign"),
        _outputs(_nan_is(0.0)),
    )
    yield Fault(
        "special/comparison-with-nan-true",
        FAMILY,
        "comparisons with NaN are true",
        among("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"),
        _nan_compares,
    )
    yield Fault(
        "special/isinf-positive-only",
        FAMILY,
        "only +infinity is found",
        among("IsInf", "IsNaN"),
        _inputs(lambda w, _: np.where(np.isneginf(w), 0.0, w)),
    )


def _nan_compares(call: Call) -> Values:
    results, left, right = call.evaluate(), call.tensor(0), call.tensor(1)
    first = results[0]
    if left is None or right is None or not isinstance(first, Tensor):
        return results
    if left.dtype.name not in FORMATS:
        return results
    a, b = left.array.astype(np.float64), right.array.astype(np.float64)
    return [with_array(first, first.array | np.isnan(a) | np.isnan(b))]


_HALVES: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("half-away", lambda w: np.sign(w) * np.floor(np.abs(w) + 0.5)),
    ("half-up", lambda w: np.floor(w + 0.5)),
    ("half-down", lambda w: np.ceil(w - 0.5)),
    ("cut", np.trunc),
    ("down", np.floor),
    ("up", np.ceil),
)


def _rounds(how: Callable[[Array], Array]) -> Mutate:
    def change(wide: Array, _: Tensor) -> Array:
        return how(wide)

    return lambda call: [mapped(call.inputs[0], floats(change))]


def _flipped_ties(call: Call) -> Values:
    """Equal elements are found from the end: the axis is flipped, and the index back."""
    given = call.tensor(0)
    if given is None or not given.shape:
        return call.evaluate()
    axis = int(call.attributes.get("axis", 0)) % len(given.shape)
    size = given.shape[axis]
    flipped = with_array(given, np.flip(given.array, axis))
    results = call.evaluate(call.replaced(0, flipped))
    last = results[-1]
    if isinstance(last, Tensor) and last.dtype.name == "int64":
        results[-1] = with_array(last, size - 1 - last.array)
    return results


def _ties() -> Iterator[Fault]:
    for label, how in _HALVES:
        yield Fault(
            f"round/{label}",
            "wrong rounding",
            f"Round goes {label}",
            among("Round"),
            _rounds(how),
        )
    yield Fault(
        "ties/last-first",
        TIES,
        "of equal elements the last is found",
        among("ArgMax", "ArgMin", "TopK"),
        _flipped_ties,
    )
    yield Fault(
        "ties/hardmax-last",
        TIES,
        "of equal elements the last is chosen",
        among("Hardmax"),
        _hardmax_last,
    )
    yield Fault(
        "ties/nms-last",
        TIES,
        "of boxes with equal scores the last comes first",
        among("NonMaxSuppression"),
        _boxes_reversed,
    )
    yield Fault(
        "ties/max-pool-last",
        TIES,
        "of equal elements the last is indexed",
        among("MaxPool"),
        _pool_last,
    )
    yield Fault(
        "ties/unsorted", TIES, "results are not sorted", among("TopK", "Unique"), _unsorted
    )


def _hardmax_last(call: Call) -> Values:
    given = call.tensor(0)
    if given is None or not given.shape:
        return call.evaluate()
    axis = call.attributes.get("axis", -1) % len(given.shape)
    turned = with_array(given, np.flip(given.array, axis))
    return [
        mapped(v, lambda t: with_array(t, np.flip(t.array, axis)))
        for v in call.evaluate(call.replaced(0, turned))
    ]


def _boxes_reversed(call: Call) -> Values:
    boxes, scores = call.tensor(0), call.tensor(1)
    if boxes is None or scores is None:
        return call.evaluate()
    count = boxes.shape[1]
    turned = list(call.inputs)
    turned[0] = with_array(boxes, boxes.array[:, ::-1])
    turned[1] = with_array(scores, scores.array[:, :, ::-1])
    results = call.evaluate(turned)
    first = results[0]
    if isinstance(first, Tensor) and first.array.size:
        made = first.array.copy()
        made[:, 2] = count - 1 - made[:, 2]
        return [with_array(first, made)]
    return results


def _pool_last(call: Call) -> Values:
    """All values a little larger the later they come, for the indices alone."""
    results, given = call.evaluate(), call.tensor(0)
    if len(results) < 2 or given is None:
        return results
    _, places = np.unique(given.array.astype(np.float64), return_inverse=True)
    order = np.arange(given.array.size).reshape(given.shape)
    ranked = places.reshape(given.shape) + order / (2.0 * given.array.size)
    if given.dtype.name not in ("float32", "float64"):
        return results
    return [results[0], call.evaluate([with_array(given, ranked)])[1]]


def _unsorted(call: Call) -> Values:
    results = call.evaluate()
    axis = call.attributes.get("axis")
    place = int(axis) if isinstance(axis, int) and results and call.operator.op == "TopK" else 0
    return [mapped(v, lambda t: with_array(t, np.flip(t.array, place))) for v in results]


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _specials()
    yield from _ties()


def is_quantising(operator: Operator) -> bool:
    """Whether an operator rounds to whole numbers by a scale."""
    return _QUANTISED(operator)
