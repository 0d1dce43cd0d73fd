"""Sums of products: MatMul, Gemm, Einsum, and the primitives that other families build on.

`product` bounds any bilinear map (a convolution is one), `contract` an einsum of two pairs,
`total` a sum along axes; `plus` and `scaled` are the additions and scalings around them. Each
returns what a device of the step's arithmetic may hold: `product` and `total` in its
accumulator, the others rounded to a result's type.

An n-term sum of products is within n u of Σ |a_i b_i| whatever the order and for every n, and
a sum of n numbers within (n - 1) u of Σ |a_i|: Jeannerod and Rump, Improved error bounds for
inner products in floating-point arithmetic, SIAM J. Matrix Anal. Appl. 34(2), 2013; the older
n u / (1 - n u) (Higham, Accuracy and Stability, 3.1) needs n u < 1. A chain of fused
multiply-adds keeps to n u as well: the rounding of s + p is at most min(|p|, u |s + p|) where s
is a floating-point number, which is all that their proof for recursive summation uses.
Past n u = 0.25 the bound says nothing worth having, and is left unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.arithmetic import FORMATS, Array, Format
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.subscripts import einsum_of, terms_of

Bilinear: TypeAlias = Callable[[Array, Array], Array]
"""A map linear in both arguments, whose coefficients are zeros and ones."""

LIMIT = 0.25
"""The n u beyond which an accumulation is UNJUDGED."""

JEANNEROD_RUMP = "Jeannerod and Rump 2013: n u Σ|ab| for every order and n"
_DOUBLE = FORMATS["float64"]


def pairs_of(inputs: Sequence[Quantity]) -> list[Pair | None]:
    """The inputs as pairs.

    Raises:
        TypeError: one is a sequence or a map.
    """
    if any(isinstance(value, (list, Table)) for value in inputs):
        raise TypeError("a tensor is needed here, neither a sequence nor a map")
    return [value for value in inputs if not isinstance(value, (list, Table))]


def needed(inputs: Sequence[Quantity], index: int = 0) -> Pair:
    """The input at `index`.

    Raises:
        TypeError: it is absent or a sequence.
    """
    value = inputs[index]
    if not isinstance(value, Pair):
        raise TypeError(f"input {index} is needed here, and is {type(value).__name__}")
    return value


def by_reference(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The outputs as the reference computes them: for operators on whole numbers.

    They are exact where every input is, and otherwise unknown.
    """
    given = pairs_of(inputs)
    results = step.reference([None if pair is None else pair.value for pair in given])
    exact = all(pair is None or pair.is_exact for pair in given)
    made = [None if r is None else Pair.exact(np.asarray(r)) for r in results]
    return [pair if exact or pair is None else pair.unknown() for pair in made]


def rounding(format_: Format, pair: Pair, *, flush: bool) -> Array:
    """The error of rounding each element of a pair to a format: zero where it fits exactly."""
    fits = pair.dtype in FORMATS and FORMATS[pair.dtype].precision <= format_.precision
    narrow = not fits or FORMATS[pair.dtype].emin < format_.emin
    with np.errstate(all="ignore"):
        reach = np.abs(pair.value) + pair.errors()
        error = np.zeros(np.shape(reach), np.float64)
        if narrow:
            error = np.minimum(format_.unit * reach + format_.smallest / 2, reach)
            error = np.where(reach > format_.largest, np.inf, error)
            error = np.where(_held(format_, pair), 0.0, error)
        if flush:
            low = np.abs(pair.value) - pair.errors() < format_.tiny
            error = np.where(low, np.maximum(error, np.minimum(reach, format_.tiny)), error)
    return np.where(np.isfinite(pair.value), error, 0.0)


def operand(step: Step, pair: Pair) -> Pair:
    """A pair as a contraction sees it: rounded to the format of its operands.

    An element that has an error was stored by the operator it came from, so that it is rounded
    again only where operands are narrower than what is stored (tf32).
    """
    format_ = step.arithmetic.operand(pair.dtype)
    kept = step.stored(pair.dtype)
    again = kept.precision > format_.precision or kept.emin < format_.emin
    return _rounded_to(step, pair, format_, again=again)


def held(step: Step, pair: Pair) -> Pair:
    """A pair as a device keeps it: a float32 input under bf16 arrives rounded to bfloat16."""
    return _rounded_to(step, pair, step.stored(pair.dtype), again=False)


