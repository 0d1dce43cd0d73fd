"""Arithmetic models: what a device is said to compute in, as numbers a bound can use.

An arithmetic is four choices: the format contractions round their inputs to, the format sums
accumulate in, the format results are stored in, and whether subnormals are flushed. Names are
the field's own: "fp32" rounds nothing on the way in and accumulates in float32, "bf16" rounds
inputs and results to bfloat16 and accumulates in float32, and so on. A tensor narrower than the
arithmetic keeps its own format: float16 tensors under "fp32" are still stored in float16.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from hal.errors import InputError

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


@dataclass(frozen=True, slots=True)
class Format:
    """A floating-point format: `precision` explicit bits of significand, exponents of normals.

    `largest` is the largest finite value.
    """

    name: str
    precision: int
    emin: int
    largest: float

    @property
    def unit(self) -> float:
        """The unit roundoff u: half the distance from 1 to the next number."""
        return 2.0 ** -(self.precision + 1)

    @property
    def smallest(self) -> float:
        """The smallest positive subnormal number."""
        return 2.0 ** (self.emin - self.precision)

    @property
    def tiny(self) -> float:
        """The smallest positive normal number."""
        return 2.0**self.emin

    def ulp(self, values: Array) -> Array:
        """The distance between neighbours at each value: 2^(max(floor(log2|v|), emin) - p)."""
        _, exponent = np.frexp(np.abs(np.asarray(values, np.float64)))
        # frexp gives 0 for zero, which lies among the subnormals.
        there = np.isfinite(values) & (np.asarray(values) != 0)
        exponent = np.where(there, exponent, self.emin + 1)
        steps: Array = np.ldexp(1.0, np.maximum(exponent - 1, self.emin) - self.precision)
        return steps


def _largest(precision: int, emax: int) -> float:
    return float((2.0 - 2.0**-precision) * 2.0**emax)


FORMATS: dict[str, Format] = {
    made.name: made
    for made in (
        Format("float64", 52, -1022, _largest(52, 1023)),
        Format("float32", 23, -126, _largest(23, 127)),
        Format("tf32", 10, -126, _largest(10, 127)),
        Format("bfloat16", 7, -126, _largest(7, 127)),
        Format("float16", 10, -14, 65504.0),
        Format("float8e4m3fn", 3, -6, 448.0),
        Format("float8e4m3fnuz", 3, -7, 240.0),
        Format("float8e5m2", 2, -14, 57344.0),
        Format("float8e5m2fnuz", 2, -15, 57344.0),
        Format("float8e8m0", 0, -127, 2.0**127),
        Format("float4e2m1", 1, 0, 6.0),
        Format("float6e2m3", 3, 0, 7.5),
        Format("float6e3m2", 2, -2, 28.0),
    )
}

NO_INFINITY: frozenset[str] = frozenset(
    name for name in FORMATS if name.startswith(("float8", "float6e", "float4"))
) - {"float8e5m2"}
"""Formats without infinities: what overflows there saturates or becomes NaN."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What a device computes in.

    `inputs` is what contractions round their operands to, `accumulator` what sums are kept in,
    `outputs` what results are rounded to; each is a limit: a tensor of a narrower type keeps
    its own. `flush` says which subnormals may become zero: none, those of bfloat16 (which no
    IEEE standard defines, and whose instructions flush), or all. `convolution` says whether
    Winograd or FFT forms are declared. `doubles` says that float64 tensors are computed in
    float64, which devices without it get wrong in silence.
    """

    name: str
    inputs: Format
    accumulator: Format
    outputs: Format
    flush: Literal["none", "bfloat16", "all"] = "none"
    convolution: Literal["direct", "transformed"] = "direct"
    doubles: bool = True

    def operand(self, dtype: str) -> Format:
        """The format a contraction's operand of that type is rounded to."""
        return _narrower(self.inputs, self._computed(dtype))

    def stored(self, dtype: str) -> Format:
        """The format a result of that type is rounded to."""
        return _narrower(self.outputs, self._computed(dtype))

    def flushes(self, dtype: str) -> bool:
        """Whether subnormals of a tensor of that type may become zero."""
        if self.flush == "bfloat16":
            return "bfloat16" in (dtype, self.stored(dtype).name)
        return self.flush == "all" and self.stored(dtype).precision >= 7

    def summing(self, dtype: str) -> Format:
        """The format sums of values of that type are kept in.

        Narrow types accumulate in the arithmetic's accumulator, wide ones in their own.
        """
        dtype = self._computed(dtype)
        own = FORMATS.get(dtype)
        if (
            own is not None
            and own.precision > self.accumulator.precision
            and dtype == "float64"
        ):
            return own
        return self.accumulator

    def _computed(self, dtype: str) -> str:
        return "float32" if dtype == "float64" and not self.doubles else dtype


def _narrower(limit: Format, dtype: str) -> Format:
    own = FORMATS.get(dtype)
    if own is None:
        raise InputError(f"{dtype} is not a floating-point type")
    if own.precision <= limit.precision or dtype == "float64":
        return own
    if own.emin <= limit.emin:
        return limit
    # float16 under bf16: the significand of the one, the exponents of the other.
    return replace(limit, emin=own.emin, largest=min(own.largest, limit.largest))


def _named(name: str, inputs: str, accumulator: str, outputs: str, **more: Any) -> Arithmetic:
    return Arithmetic(name, FORMATS[inputs], FORMATS[accumulator], FORMATS[outputs], **more)


ARITHMETICS: dict[str, Arithmetic] = {
    made.name: made
    for made in (
        _named("fp64", "float64", "float64", "float64"),
        _named("fp32", "float32", "float32", "float32"),
        _named("tf32", "tf32", "float32", "float32"),
        _named("bf16", "bfloat16", "float32", "bfloat16"),
        _named("fp16", "float16", "float32", "float16"),
        _named("fp16-acc16", "float16", "float16", "float16"),
        _named("fp8", "float8e4m3fn", "float32", "float8e4m3fn"),
        _named("int8", "float32", "float32", "float32"),
    )
}


def arithmetic(name: str) -> Arithmetic:
    """The arithmetic of that name.

    Raises:
        InputError: there is none; the message lists them.
    """
    if name not in ARITHMETICS:
        raise InputError(f"no arithmetic {name!r}; there are {sorted(ARITHMETICS)}")
    return ARITHMETICS[name]
