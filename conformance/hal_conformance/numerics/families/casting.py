"""Cast, CastLike and BitCast: conversions are correctly rounded, and saturate where told to.

Floating point to floating point rounds to nearest even; to whole numbers it truncates, and is
undefined, so unknown, out of range. Whole numbers keep their low bits. Tables: ONNX Cast-25.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from onnx import numpy_helper

from hal import dtypes
from hal_conformance.numerics.algebra import one_of
from hal_conformance.numerics.arithmetic import FORMATS, NO_INFINITY, Array, Format
from hal_conformance.numerics.families.elementwise import pairs_of
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import between, image, nearest, operand, span, undefined

CASTS = "ONNX Cast-25, its tables; IEEE 754-2019, 5.4.2 and 5.8: correctly rounded"

SATURATING = frozenset({"float4e2m1", "float6e2m3", "float6e3m2"})
"""Formats without NaN: they always saturate, and what NaN becomes is open."""

RANGES: dict[str, tuple[int, int]] = {
    "int2": (-2, 1),
    "uint2": (0, 3),
    "int4": (-8, 7),
    "uint4": (0, 15),
    **{
        name: (int(np.iinfo(name).min), int(np.iinfo(name).max))
        for name in (
            *("int8", "int16", "int32", "int64"),
            *("uint8", "uint16", "uint32", "uint64"),
        )
    },
}
"""The least and the greatest whole number of each type."""


@rule("Cast", source=CASTS)
def cast(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """A tensor in the type that `to` says."""
    (x,) = pairs_of(inputs)
    return [converted(step, x, dtypes.of_number(int(step.attributes["to"])).name)]


@rule("CastLike", source=CASTS)
def cast_like(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """A tensor in another's type.

    The body drops `round_mode`, which the schema has: rounding up is right beside it.
    """
    x, like = pairs_of(inputs)
    made = converted(step, x, like.dtype)
    if like.dtype != "float8e8m0" or step.attributes.get("round_mode", "up") == "up":
        return [made]
    plain = {k: v for k, v in step.attributes.items() if k != "round_mode"}
    return [one_of([made, converted(replace(step, attributes=plain), x, like.dtype)])]


def converted(step: Step, x: Pair, to: str) -> Pair:
    """A pair in another type."""
    if x.dtype == to:
        return x
    if x.dtype == "string":
        return _parsed(step, x, to)
    if to == "string":
        return _written(x)
    if to == "bool":
        return _truth(step, x)
    if to in RANGES:
        return _truncated(step, x, to) if x.is_float else _wrapped(x, to)
    return _float(step, x, to)


def _float(step: Step, x: Pair, to: str) -> Pair:
    """To floating point: exact operands are rounded here, as every correct device does."""
    kept, own = step.stored(to), FORMATS[to]
    error = operand(step, x) if x.is_float else x.errors()
    value = x.value.astype(np.float64)
    plain = to in ("float64", "float32", "float16", "bfloat16")
    if plain and (error.any() or kept.name != to):
        if x.is_float and _holds(FORMATS[x.dtype], kept) and _holds(FORMATS[x.dtype], own):
            return Pair(value, error, to)
        # The type's own range is narrower than that of what the device computes in.
        with np.errstate(invalid="ignore"):
            lost = np.where(np.abs(value) <= own.largest, nearest(value, own) - value, 0.0)
        return step.rounded(value, error + np.abs(lost), to, own=1.0)
    if to == "float32" and x.value.dtype.kind in "iu":
        return Pair(x.value.astype(np.float32).astype(np.float64), None, to)
    saturate = bool(step.attributes.get("saturate", 1))
    mode = str(step.attributes.get("round_mode", "up"))
    result, spread = image(lambda v: encoded(v, to, saturate=saturate, mode=mode), value, error)
    if FORMATS[to].precision < 23:
        # On the way through float32 a double, or a whole number, may be rounded twice.
        single = nearest(value, FORMATS["float32"])
        twice = encoded(single, to, saturate=saturate, mode=mode)
        spread = np.maximum(spread, span(result, [twice]))
    if step.arithmetic.flushes(to):
        low = np.abs(result) < kept.tiny
        spread = np.maximum(spread, np.where(low, np.abs(result), 0.0))
    return undefined(Pair(result, spread if spread.any() else None, to), _open(value, to))


def _holds(a: Format, b: Format) -> bool:
    """Whether every number of a format is one of another."""
    return a.precision <= b.precision and a.smallest >= b.smallest and a.largest <= b.largest


def _open(value: Array, to: str) -> Array:
    """Where the standard leaves the result open."""
    if to == "float8e8m0":
        return np.asarray(value <= 0)
    return np.isnan(value) if to in SATURATING else np.zeros(value.shape, np.bool_)


def encoded(value: Array, to: str, *, saturate: bool, mode: str) -> Array:
    """Numbers of a floating-point type, as float64, by the standard's tables."""
    if to == "float8e8m0":
        with np.errstate(all="ignore"):
            single = np.asarray(value, np.float64).astype(np.float32)
        made = numpy_helper.to_float8e8m0(single, saturate, mode)
        return np.asarray(made).astype(np.float64)
    kept = FORMATS[to]
    result = nearest(value, kept)
    if to.startswith("float8") or to in SATURATING:
        infinite = np.isinf(result)
        limit = np.copysign(kept.largest, result)
        if saturate or to in SATURATING:
            result = np.where(infinite, limit, result)
        elif to in NO_INFINITY:
            result = np.where(infinite, np.nan, result)
    return result