def product(
    step: Step,
    a: Pair,
    b: Pair,
    bilinear: Bilinear,
    terms: Array | float,
    spread: Array | None = None,
) -> Pair:
    """A bilinear map of two pairs as sums of `terms` products, in the accumulator's format.

    The error is |A| e_B + e_A |B| + e_A e_B + n u (|A| + e_A)(|B| + e_B), with the rounding of
    the operands in e_A and e_B. `spread` replaces |A| + e_A in the last term, for algorithms
    whose rounding errors do not stay with the terms they came from.

    Args:
        step: whose arithmetic it is.
        a: the left operand.
        b: the right operand.
        bilinear: the map, on float64 arrays.
        terms: the number of products in each element of the result, or in all of them.
        spread: what rounding errors are proportional to, instead of |A| + e_A.
    """
    summing = step.arithmetic.summing(a.dtype)
    left, right = operand(step, a), operand(step, b)
    with np.errstate(all="ignore"):
        value = np.asarray(bilinear(a.value, b.value))
        error = _propagated(left, right, bilinear)
        high, wide = _reach(left), _reach(right)
        sums = np.asarray(bilinear(high if spread is None else spread, wide))
        grown = _grown(summing, sums, terms)
        if _underflows(step, summing, left, right):
            grown = grown + np.where(sums == 0, 0.0, _floor(step, summing, a.dtype) * terms)
        total_error = np.where(sums + grown > summing.largest, np.inf, error + grown)
        total_error = _special(value, total_error, a, b, bilinear)
    return Pair(value, np.asarray(total_error, np.float64), a.dtype)


def contract(step: Step, a: Pair, b: Pair, subscripts: str, dtype: str | None = None) -> Pair:
    """An einsum of two pairs, rounded to `dtype` (by default the type of the left one)."""
    summed = product(step, a, b, einsum_of(subscripts), terms_of(subscripts, a.value, b.value))
    return step.rounded(summed.value, summed.errors(), dtype or a.dtype)


def total(
    step: Step, a: Pair, axes: tuple[int, ...] | None = None, *, keepdims: bool = False
) -> Pair:
    """The sum along axes (all by default), in the accumulator's format."""
    summing = step.arithmetic.summing(a.dtype)
    kept = held(step, a)

    def fold(array: Array) -> Array:
        return np.asarray(np.sum(array, axis=axes, keepdims=keepdims))

    with np.errstate(all="ignore"):
        value = fold(a.value)
        terms = np.size(a.value) // max(1, np.size(value))
        if terms <= 1 and kept.error is None:
            return Pair(value, None, a.dtype)
        sums = fold(_reach(kept))
        grown = _grown(summing, sums, max(0, terms - 1))
        if step.arithmetic.flushes(a.dtype):
            grown = grown + np.where(sums == 0, 0.0, summing.tiny * (terms - 1))
        if FORMATS[a.dtype].emin < summing.emin:
            grown = grown + np.where(sums == 0, 0.0, summing.smallest / 2 * terms)
        error = np.where(sums + grown > summing.largest, np.inf, fold(kept.errors()) + grown)
        error = np.where(np.isfinite(value), error, fold(a.errors()))
    return Pair(value, np.asarray(error, np.float64), a.dtype)


def plus(step: Step, a: Pair, b: Pair) -> Pair:
    """The sum of two pairs, rounded to the type of the first."""
    with np.errstate(all="ignore"):
        return step.rounded(a.value + b.value, a.errors() + b.errors(), a.dtype)


def gathered(step: Step, parts: Sequence[Pair], terms: Array | float = 0) -> Pair:
    """The sum of several pairs in any order, each partial sum stored.

    Some of the parts are sums of `terms` products in all; a device may start one of these from
    what the other parts come to, which is then rounded at every addition.
    """
    first = parts[0]
    kept, summing = step.stored(first.dtype), step.arithmetic.summing(first.dtype)
    with np.errstate(all="ignore"):
        value = sum((part.value for part in parts[1:]), first.value)
        error = sum((part.errors() for part in parts[1:]), first.errors())
        reach = sum((_reach(part) for part in parts[1:]), _reach(first))
        grown = (growth(len(parts) - 1, kept.unit) + growth(terms, summing.unit)) * reach
        if step.arithmetic.flushes(first.dtype):
            grown = grown + kept.tiny * (len(parts) - 1)
    return step.rounded(np.asarray(value), np.asarray(error + grown), first.dtype, 0.0)


