"""What becomes of subnormal numbers, as inputs and as results, by type and operator."""

from __future__ import annotations

from functools import partial

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen, Unread
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.fingerprint.probes.contractions import matmul, typed
from hal_conformance.numerics.arithmetic import FORMATS, Array

COUNT = 33
_STEPS = np.arange(1.0, COUNT + 1)


def _numbers(dtype: str) -> Array:
    """Subnormal numbers of a type that have few bits: 1/2 and 1/4 of the smallest normal."""
    tiny = FORMATS[dtype].tiny
    return np.where(_STEPS % 2 == 0, tiny / 2, -tiny / 4)


def _inputs(dtype: str, lab: Lab) -> Seen:
    numbers = _numbers(dtype)
    scale = np.full(COUNT, 2.0**8)
    found = lab.op("Mul", typed(numbers, dtype), typed(scale, dtype)).astype(np.float64)
    return _told(found, numbers * scale, "x 2^8 for subnormal x")


def _results(dtype: str, lab: Lab) -> Seen:
    numbers = _numbers(dtype)
    found = lab.op("Mul", typed(numbers * 2.0**8, dtype), typed(np.full(COUNT, 2.0**-8), dtype))
    return _told(found.astype(np.float64), numbers, "x 2^-8 that is subnormal")


def _differences(dtype: str, lab: Lab) -> Seen:
    tiny = FORMATS[dtype].tiny
    found = lab.op(
        "Sub", typed(np.full(COUNT, tiny * 1.5), dtype), typed(np.full(COUNT, tiny), dtype)
    )
    return _told(found.astype(np.float64), np.full(COUNT, tiny / 2), "a - b that is subnormal")


def _matmul(lab: Lab) -> Seen:
    numbers = np.zeros((COUNT, 64))
    numbers[:, 5] = _numbers("float32")
    weights = np.full((64, 64), 2.0**8)
    found = matmul(lab, typed(numbers, "float32"), typed(weights, "float32"))
    return _told(found[:, 0], numbers[:, 5] * 2.0**8, "x 2^8 for subnormal x")


def _matmul_results(lab: Lab) -> Seen:
    numbers = np.zeros((COUNT, 64))
    numbers[:, 5] = _numbers("float32") * 2.0**8
    weights = np.full((64, 64), 2.0**-8)
    found = matmul(lab, typed(numbers, "float32"), typed(weights, "float32"))
    return _told(found[:, 0], _numbers("float32"), "x 2^-8 that is subnormal")


def _exp(lab: Lab) -> Seen:
    points = np.linspace(-101, -90, COUNT).astype(np.float32)
    found = lab.op("Exp", points).astype(np.float64)
    if (found == 0).all():
        return Seen("flushed", "exp(-101) to exp(-90) are all 0")
    near = np.abs(found - np.exp(points.astype(np.float64))) < FORMATS["float32"].tiny / 16
    if not near.all():
        raise Unread("neither subnormal nor 0", f"got {found[~near][:3]}")
    return Seen("kept", "exp(-101) to exp(-90) are subnormal")


def _cast(lab: Lab) -> Seen:
    numbers = _numbers("float16")
    found = lab.op("Cast", typed(numbers, "float32"), out="float16", to=10)
    return _told(found.astype(np.float64), numbers, "float16(x) that is subnormal")


def _told(found: Array, expected: Array, what: str) -> Seen:
    kept, flushed = found == expected, found == 0
    if kept.all():
        return Seen("kept", f"{what} is exact in all {kept.size}")
    if flushed.all():
        return Seen("flushed", f"{what} is 0 in all {kept.size}")
    seen = f"{what}: {np.count_nonzero(kept)} kept, {np.count_nonzero(flushed)} flushed"
    if (kept | flushed).all():
        return Seen("flushed in part", seen)
    raise Unread("neither kept nor flushed", f"got {found[~kept & ~flushed][:3]}")


_TYPES = ("float32", "float64", "float16", "bfloat16")

PROBES = (
    *(
        Probe(f"subnormals.{t}.inputs", "whether x 2^8 is 0", partial(_inputs, t))
        for t in _TYPES
    ),
    *(
        Probe(f"subnormals.{t}.results", "whether x 2^-8 is 0", partial(_results, t))
        for t in _TYPES
    ),
    Probe("subnormals.float32.sub", "whether 1.5 t - t is 0", partial(_differences, "float32")),
    Probe("subnormals.float32.matmul_inputs", "whether x 2^8 is 0", _matmul),
    Probe("subnormals.float32.matmul_results", "whether x 2^-8 is 0", _matmul_results),
    Probe("subnormals.float32.exp", "whether exp(-101) to exp(-90) are 0", _exp),
    Probe("subnormals.cast_to_float16", "whether float16(x) is 0", _cast),
)
