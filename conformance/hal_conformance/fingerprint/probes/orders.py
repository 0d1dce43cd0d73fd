"""In which order sums are added.

2^90 at place 0, -2^90 at place j, ones elsewhere: a one is lost exactly where it is added to
something that holds the large term, so that the ones that survive count the terms outside the
smallest partial sum that holds both places. The 255 counts are the path from place 0 to the
root of the tree of additions (the method of FPRev, Xie et al., 2024).
"""

from __future__ import annotations

import hashlib
from functools import partial

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen, Unread
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.fingerprint.probes.contractions import OPERATORS, leading, typed
from hal_conformance.numerics.arithmetic import Array

DEPTH = 256
COLUMNS = 64
LARGE = 2.0**90


def sizes(lab: Lab, operator: str, first: int = 0) -> Array:
    """For each place, the size of the smallest partial sum that holds it and `first`."""
    others = [place for place in range(DEPTH) if place != first]
    a = np.ones((DEPTH - 1, DEPTH))
    a[:, first] = LARGE
    a[range(DEPTH - 1), others] = -LARGE
    found = OPERATORS[operator](
        lab, typed(a, "float32"), typed(np.ones((DEPTH, COLUMNS)), "float32")
    )
    if not ((found >= 0) & (found <= DEPTH - 2) & (found == np.rint(found))).all():
        raise Unread("sums are not counts of ones", f"got {found.ravel()[:4]}")
    if not (found == found[:, :1]).all():
        raise Unread("columns are summed in different orders")
    counted = np.ones(DEPTH, np.int64)
    counted[others] = DEPTH - found[:, 0].astype(np.int64)
    return counted


def order(forward: Array, backward: Array) -> str:
    """The name of the order in which place 0, and the last one, meet the others."""
    place = np.arange(DEPTH)
    if (forward[1:] == 2).all():
        return "every term is kept apart"
    if np.array_equal(backward[::-1], place + 1):
        return "sequential, from the end"
    if np.array_equal(forward[1:], 2 ** (np.floor(np.log2(place[1:])).astype(np.int64) + 1)):
        return "pairwise"
    smallest = int(forward[1:].min())
    if smallest > 2:
        return f"groups of {smallest}{_tree(forward)}"
    width = int(np.flatnonzero(forward == 2)[0])
    run = leading(forward[::width] == np.arange(1, -(-DEPTH // width) + 1))
    lanes = "sequential" if width == 1 else f"{width} lanes"
    return lanes if run * width >= DEPTH else f"{lanes}, blocks of {run * width}"


def _tree(forward: Array) -> str:
    return f" (tree {hashlib.sha256(forward.tobytes()).hexdigest()[:8]})"


def _ask(operator: str, lab: Lab) -> Seen:
    forward, backward = sizes(lab, operator), sizes(lab, operator, DEPTH - 1)
    seen = f"partial sums from place 0: {_short(forward[1:])}"
    return Seen(order(forward, backward), seen)


def _short(values: Array) -> str:
    shown = ", ".join(str(value) for value in values[:17])
    return f"{shown}, ... {values[-1]}"


PROBES = tuple(
    Probe(
        f"{operator}.float32.order",
        "2^90 at one place and -2^90 at another swallow the ones they meet",
        partial(_ask, operator),
    )
    for operator in ("matmul", "conv", "reducesum")
)