def biased(step: Step, summed: Pair, bias: Pair, terms: Array | float) -> Pair:
    """A sum of `terms` products and a bias, which may be what the sum starts from."""
    made = plus(step, summed, bias)
    with np.errstate(all="ignore"):
        start = growth(terms, step.arithmetic.summing(summed.dtype).unit) * _reach(bias)
    return replace(made, error=made.errors() + np.where(np.isfinite(made.value), start, 0.0))


def started(step: Step, made: Pair, terms: Array | float) -> Pair:
    """A sum of products that a device may fuse with the addition of what follows it."""
    unit = step.arithmetic.summing(made.dtype).unit
    grown = float(np.max(growth(terms, unit), initial=0.0))
    return made if step.primitive or made.error is None else replace(made, growth=grown)


def scaled(step: Step, a: Pair, factor: float) -> Pair:
    """A pair times an exact factor, rounded to its type; nothing is added for a factor of 1."""
    if factor == 1.0:
        return a
    return step.rounded(a.value * factor, a.errors() * abs(factor), a.dtype)


def stored(step: Step, a: Pair) -> Pair:
    """An accumulator's value, rounded to its type; what is exactly zero stays so."""
    if a.error is None:
        return a
    made = step.rounded(a.value, a.error, a.dtype)
    zero = (a.value == 0) & (a.error == 0)
    return replace(made, error=np.where(zero, 0.0, made.errors()))


def growth(terms: Array | float, unit: float) -> Array:
    """n u, and the n u of the reference's own float64 sums; infinite past the limit."""
    grown = np.asarray(terms, np.float64) * unit
    return np.where(grown > LIMIT, np.inf, grown + np.asarray(terms) * _DOUBLE.unit)


def between(step: Step, a: Pair) -> Pair:
    """A value between two parts of one operator: a device that splits them stores it.

    A primitive keeps it in its accumulator. What overflows in storage may yet be finite on a
    device that does not store it: nothing is known of it.
    """
    return a if step.primitive else passing(step, a, stored(step, a))


def passing(step: Step, a: Pair, made: Pair) -> Pair:
    """What `made` of a says of a value that some devices never store."""
    with np.errstate(all="ignore"):
        over = np.abs(made.value) + made.errors() > step.stored(made.dtype).largest
    lost = np.isfinite(a.value) & over
    if not lost.any():
        return made
    error = np.where(lost, np.inf, made.errors())
    return replace(made, value=np.where(lost, a.value, made.value), error=error)


