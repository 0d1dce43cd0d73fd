"""Whether convolutions are computed directly, or through a transform.

Small whole numbers, and four pixels of 2^30 whose channel has one tap of weight an output
channel. Outputs that those pixels reach with a weight of zero are exact in a direct
convolution. A transform (Winograd, FFT) mixes the large pixels into their whole tile and
cancels them afterwards, so that small numbers there are lost.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen, Unread
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.numerics.arithmetic import Array

SIZE = 32
CHANNELS = 32
PIXELS = ((5, 5), (6, 20), (21, 7), (22, 22))
LARGE = 2.0**30
TILE = 12  # how far from a large pixel the errors of a tiled transform may lie


def _ask(kernel: int, lab: Lab) -> Seen:
    image, weights = _problem(kernel)
    pad = kernel // 2
    found = lab.op(
        "Conv",
        image.astype(np.float32),
        weights=[weights.astype(np.float32)],
        pads=[pad] * 4,
    )[0].astype(np.float64)
    expected = _direct(image, weights)
    judged = np.abs(expected) < LARGE / 2
    wrong = judged & (found != expected)
    seen = f"{np.count_nonzero(wrong)} of {np.count_nonzero(judged)} outputs are inexact"
    if not wrong.any():
        return Seen("direct", seen)
    reach = _reach(wrong)
    if not np.isfinite(found).all():
        raise Unread("2^30 overflows", seen)
    near = f"transformed, inexact to {reach} pixels" if reach <= TILE else "transformed, whole"
    return Seen(near, seen)


def _problem(kernel: int) -> tuple[Array, Array]:
    random = np.random.Generator(np.random.PCG64(3))
    image = random.integers(-1, 2, (1, CHANNELS, SIZE, SIZE)).astype(np.float64)
    weights = random.integers(-1, 2, (CHANNELS, CHANNELS, kernel, kernel)).astype(np.float64)
    if kernel > 3:  # so that sums stay below 256, which every format holds
        weights[:, CHANNELS // 2 :] = 0
    image[0, 0] = 0
    for row, column in PIXELS:
        image[0, 0, row, column] = LARGE
    weights[:, 0] = 0
    taps = np.arange(CHANNELS) % kernel**2
    weights[np.arange(CHANNELS), 0, taps // kernel, taps % kernel] = 1
    return image, weights


def _direct(image: Array, weights: Array) -> Array:
    """The convolution in float64, exact for whole numbers."""
    pad = weights.shape[-1] // 2
    wide = np.pad(image[0], ((0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, weights.shape[-2:], (1, 2))
    found: Array = np.einsum("chwij,ocij->ohw", windows, weights, optimize=True)
    return found


def _reach(wrong: Array) -> int:
    """How far the farthest wrong output lies from the nearest large pixel."""
    rows, columns = np.nonzero(wrong.any(axis=0))
    distances = [
        np.maximum(np.abs(rows - row), np.abs(columns - column)) for row, column in PIXELS
    ]
    return int(np.min(distances, axis=0).max())


PROBES = tuple(
    Probe(
        f"conv{kernel}x{kernel}.float32.algorithm",
        "whether outputs that a pixel of 2^30 reaches with weight 0 are exact",
        partial(_ask, kernel),
    )
    for kernel in (3, 5)
)
