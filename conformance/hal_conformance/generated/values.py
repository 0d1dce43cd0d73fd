"""Value classes: what the elements of an input are, for every element type.

A maker is a function of a stream, a shape and an element type; families name the maker of each
input. `any_` is the everyday one; `special` holds what goes wrong first: NaN, infinities,
signed zeros, subnormals, the ends of the range, ties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated.draw import Draw
from hal_conformance.numerics.arithmetic import FORMATS, Array

Shape: TypeAlias = "tuple[int, ...]"
Maker: TypeAlias = Callable[[Draw, Shape, DType], Array]

WORDS = (
    "",
    "a",
    "B",
    "ab",
    "Abc",
    " pad ",
    "a,b,,c",
    "grün",
    "日本",
    "x y z",
    "0",
    "-1.5",
    "\U0001f600",
)


def as_type(values: Array, dtype: DType) -> Array:
    """The values in an element type: rounded as IEEE says, clipped where out of range."""
    if dtype.name == "string":
        texts = np.empty(values.shape, dtype=object)
        texts[...] = np.array([str(v) for v in values.ravel().tolist()], object).reshape(
            values.shape
        )
        return texts
    if dtype.name == "bool":
        return np.asarray(values != 0)
    if dtype.name.startswith(("int", "uint")):
        low, high = limits(dtype)
        kept = np.clip(values, low, high) if values.dtype != object else values
        return np.asarray(kept).astype(np.int64 if low else np.uint64).astype(dtype.numpy)
    if dtype.name == "float8e8m0":
        values = np.abs(values)
    with np.errstate(all="ignore"):
        return np.asarray(values).astype(dtype.numpy)


def limits(dtype: DType) -> tuple[int, int]:
    """The smallest and largest value of an integer type."""
    if dtype.name.startswith("uint"):
        return 0, 2**dtype.bits - 1
    return -(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1


def is_float(dtype: DType) -> bool:
    """Whether it is a real floating-point type."""
    return dtype.name in FORMATS


def any_(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Everyday numbers: nearly normal, whole ones within 9, words, coins."""
    count = prod(shape)
    if dtype.name == "string":
        return _picked(np.array(WORDS, object), draw, count).reshape(shape)
    if dtype.name == "bool":
        return np.asarray(draw.bits(count) >> np.uint64(63) == 1).reshape(shape)
    if dtype.name.startswith("complex"):
        pair = draw.normal(count) + 1j * draw.normal(count)
        return np.asarray(pair).astype(dtype.numpy).reshape(shape)
    if is_float(dtype):
        return as_type(draw.normal(count), dtype).reshape(shape)
    low, high = limits(dtype)
    return as_type(draw.integers(max(low, -9), min(high, 9) + 1, count), dtype).reshape(shape)


def _picked(items: Array, draw: Draw, count: int) -> Array:
    if not count:
        return items[:0]
    return np.asarray(items[draw.integers(0, len(items), count)])


def between(low: float, high: float) -> Maker:
    """Uniform on a grid between two numbers; whole ones for integer types."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        if is_float(dtype) or dtype.name.startswith("complex"):
            values = low + (high - low) * draw.unit(prod(shape))
        else:
            values = draw.integers(int(low), max(int(high), int(low) + 1), prod(shape))
        return as_type(values, dtype).reshape(shape)

    return make


def nonzero(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Everyday numbers whose sum, product, minimum and maximum are seldom 0, in any type."""
    if is_float(dtype) or dtype.name in ("bool", "string"):
        return any_(draw, shape, dtype)
    drawn = draw.integers(-4, 10, prod(shape))
    drawn = np.where(drawn == 0, 5, drawn)
    low, _ = limits(dtype)
    return as_type(drawn if low else np.abs(drawn), dtype).reshape(shape)


