"""NaN, infinities, signed zeros; casts; whole numbers; ties and their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hal import dtypes
from hal.tensor import Tensor, Value
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
    changing_outputs,
    mapped,
    with_array,
)

FAMILY, CASTS, WHOLE, TIES = "NaN, infinity, zero", "casts", "whole numbers", "ties and order"

_REAL = admitting("float", "double")
_CASTS = among("Cast", "CastLike")
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


def _cast(change: Callable[[Array, Tensor], Array | None]) -> Mutate:
    """Results of a cast recomputed from its input, where `change` gives them."""

    def mutate(call: Call) -> Values:
        results, given = call.evaluate(), call.tensor(0)
        first = results[0]
        if given is None or not isinstance(first, Tensor) or given.dtype.name == "string":
            return results
        with np.errstate(all="ignore"):
            made = change(given.array, first)
        return results if made is None else [with_array(first, made)]

    return mutate


def _limits(tensor: Tensor) -> tuple[int, int] | None:
    name = tensor.dtype.name
    if not name.startswith(("int", "uint")):
        return None
    bits = tensor.dtype.bits
    return (0, 2**bits - 1) if name[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind not in "iub" else array


def _saturating(array: Array, result: Tensor) -> Array | None:
    limits = _limits(result)
    if limits is None:
        return None
    plain = array.astype(np.float64)
    return np.clip(np.trunc(plain), limits[0], limits[1])


def _to_nearest(array: Array, result: Tensor) -> Array | None:
    inside = _limits(result) is not None and array.dtype.kind not in "iub"
    return np.rint(array.astype(np.float64)) if inside else None


def _to_floor(array: Array, result: Tensor) -> Array | None:
    inside = _limits(result) is not None and array.dtype.kind not in "iub"
    return np.floor(array.astype(np.float64)) if inside else None


def _truth_of_whole(array: Array, result: Tensor) -> Array | None:
    if result.dtype.name != "bool":
        return None
    return np.asarray(np.trunc(_wide(array)) != 0)


def _truth_is_positive(array: Array, result: Tensor) -> Array | None:
    return _wide(array) > 0 if result.dtype.name == "bool" else None


def _cut(array: Array, result: Tensor) -> Array | None:
    """Bits cut off, not rounded to nearest."""
    if result.dtype.name not in FORMATS or array.dtype.kind == "b":
        return None
    wide, kind = array.astype(np.float64), FORMATS[result.dtype.name]
    step = kind.ulp(wide)
    return np.where(
        np.isfinite(wide) & (np.abs(wide) < kind.largest), np.trunc(wide / step) * step, wide
    )


def _half_away(array: Array, result: Tensor) -> Array | None:
    if result.dtype.name not in FORMATS or array.dtype.kind == "b":
        return None
    wide, kind = array.astype(np.float64), FORMATS[result.dtype.name]
    step = kind.ulp(wide)
    made = np.sign(wide) * np.floor(np.abs(wide) / step + 0.5) * step
    return np.where(np.isfinite(wide) & (np.abs(wide) < kind.largest), made, wide)


def _by_way_of(name: str) -> Callable[[Array, Tensor], Array | None]:
    def change(array: Array, result: Tensor) -> Array | None:
        if result.dtype.name in ("string", name):
            return None
        there = np.asarray(_wide(array)).astype(dtypes.of_name(name).numpy)
        return there.astype(np.float64) if there.dtype.kind not in "iub" else there

    return change


def _no_overflow(array: Array, result: Tensor) -> Array | None:
    """What overflows becomes the largest finite number."""
    if result.dtype.name not in FORMATS:
        return None
    kind, wide = FORMATS[result.dtype.name], array.astype(np.float64)
    return np.where(
        np.isfinite(wide) & (np.abs(wide) > kind.largest),
        np.sign(wide) * kind.largest,
        result.array.astype(np.float64),
    )


def _small_lost(_array: Array, result: Tensor) -> Array | None:
    if result.dtype.name not in FORMATS:
        return None
    wide = result.array.astype(np.float64)
    return np.where(np.abs(wide) < FORMATS[result.dtype.name].tiny, 0.0, wide)


def _nan_wrong(array: Array, result: Tensor) -> Array | None:
    """NaN becomes the largest number, or zero."""
    if array.dtype.kind in "iub" or result.dtype.name not in FORMATS:
        return None
    wide = result.array.astype(np.float64)
    return np.where(np.isnan(wide), 0.0, wide)


def _rounded_text(call: Call) -> Values:
    """Numbers are written with six digits."""
    results, given = call.evaluate(), call.tensor(0)
    first = results[0]
    if given is None or not isinstance(first, Tensor) or first.dtype.name != "string":
        return results
    if given.array.dtype.kind in "iubO":
        return results
    texts = np.array([f"{float(v):.6f}" for v in given.array.ravel()], object)
    return [Tensor(texts.reshape(first.shape), first.dtype)]


def _casts() -> Iterator[Fault]:
    rows: tuple[tuple[str, str, Callable[[Array, Tensor], Array | None]], ...] = (
        ("saturates", "casts to whole numbers saturate instead of wrapping", _saturating),
        ("to-nearest", "floating point is rounded to whole numbers", _to_nearest),
        ("to-floor", "floating point is rounded down to whole numbers", _to_floor),
        ("truth-of-whole", "0.5 is false", _truth_of_whole),
        ("truth-is-positive", "-1 is false", _truth_is_positive),
        ("cut", "bits are cut off", _cut),
        ("half-away", "ties go away from zero", _half_away),
        ("overflow-saturates", "overflow becomes the largest number", _no_overflow),
        ("subnormals-lost", "subnormal results are zero", _small_lost),
        ("nan-is-0", "NaN becomes zero", _nan_wrong),
        *(
            (f"by-{n}", f"by way of {n}", _by_way_of(n))
            for n in ("float32", "float16", "int32")
        ),
        *((f"by-{n}", f"by way of {n}", _by_way_of(n)) for n in ("float64", "int8", "uint8")),
    )
    for label, summary, change in rows:
        yield Fault(f"cast/{label}", CASTS, summary, _CASTS, _cast(change))
    yield Fault("cast/six-digits", CASTS, "text has six digits", _CASTS, _rounded_text)


def _reread(given: str, taken: str) -> Mutate:
    """Inputs of one type are read as of another of its width."""

    def one(tensor: Tensor) -> Tensor:
        if tensor.dtype.name != given:
            return tensor
        bits = 8 * tensor.array.dtype.itemsize
        there = np.dtype(f"{'u' if taken[0] == 'u' else ''}int{bits}")
        if tensor.dtype.bits < bits or tensor.array.dtype.kind not in "iu":
            return tensor
        return Tensor(tensor.array.view(there), dtypes.of_name(taken))

    def mutate(call: Call) -> Values:
        read = [mapped(value, one) for value in call.inputs]
        if all(a is b for a, b in zip(read, call.inputs, strict=True)):
            return call.evaluate()
        right = call.evaluate()
        wrong = call.evaluate(read)
        return [_as_typed(w, r) for w, r in zip(wrong, right, strict=True)]

    return mutate


def _as_typed(wrong: Value, right: Value) -> Value:
    """A result of the mistaken type in the bytes of the right one."""
    if not isinstance(wrong, Tensor) or not isinstance(right, Tensor):
        return right
    if wrong.dtype == right.dtype:
        return wrong
    return Tensor(wrong.array.astype(right.array.dtype), right.dtype)


def _whole_by(name: str, *given: str) -> Mutate:
    """Whole numbers pass through a narrower type."""

    def one(tensor: Tensor) -> Tensor:
        if tensor.dtype.name not in given:
            return tensor
        with np.errstate(all="ignore"):
            return with_array(tensor, tensor.array.astype(name).astype(tensor.array.dtype))

    return lambda call: [
        mapped(v, one) for v in call.evaluate([mapped(v, one) for v in call.inputs])
    ]


def _wraps_at(bits: int) -> Callable[[Array], Array | None]:
    def change(array: Array) -> Array | None:
        if array.dtype.kind not in "iu":
            return None
        top = np.iinfo(array.dtype)
        return np.clip(
            array, max(top.min, -(2 ** (bits - 1))), min(top.max, 2 ** (bits - 1) - 1)
        )

    return change


def _divides_down(call: Call) -> Values:
    first, right = call.tensor(0), call.array(1)
    if first is None or right is None or first.array.dtype.kind not in "iu":
        return call.evaluate()
    with np.errstate(all="ignore"):
        made = np.floor_divide(first.array, right)
    return [with_array(first, made)]


def _remainder(of: Callable[[Array, Array], Array]) -> Mutate:
    def mutate(call: Call) -> Values:
        first, right = call.tensor(0), call.array(1)
        if first is None or right is None:
            return call.evaluate()
        wide = first.array if first.array.dtype.kind in "iu" else first.array.astype(np.float64)
        with np.errstate(all="ignore"):
            return [with_array(first, of(wide, right.astype(wide.dtype)))]

    return mutate


def _integers() -> Iterator[Fault]:
    for given, taken in (
        ("int8", "uint8"),
        ("uint8", "int8"),
        ("int16", "uint16"),
        ("uint16", "int16"),
        ("int32", "uint32"),
        ("uint32", "int32"),
        ("int64", "uint64"),
        ("uint64", "int64"),
    ):
        yield Fault(
            f"whole/{given}-read-as-{taken}",
            WHOLE,
            f"{given} is read as {taken}",
            admitting(f"({given})"),
            _reread(given, taken),
        )
    widths: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("float32", ("int64", "int32", "uint64", "uint32")),
        ("float64", ("int64", "uint64")),
        ("int32", ("int64",)),
        ("uint32", ("uint64",)),
        ("int16", ("int32",)),
        ("int8", ("int32", "int16")),
    )
    for name, types in widths:
        where = admitting(*(f"({g})" for g in types))
        yield Fault(
            f"whole/by-{name}",
            WHOLE,
            f"{' and '.join(types)} by way of {name}",
            where,
            _whole_by(name, *types),
        )
    for bits in (16, 8):
        yield Fault(
            f"whole/saturates-at-{bits}-bits",
            WHOLE,
            f"whole results saturate at {bits} bits",
            admitting("int32", "int64"),
            changing_outputs(_wraps_at(bits)),
        )
    yield Fault("whole/divides-down", WHOLE, "-7 / 2 is -4", among("Div"), _divides_down)
    for label, of in (("of-c", np.fmod), ("of-python", np.mod)):
        yield Fault(f"whole/remainder-{label}", WHOLE, "the sign", among("Mod"), _remainder(of))
    yield Fault("whole/abs-of-remainder", WHOLE, "no sign", among("Mod"), _remainder(_positive))
    yield Fault(
        "whole/shift-modulo-8",
        WHOLE,
        "shifts count modulo 8",
        among("BitShift"),
        lambda call: call.evaluate(call.replaced(1, _modulo(call.tensor(1), 8))),
    )


def _positive(a: Array, b: Array) -> Array:
    return np.abs(np.fmod(a, b))


def _modulo(tensor: Tensor | None, by: int) -> Tensor | None:
    if tensor is None:
        return None
    return with_array(tensor, tensor.array % tensor.array.dtype.type(by))


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
    yield from _casts()
    yield from _integers()
    yield from _ties()


def is_quantising(operator: Operator) -> bool:
    """Whether an operator rounds to whole numbers by a scale."""
    return _QUANTISED(operator)