@rule("MatMul", source=JEANNEROD_RUMP)
def matmul(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """K products an element."""
    a, b = needed(inputs), needed(inputs, 1)
    if not a.is_float:
        return by_reference(step, inputs)
    terms = np.shape(a.value)[-1]
    return [started(step, stored(step, product(step, a, b, np.matmul, terms)), terms)]


@rule("Gemm", source=JEANNEROD_RUMP)
def gemm(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """alpha A' B' + beta C; a device may round after the product and after each scaling."""
    a, b = needed(inputs), needed(inputs, 1)
    if not a.is_float:
        return by_reference(step, inputs)
    attributes = step.attributes
    a = a.moved(np.transpose) if attributes["transA"] else a
    b = b.moved(np.transpose) if attributes["transB"] else b
    summed = product(step, a, b, np.matmul, np.shape(a.value)[-1])
    bias = inputs[2] if len(inputs) > 2 else None
    alpha, beta = attributes["alpha"], attributes["beta"]
    if not isinstance(bias, Pair):
        kept = stored(step, summed) if alpha == 1 else between(step, summed)
        return [started(step, scaled(step, kept, alpha), np.shape(a.value)[-1])]
    kept = between(step, summed)
    kept = passing(step, replace(kept, value=kept.value * alpha), scaled(step, kept, alpha))
    added = scaled(step, held(step, bias), beta)
    return [biased(step, kept, added, np.shape(a.value)[-1])]


@rule("Einsum", source=JEANNEROD_RUMP)
def einsum(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Products of all operands summed over the letters that the result lacks, in any order."""
    operands = [needed(inputs, index) for index in range(len(inputs))]
    if not operands[0].is_float:
        return by_reference(step, inputs)
    subscripts = step.attributes["equation"].replace(" ", "")
    if len(operands) == 2:
        return [contract(step, operands[0], operands[1], subscripts)]
    return [_many(step, operands, subscripts)]


def _many(step: Step, operands: Sequence[Pair], subscripts: str) -> Pair:
    """One operand, or three and more: partial results may be stored and rounded again.

    However the sums nest, a product passes at most one rounding for each of the n terms and k
    operands; the error of the operands is Π(|A_i| + e_i) - Π|A_i|.
    """
    first = operands[0]
    summing, kept = step.arithmetic.summing(first.dtype), step.stored(first.dtype)
    many = len(operands) > 1
    if not many and terms_of(subscripts, first.value) == 1:
        return held(step, first).moved(einsum_of(subscripts))
    given = [operand(step, pair) if many else held(step, pair) for pair in operands]
    arrays = [pair.value for pair in operands]
    terms = terms_of(subscripts, *arrays) + len(operands) - 2
    with np.errstate(all="ignore"):
        fold = einsum_of(subscripts)
        value = np.asarray(fold(*arrays))
        sums = np.asarray(fold(*[_reach(pair) for pair in given]))
        exact = np.asarray(fold(*[np.abs(pair.value) for pair in given]))
        inner = max(0, len(operands) - 2) * (kept.unit + step.arithmetic.inputs.unit)
        grown = _grown(summing, sums, terms) + inner * sums
        floor = terms * _floor(step, summing, first.dtype) if many else 0.0
        error = np.maximum(sums - exact, 0.0) + grown + floor
        error = np.where(sums + grown > summing.largest, np.inf, error)
    return step.rounded(value, error, first.dtype)


def _rounded_to(step: Step, pair: Pair, format_: Format, *, again: bool) -> Pair:
    added = rounding(format_, pair, flush=step.arithmetic.flushes(pair.dtype))
    if pair.error is not None and not again:
        added = np.where(pair.error > 0, 0.0, added)
    if pair.error is None and not added.any():
        return pair
    return replace(pair, error=pair.errors() + added, accepts=None)


def _held(format_: Format, pair: Pair) -> Array:
    """Which elements are exact and already numbers of the format."""
    values = np.asarray(pair.value, np.float64)
    steps = values / format_.ulp(values)
    return np.asarray((pair.errors() == 0) & (steps == np.trunc(steps)))


def _reach(pair: Pair) -> Array:
    """How large an element may be on a device; zero where it is not finite."""
    reach: Array = np.abs(pair.value) + pair.errors()
    return np.asarray(np.where(np.isfinite(pair.value), reach, 0.0))


def _propagated(a: Pair, b: Pair, bilinear: Bilinear) -> Array | float:
    """|A| e_B + e_A (|B| + e_B), over the finite elements."""
    error: Array | float = 0.0
    if b.error is not None:
        size = np.where(np.isfinite(a.value), np.abs(a.value), 0.0)
        error = error + bilinear(size, b.error)
    if a.error is not None:
        error = error + bilinear(a.error, _reach(b))
    return np.where(np.isnan(error), np.inf, error)


def _grown(summing: Format, sums: Array, terms: Array | float) -> Array:
    """n u of the sums; sums of zeros have no error however long they are."""
    return np.where(sums == 0, 0.0, growth(terms, summing.unit) * sums)


def _floor(step: Step, summing: Format, dtype: str) -> float:
    """What one product may lose to underflow; where subnormals are flushed, its sum as well."""
    return 2 * summing.tiny if step.arithmetic.flushes(dtype) else summing.smallest / 2


def _underflows(step: Step, summing: Format, a: Pair, b: Pair) -> bool:
    """Whether some product may be subnormal."""
    if step.arithmetic.flushes(a.dtype):
        return True
    return _least(a) * _least(b) < summing.tiny


def _least(pair: Pair) -> float:
    """The smallest size an element that is not exactly zero may have."""
    size = np.abs(pair.value) - pair.errors()
    some = size[(pair.value != 0) | (pair.errors() != 0)]
    return max(0.0, float(some.min(initial=np.inf)))


def _special(value: Array, error: Array, a: Pair, b: Pair, bilinear: Bilinear) -> Array:
    """The errors where infinities and NaN of the inputs reach the result.

    A result that is not finite is certain only where no error took part in it.
    """
    if np.isfinite(value).all():
        return error
    doubt = np.zeros(np.shape(value), bool)
    for left, right in ((a.errors() != 0, np.ones(np.shape(b.value))), (None, b.errors() != 0)):
        size = np.ones(np.shape(a.value)) if left is None else left.astype(np.float64)
        doubt |= bilinear(size, right.astype(np.float64)) > 0
    return np.where(np.isfinite(value), error, np.where(doubt, np.inf, 0.0))