def factors(_draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Numbers whose product stays in range: 3, then 1 and -1, and at times 2 and a half."""
    some = (1, -1, 2, 1, 0.5, 1, 1, -1, 1, 2, 0.5) if is_float(dtype) else (1, 1, -1)
    given = np.resize(np.asarray(some, np.float64), shape)
    less = 2.0 ** -(FORMATS[dtype.name].precision // 2 + 3) if is_float(dtype) else 0.0
    given.reshape(-1)[:1] = 3 + less
    return as_type(np.abs(given) if dtype.name.startswith("uint") else given, dtype)


def absolute(make: Maker) -> Maker:
    """What another maker makes, without signs and zeros."""

    def made(draw: Draw, shape: Shape, dtype: DType) -> Array:
        given = make(draw, shape, dtype)
        if dtype.name in ("bool", "string"):
            return given
        kept = np.abs(given.astype(np.float64))
        return as_type(np.where(kept == 0, 1.0, kept), dtype)

    return made


positive = between(0.25, 4)
small = between(-4, 5)


def whole(low: int, high: int) -> Maker:
    """Whole numbers from low up to, not including, high, in any type."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        return as_type(draw.integers(low, high, prod(shape)), dtype).reshape(shape)

    return make


def fixed(values: Any) -> Maker:
    """These very values."""

    def make(_draw: Draw, shape: Shape, dtype: DType) -> Array:
        if dtype.name == "string":
            texts = np.empty(shape, dtype=object)
            texts[...] = np.array([str(v) for v in np.ravel(values)], object).reshape(shape)
            return texts
        given = np.asarray(values)
        if given.dtype.kind == "O" or given.size == 0:
            return np.asarray(given, dtype.numpy).reshape(shape)
        return as_type(given, dtype).reshape(shape)

    return make


def cycle(values: Sequence[float]) -> Maker:
    """These values, repeated until the shape is full; without their signs where unsigned."""

    def make(_draw: Draw, shape: Shape, dtype: DType) -> Array:
        given = np.resize(np.asarray(values, np.float64), shape)
        return as_type(np.abs(given) if dtype.name.startswith("uint") else given, dtype)

    return make


def wide(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """The whole range: every exponent alike, every integer alike."""
    count = prod(shape)
    if not is_float(dtype):
        if dtype.name in ("string", "bool") or dtype.name.startswith("complex"):
            return any_(draw, shape, dtype)
        raw = draw.bits(count) >> np.uint64(64 - dtype.bits)
        low, high = limits(dtype)
        signed = (
            raw
            if low == 0
            else raw.astype(np.int64) - np.where(raw > high, 2**dtype.bits, 0)
            if dtype.bits < 64
            else raw.astype(np.int64)
        )
        return np.asarray(signed).astype(dtype.numpy).reshape(shape)
    kind = FORMATS[dtype.name]
    emax = int(np.frexp(kind.largest)[1]) - 1
    exponents = draw.integers(kind.emin, emax, count)
    signs = np.where(draw.bits(count) >> np.uint64(63) == 1, -1.0, 1.0)
    values = np.ldexp(1 + draw.unit(count), exponents.astype(np.int32)) * signs
    return as_type(values, dtype).reshape(shape)


def log_between(low: int, high: int) -> Maker:
    """Positive, 2^low to 2^high, every exponent alike."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        exponents = draw.integers(low, high, prod(shape)).astype(np.int32)
        return as_type(np.ldexp(1 + draw.unit(prod(shape)), exponents), dtype).reshape(shape)

    return make


def specials(dtype: DType) -> Array:
    """The values of a type that go wrong first."""
    if dtype.name == "string":
        return np.array(WORDS, object)
    if dtype.name == "bool":
        return np.array([False, True])
    if not is_float(dtype):
        if dtype.name.startswith("complex"):
            return np.array([0, 1, -1, 1j, -1j, 1 + 1j, np.inf, -0.0]).astype(dtype.numpy)
        low, high = limits(dtype)
        some = [0, 1, -1, 2, -2, low, low + 1, high, high - 1, high // 2, high // 2 + 1]
        kept = sorted({v for v in some if low <= v <= high})
        return np.array(kept, np.int64 if low else np.uint64).astype(dtype.numpy)
    kind = FORMATS[dtype.name]
    ulp = 2.0**-kind.precision
    some_floats = [
        *(0.0, 1.0, 0.5, 1.5, 2.0, 2.5, 3.0, 3.5, 0.75, 0.25, 8.0, 10.0, 100.0),
        *(1 + ulp, 1 - ulp / 2, 0.5 - ulp / 4, 2.0 - ulp, kind.largest, kind.largest / 2),
        *(kind.tiny, kind.tiny * (2 - ulp), kind.smallest, 3 * kind.smallest),
        *(kind.tiny - kind.smallest, 2.0**kind.precision, 2.0**kind.precision + 1),
        *(2.0 ** (kind.precision + 1) + 2, 2.0 ** (kind.emin // 2), 3.140625, 1.5703125, 88.5),
    ]
    signed = np.array([s * v for v in some_floats for s in (1.0, -1.0)])
    return as_type(np.concatenate([signed, [np.inf, -np.inf, np.nan]]), dtype)


def special(_draw: Draw, shape: Shape, dtype: DType) -> Array:
    """The special values in turn, until the shape is full."""
    return np.resize(specials(dtype), shape)


def special_rows(_draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Along the first of two axes another special value each: with `special`, every pair."""
    values = specials(dtype)
    return np.asarray(np.broadcast_to(np.resize(values, shape[0])[:, None], shape)).copy()


def finite(_draw: Draw, shape: Shape, dtype: DType) -> Array:
    """The special values that are finite and not extreme: zeros, ties, subnormals."""
    values = specials(dtype)
    if is_float(dtype):
        plain = values.astype(np.float64)
        values = values[np.isfinite(plain) & (np.abs(plain) <= 1024)]
    return np.resize(values, shape)


def every(_draw: Draw, shape: Shape, dtype: DType) -> Array:
    """All bit patterns of a type of at most 16 bits, in order."""
    unsigned = np.arange(2**dtype.bits, dtype=np.uint16 if dtype.bits == 16 else np.uint8)
    if dtype.bits >= 8:
        return unsigned.view(dtype.numpy).reshape(shape)
    low, _ = limits(dtype) if not is_float(dtype) else (0, 0)
    if is_float(dtype):
        return unsigned.view(dtype.numpy).reshape(shape)
    return (unsigned.astype(np.int64) + low).astype(dtype.numpy).reshape(shape)


def every_shape(dtype: DType) -> Shape:
    """The shape that `every` fills."""
    return (256, 256) if dtype.bits == 16 else (2**dtype.bits,)


def cancelling(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Along the last axis, pairs that nearly cancel: x, then -x (1 + 2^-p k)."""
    count = prod(shape)
    first = draw.normal(count)
    ulp = 2.0 ** -(FORMATS[dtype.name].precision if is_float(dtype) else 2)
    near = -first * (1 + ulp * draw.integers(0, 4, count))
    values = np.where(np.arange(count) % 2 == 0, first, np.roll(near, 1))
    return as_type(values, dtype).reshape(shape)


def large_and_small(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """One element in eight is 256 times the others: small terms get lost in narrow sums."""
    count = prod(shape)
    values = draw.normal(count)
    factor = np.where(draw.integers(0, 8, count) == 0, 256.0, 0.5)
    return as_type(values * factor, dtype).reshape(shape)


def ties(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Few distinct values, so that equal ones meet."""
    return as_type(draw.integers(-2, 3, prod(shape)), dtype).reshape(shape)


def halves(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Multiples of one half: ties of rounding."""
    return as_type(draw.integers(-40, 41, prod(shape)) * 0.5, dtype).reshape(shape)


def index(size: int) -> Maker:
    """Positions along an axis, counted from either end."""
    return whole(-size, size)


def shuffled(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """The numbers below the count, each once, in any order."""
    return as_type(draw.permutation(prod(shape)), dtype).reshape(shape)


def telling(dtype: DType) -> Any:
    """One value that the next narrower type does not hold."""
    if dtype.name in ("bool", "string"):
        return True if dtype.name == "bool" else "日本"
    if dtype.name.startswith("complex"):
        return 1 + 2.0**-20 - 3j
    if dtype.name == "float8e8m0":
        return 2.0**40
    if is_float(dtype):
        return 1 + 2.0 ** -FORMATS[dtype.name].precision
    low, high = limits(dtype)
    if dtype.bits == 2:
        return low or 2
    return high - 2 ** (dtype.bits // 2)


def held(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """What must survive being moved: everyday numbers and special values, any whole number."""
    if dtype.name == "string":
        texts = any_(draw, shape, dtype)
        texts.reshape(-1)[:1] = "grün"
        return texts
    if not is_float(dtype) or dtype.name == "float8e8m0":
        return wide(draw, shape, dtype)
    some = specials(dtype)
    values = any_(draw, shape, dtype)
    picked = draw.integers(0, 4, values.size).reshape(shape) == 0
    other = some[draw.integers(0, len(some), values.size)].reshape(shape)
    return np.asarray(np.where(picked, other, values), dtype.numpy)


def broad(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Everyday numbers; whole ones from the whole range."""
    return any_(draw, shape, dtype) if is_float(dtype) else wide(draw, shape, dtype)


def digits(share: float, spare: int = 1) -> Maker:
    """Whole numbers of a share of a type's bits, so that sums or products stay in range."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        low, _ = limits(dtype)
        bits = max(1, int((dtype.bits - (low < 0)) * share) - spare)
        drawn = draw.bits(prod(shape)) >> np.uint64(64 - bits)
        if low == 0:
            return np.asarray(drawn).astype(dtype.numpy).reshape(shape)
        signs = np.where(draw.bits(prod(shape)) >> np.uint64(63) == 1, -1, 1)
        return np.asarray(drawn.astype(np.int64) * signs).astype(dtype.numpy).reshape(shape)

    return make


def ample(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Everyday numbers; whole ones of more than half of the bits, whose sums fit."""
    if is_float(dtype) or dtype.name in ("string", "bool"):
        return any_(draw, shape, dtype)
    return digits(0.6)(draw, shape, dtype)


def twins(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Numbers that differ, and become alike in the next narrower type."""
    count = prod(shape)
    if not is_float(dtype):
        if dtype.name in ("string", "bool") or dtype.name.startswith("complex"):
            return any_(draw, shape, dtype)
        low, _ = limits(dtype)
        high = draw.integers(-2 if low else 0, 2 if low else 4, count)
        made = high * 2 ** (dtype.bits // 2) + draw.integers(0, 2, count)
        return as_type(made, dtype).reshape(shape)
    ulp = 2.0 ** -FORMATS[dtype.name].precision
    made = draw.integers(1, 4, count) + draw.integers(0, 4, count) * ulp * 2
    return as_type(made, dtype).reshape(shape)


def vanishing(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Zeros, and numbers that become zero in the next narrower type."""
    zero = draw.integers(0, 3, prod(shape)) == 0
    if not is_float(dtype):
        if dtype.name in ("string", "bool"):
            return any_(draw, shape, dtype)
        if dtype.name.startswith("complex"):
            tiny = 1e-30 if dtype.name == "complex64" else 1e-60
            return np.where(zero, 0, 1j * tiny).astype(dtype.numpy).reshape(shape)
        made = np.where(zero, 0, 2 ** (dtype.bits // 2))
        return as_type(made, dtype).reshape(shape)
    made = np.where(zero, 0.0, FORMATS[dtype.name].smallest)
    return as_type(made, dtype).reshape(shape)
