"""How wide sums are kept.

Rows of 256 terms: 2^k s, then s some 15 times, and -2^k s, at several places, zeros elsewhere.
An accumulator of p explicit bits holds 2^k s + s for k <= p and loses it at k = p + 1, since
each s that meets the large term by itself is then lost. In whatever order it adds, in lanes,
blocks or pairs, one does: they lie at many distances from the large term.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen, Unread
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.fingerprint.probes.contractions import OPERATORS, leading, named, typed
from hal_conformance.numerics.arithmetic import Array

DEPTH = 256
COLUMNS = 64
PLACES = ((0, 255), (255, 0), (37, 200), (96, 160))
DISTANCES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 128)
SMALL = 2.0**-14  # normal in float16, as is 16 times it
SPLIT = 29  # above this k, the large term in float16 needs a factor of 2^15 from the weights
MOST = 66
MOST_FLOAT16 = 44

ASKED = (
    ("matmul", "float32"),
    ("matmul", "float64"),
    ("matmul", "float16"),
    ("matmul", "bfloat16"),
    ("conv", "float32"),
    ("conv", "float16"),
    ("reducesum", "float32"),
    ("reducesum", "float64"),
    ("reducesum", "float16"),
    ("reducesum", "bfloat16"),
)


def bits(lab: Lab, operator: str, dtype: str) -> tuple[int, int]:
    """The explicit bits of an operator's accumulator, and how many were tried."""
    split = dtype == "float16"
    most = (SPLIT if operator == "reducesum" else MOST_FLOAT16) if split else MOST
    a, b = typed(_rows(most, split=split), dtype), typed(_weights(split=split), dtype)
    sums = OPERATORS[operator](lab, a, b)
    if sums.ndim != 2 or not np.isfinite(sums[::most]).all():
        raise Unread("the sum of small terms is not finite", f"got {sums.ravel()[:4]}")
    terms = np.repeat([len(_small(place)) for place in PLACES], most)
    exact = (sums == terms[:, None] * SMALL) | ~_read(most, split=split)[:, : sums.shape[1]]
    held = exact.all(axis=1).reshape(len(PLACES), most).all(axis=0)
    return leading(held), most


def _small(place: tuple[int, int]) -> list[int]:
    """Where the small terms lie."""
    plus, minus = place
    return [p for p in ((plus + d) % DEPTH for d in DISTANCES) if p != minus]


def _rows(most: int, *, split: bool) -> Array:
    a = np.zeros((len(PLACES) * most, DEPTH))
    for place, (plus, minus) in enumerate(PLACES):
        a[place * most : (place + 1) * most, _small((plus, minus))] = SMALL
        for k in range(1, most + 1):
            large = SMALL * 2.0 ** (k - 15 if split and k > SPLIT else k)
            row = place * most + k - 1
            a[row, plus], a[row, minus] = large, -large
    return a


def _weights(*, split: bool) -> Array:
    b = np.ones((DEPTH, COLUMNS))
    if split:
        for column in range(1, COLUMNS, 2):
            b[list(PLACES[column // 2 % len(PLACES)]), column] = 2.0**15
    return b


def _read(most: int, *, split: bool) -> Array:
    """Which columns of the product belong to which rows."""
    row, column = np.divmod(np.arange(len(PLACES) * most), most), np.arange(COLUMNS)
    place, k = row[0][:, None], row[1][:, None] + 1
    if not split:
        return np.ones((len(PLACES) * most, COLUMNS), bool)
    small = (column % 2 == 0) & (k <= SPLIT)
    large = (column % 2 == 1) & (column // 2 % len(PLACES) == place) & (k > SPLIT)
    return np.asarray(small | large)


def _ask(operator: str, dtype: str, lab: Lab) -> Seen:
    found, most = bits(lab, operator, dtype)
    seen = f"2^k s + s + ... + s - 2^k s is exact for k = 1 to {found} of {most}"
    return Seen(named(found, most), seen)


PROBES = tuple(
    Probe(
        f"{operator}.{dtype}.accumulator",
        "the largest k at which 2^k s swallows no s of its sum",
        partial(_ask, operator, dtype),
    )
    for operator, dtype in ASKED
)