def _truth(step: Step, x: Pair) -> Pair:
    """Zero is false, and all else true, NaN too."""
    error = operand(step, x) if x.is_float else x.errors()
    value = np.asarray(x.value.astype(np.float64) != 0)
    with np.errstate(all="ignore"):
        either = (np.abs(x.value.astype(np.float64)) <= error) & (error > 0)
    return between(value & ~either, value, value | either, "bool")


def _truncated(step: Step, x: Pair, to: str) -> Pair:
    """Towards zero; out of range and NaN are undefined.

    The document does not say it. Every runtime and the standard's cases truncate to eight bits
    and more; to two and four bits the standard's own code rounded to nearest until onnx 1.18,
    and truncates since, so that either is right there.
    """
    least, greatest = RANGES[to]
    error = operand(step, x)
    ways = _WAYS if to in _SMALL else _WAYS[:1]
    with np.errstate(all="ignore"):
        middle = np.trunc(x.value)
        low = np.min([way(x.value - error) for way in ways], axis=0)
        high = np.max([way(x.value + error) for way in ways], axis=0)
        # 2^63 is no int64, though float64 rounds its greatest to it.
        inside = (low >= least) & (high <= greatest) & (high < float(greatest) + 1)
        whole = np.where(inside, middle, 0.0)
        wide = whole.astype(np.uint64 if to == "uint64" else np.int64)
    value = wide.astype(dtypes.of_name(to).numpy)
    low, high = np.where(inside, low, 0), np.where(inside, high, 0)
    made = between(low, whole, high, to)
    whole_pair = Pair(value, made.error, to, made.accepts, made.ambiguous)
    return undefined(whole_pair, ~inside & np.isfinite(error))


def _wrapped(x: Pair, to: str) -> Pair:
    """Whole numbers keep their low bits (two's complement)."""
    least, greatest = RANGES[to]
    kind = np.uint64 if x.dtype == "uint64" else np.int64
    with np.errstate(all="ignore"):
        wide = (
            x.value.astype(np.int8).astype(kind) if x.dtype in _SMALL else x.value.astype(kind)
        )
        if to in _SMALL:
            span = greatest - least + 1
            narrow = (wide & kind(span - 1)).astype(np.int64)
            narrow = np.where(narrow > greatest, narrow - span, narrow)
            value = narrow.astype(np.int8).astype(dtypes.of_name(to).numpy)
        else:
            value = wide.astype(dtypes.of_name(to).numpy)
    if x.is_exact:
        return Pair(value, None, to)
    number, error = x.value.astype(np.float64), x.errors()
    inside = (number - error >= least) & (number + error <= greatest)
    return Pair(value, np.where(inside, error, np.inf), to)


_SMALL = frozenset({"int2", "uint2", "int4", "uint4"})
_WAYS: tuple[Callable[[Array], Array], ...] = (
    np.trunc,
    np.rint,
    lambda value: np.copysign(np.floor(np.abs(value) + 0.5), value),
)
"""Towards zero; to nearest, ties to even; to nearest, ties away from zero."""


def _parsed(step: Step, x: Pair, to: str) -> Pair:
    """Text to a number: plain and scientific notation, INF and NaN in any case."""
    words = [str(word) for word in x.value.ravel()]
    if to in RANGES or to == "bool":
        whole = np.array([int(float(word)) if "." in word else int(word) for word in words])
        return Pair(whole.reshape(x.value.shape).astype(dtypes.of_name(to).numpy), None, to)
    number = np.array([float(word) for word in words], np.float64).reshape(x.value.shape)
    return _float(step, Pair(number, None, "float64"), to)


def _written(x: Pair) -> Pair:
    """A number as text: any text that reads as that number, in seven digits or more."""
    text = x.value.astype(np.float64) if x.is_float else x.value
    text = text.astype(np.int8) if x.dtype in _SMALL else text
    if x.dtype == "float32":
        text = text.astype(np.float32)
    value = text.astype(np.str_).astype(object)
    if x.dtype == "bool" and x.is_exact:
        return Pair(value, None, "string", lambda got: _says(got, x.value))
    if not x.is_float:
        return Pair(value, None if x.is_exact else np.full(value.shape, np.inf), "string")
    if not x.is_exact:
        return Pair(value, np.full(value.shape, np.inf), "string")
    digits = 1e-15 if x.dtype == "float64" else 1e-7

    def accepts(got: Array) -> Array:
        pairs = zip(got.ravel(), x.value.ravel(), strict=True)
        right = [_reads(str(word), float(number), digits) for word, number in pairs]
        return np.array(right, np.bool_).reshape(x.value.shape)

    return Pair(value, None, "string", accepts)


def _says(got: Array, truth: Array) -> Array:
    """Truth as text in any of the usual ways: the document has numbers only."""
    words = [str(word).lower() for word in got.ravel()]
    pairs = zip(words, truth.ravel().tolist(), strict=True)
    right = [word in (("true", "1") if true else ("false", "0")) for word, true in pairs]
    return np.array(right, np.bool_).reshape(truth.shape)


def _reads(word: str, number: float, digits: float) -> bool:
    try:
        read = float(word)
    except ValueError:
        return False
    if np.isnan(number):
        return bool(np.isnan(read))
    return read == number or abs(read - number) <= digits * abs(number)


@rule("BitCast", source="ONNX BitCast-26: the same bits in another type")
def bit_cast(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Bits of exact values; of others nothing is known."""
    (x,) = pairs_of(inputs)
    source = dtypes.of_name(x.dtype)
    target = dtypes.of_number(int(step.attributes["to"]))
    array = np.ascontiguousarray(x.value).astype(source.numpy)
    bits = array.view(target.numpy).reshape(np.shape(x.value))
    made = Pair.exact(bits, target.name)
    return [made if x.is_exact else made.unknown()]
