"""Casts and whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hal import dtypes
from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Values,
    admitting,
    among,
    changing_outputs,
    mapped,
    with_array,
)

CASTS, WHOLE = "casts", "whole numbers"

_CASTS = among("Cast", "CastLike")


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


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _casts()
    yield from _integers()
