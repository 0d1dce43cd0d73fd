"""DFT, STFT, the mel matrix and the windows.

Every input reaches every output of a fast Fourier transform by one path, over one butterfly for
each prime factor p of n. The factors are of size 1, so that |ŷ - y| <= Σ_p η_p Σ|x| with
η_p = μ + 2 √2 p u, μ being the twiddles' own error (Higham, Accuracy and Stability, 24.1, with
elements in place of norms; sin and cos have 4 ULP in OpenCL C 3.0). A device may also multiply
by the matrix, as TOSA 1.0 counts it: n u; and Bluestein's algorithm for large primes is three
transforms of a length m >= 2 n - 1, whose errors spread over all elements: 3 Σ η √m ‖x‖.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hal import dtypes
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.contraction import growth, held, needed
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

TWIDDLE = 8.0
"""The error of a twiddle in u: 4 ULP of sin and cos near 1 (OpenCL C 3.0, table 38)."""

SMOOTH = 13
"""The largest prime that FFT libraries have a butterfly for; past it they use Bluestein's."""

SOURCE = "Higham 2002, 24.1, elementwise; TOSA 1.0 FFT2D; sin and cos: OpenCL C 3.0 table 38"


@rule("DFT", source=SOURCE)
@np.errstate(all="ignore")
def dft(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Before version 20 the axis is an attribute, and 1 by default."""
    x = needed(inputs)
    axis = int(step.attributes.get("axis", -2))
    if len(inputs) > 2 and isinstance(inputs[2], Pair):
        axis = int(inputs[2].value.ravel()[0])
    axis %= np.ndim(x.value)
    inverse, onesided = (bool(step.attributes.get(name)) for name in ("inverse", "onesided"))
    length = np.shape(x.value)[axis]
    length = 2 * (length - 1) if inverse and onesided else length
    if len(inputs) > 1 and isinstance(inputs[1], Pair):
        length = int(inputs[1].value.ravel()[0])
    return [_transform(step, held(step, x), axis, length, (inverse, onesided))]


@rule("STFT", source=SOURCE)
@np.errstate(all="ignore")
def stft(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Frames of the signal times the window, each transformed."""
    signal, hop = needed(inputs), int(needed(inputs, 1).value.ravel()[0])
    if np.ndim(signal.value) == 2:  # real models leave the last axis out, and runtimes agree
        signal = signal.moved(lambda array: array[..., None])
    window = inputs[2] if len(inputs) > 2 else None
    given = inputs[3] if len(inputs) > 3 else None
    length = np.shape(signal.value)[1]
    if isinstance(window, Pair):
        length = np.shape(window.value)[0]
    if isinstance(given, Pair):
        length = int(given.value.ravel()[0])

    def framed(array: Array) -> Array:
        slid = np.lib.stride_tricks.sliding_window_view(array, length, axis=1)
        return np.asarray(np.moveaxis(slid[:, ::hop], -1, 2))

    frames = held(step, signal).moved(framed)
    if isinstance(window, Pair):
        frames = _weighted(step, frames, held(step, window))
    onesided = bool(step.attributes.get("onesided", 1))
    return [_transform(step, frames, 2, length, (False, onesided))]


@rule("HannWindow", "HammingWindow", "BlackmanWindow", source="ONNX-17 bodies, in float32")
def window(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """a0 - a1 cos θ + a2 cos 2θ, with every step of the body rounded to float32.

    θ has a quotient (2.5 ULP, 5 u), the constant and a product (2 u); each cosine 8 ULP, twice
    OpenCL's 4, or 4 for a primitive. The window of one element that is not periodic is 0 / 0.
    """
    size = int(needed(inputs).value.ravel()[0])
    first, second, third = _COSINES[step.op]
    length = size if step.attributes.get("periodic", 1) else size - 1
    with np.errstate(all="ignore"):
        angle = np.divide(2 * np.pi * np.arange(size), length)
        value = first - second * np.cos(angle) + third * np.cos(2 * angle)
        unit = step.stored("float32").unit
        moved = 7 * unit * angle
        cosine = (8.0 if step.primitive else 16.0) * unit
        error = second * (np.minimum(moved, 2) * np.abs(np.sin(angle)) + moved**2 + cosine)
        error += third * (np.abs(np.sin(2 * angle)) * 2 * moved + 4 * moved**2 + cosine)
        error += 4 * unit * (first + second + third)
    error = np.where(np.isnan(value), np.inf, error)
    return [_made(step, value, error)]


@rule("MelWeightMatrix", source="ONNX-17's formula; pow and log: OpenCL C 3.0 table 38")
def mel_weight_matrix(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Triangles between edges that are whole numbers: an edge that may round either way may.

    Their float32 formula has log10 (3 ULP) and pow (16 ULP), 48 u with the products between.
    """
    bands, length, rate = (int(needed(inputs, k).value.ravel()[0]) for k in range(3))
    lower, upper = (float(needed(inputs, k).value.ravel()[0]) for k in (3, 4))
    mels = 2595 * np.log1p(np.array([lower, upper]) / 700) / np.log(10)
    points = mels[0] + np.arange(bands + 2) * (mels[1] - mels[0]) / (bands + 2)
    hertz = 700 * np.expm1(points / 2595 * np.log(10))
    edges = (length + 1) * hertz / rate
    inexact = sum(float(needed(inputs, k).errors().max(initial=0.0)) for k in (3, 4))
    unit = step.stored("float32").unit
    spread = 48 * unit * (hertz + 700) * (1 + points / 1127) + 4 * inexact
    spread = np.where(points == 0, 0.0, spread) * (length + 1) / rate
    bins: Array = np.floor(edges).astype(np.int64)
    low: Array = np.floor(edges - spread).astype(np.int64)
    high: Array = np.floor(edges + spread).astype(np.int64)
    value = _triangles(bins, bands, length // 2 + 1)
    error = np.zeros_like(value)
    for choice in np.ndindex(*[2] * 3) if (low != high).any() else ():
        picked: Array = np.resize(np.asarray(choice, bool), bands + 2)
        other = _triangles(np.where(picked, high, low), bands, length // 2 + 1)
        error = np.maximum(error, np.abs(other - value))
    return [_made(step, value, error + 2.5 * unit * value)]


_COSINES = {
    "HannWindow": (0.5, 0.5, 0.0),
    "HammingWindow": (25 / 46, 21 / 46, 0.0),
    "BlackmanWindow": (0.42, 0.5, 0.08),
}


def _transform(step: Step, x: Pair, axis: int, length: int, kind: tuple[bool, bool]) -> Pair:
    """The transform of (..., 1 or 2) along an axis: (..., 2), or (..., 1) for a real result."""
    inverse, onesided = kind
    real = np.shape(x.value)[-1] == 1
    parts = x.value[..., 0] if real else x.value[..., 0] + 1j * x.value[..., 1]
    error = np.hypot(x.errors()[..., 0], 0.0 if real else x.errors()[..., 1])
    with np.errstate(all="ignore"):
        if inverse and onesided:
            value = np.fft.irfft(parts, length, axis)[..., None]
        else:
            made = (np.fft.ifft if inverse else np.fft.fft)(parts, length, axis)
            value = np.stack([made.real, made.imag], axis=-1)
        if onesided and not inverse:
            value = np.take(value, range(length // 2 + 1), axis)
        reach, moved = (
            _full(np.where(np.isfinite(a), a, 0.0), axis, length, mirrored=inverse and onesided)
            for a in (np.abs(parts) + error, error)
        )
        summing = step.arithmetic.summing(x.dtype)
        sums = reach.sum(axis=axis, keepdims=True)
        total = moved.sum(axis=axis, keepdims=True) + _spread(step, x.dtype, reach, axis, real)
        total = (total + 2 * summing.unit * sums) / length if inverse else total
        total = np.where(sums > summing.largest, np.inf, total)
        # A fast transform takes each element into each result: what NaN becomes is open.
        finite = np.isfinite(parts).all(axis=axis, keepdims=True)
        total = np.where(finite, total, np.inf)
        total = np.broadcast_to(total[..., None], np.shape(value))
    return step.rounded(value, total, x.dtype)


def _full(array: Array, axis: int, length: int, *, mirrored: bool) -> Array:
    """The elements a transform of that length takes part in: cut, or with the mirrored ones."""
    size = np.shape(array)[axis]
    if not mirrored:
        return np.take(array, range(min(size, length)), axis)
    at = [min(k, length - k) for k in range(length)]
    return np.take(array, [k for k in at if k < size], axis)


def _spread(step: Step, dtype: str, reach: Array, axis: int, real: bool) -> Array:
    """What rounding adds to each output, over Σ|x|."""
    length, unit = np.shape(reach)[axis], step.arithmetic.summing(dtype).unit
    factors = _primes(length)
    sums = reach.sum(axis=axis, keepdims=True)
    fast = sum(TWIDDLE + 2 * np.sqrt(2) * p for p in factors) * unit * sums
    if step.primitive:
        return np.asarray(fast)
    terms = length if real else 2 * length
    direct = (growth(terms, unit) + 2.5 * TWIDDLE * unit) * sums
    if max(factors, default=1) > SMOOTH:
        levels = int(np.ceil(np.log2(2 * length)))
        norm = np.sqrt((reach**2).sum(axis=axis, keepdims=True) * 2.0**levels)
        fast = 3 * levels * (TWIDDLE + 4 * np.sqrt(2)) * unit * norm
    return np.asarray(np.maximum(fast, direct))


def _primes(number: int) -> list[int]:
    found, divisor = list[int](), 2
    while number > 1:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor = divisor + 1 if divisor * divisor <= number else number
    return found


def _weighted(step: Step, frames: Pair, weights: Pair) -> Pair:
    """Frames times the window, in the accumulator."""
    factor = weights.value[:, None]
    slack = weights.errors()[:, None]
    unit = step.arithmetic.summing(frames.dtype).unit
    with np.errstate(all="ignore"):
        reach = (np.abs(frames.value) + frames.errors()) * (np.abs(factor) + slack)
        error = reach * (1 + unit) - np.abs(frames.value * factor)
    return replace(frames, value=frames.value * factor, error=np.maximum(error, 0.0))


def _triangles(bins: Array, bands: int, rows: int) -> Array:
    """The matrix for whole edges; a triangle without a left side is 1 at its peak."""
    at = np.arange(rows)[:, None]
    left, peak, right = (bins[k : k + bands][None, :] for k in range(3))
    with np.errstate(all="ignore"):
        rising = np.where((at >= left) & (at <= peak), (at - left) / (peak - left), 0.0)
        rising = np.where(peak == left, at == peak, rising)
        falling = (at >= peak) & (at < right)
        return np.where(falling & (right > peak), (right - at) / (right - peak), rising)


def _made(step: Step, value: Array, error: Array) -> Pair:
    """A result cast to the node's output type; a whole number is cut off."""
    dtype = dtypes.of_number(int(step.attributes.get("output_datatype", 1)))
    if dtype.name in FORMATS:
        return step.rounded(value, error, dtype.name)
    low, high = np.trunc(value - error), np.trunc(value + error)
    several = low != high
    whole = np.nan_to_num(np.trunc(value)).astype(dtype.numpy)
    if not several.any():
        return Pair(whole, None, dtype.name)

    def accepts(got: Array) -> Array:
        return np.asarray((got >= low) & (got <= high))

    count = int(np.count_nonzero(several))
    return Pair(whole, (high - low).astype(np.float64), dtype.name, accepts, count)
