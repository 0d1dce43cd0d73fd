"""Which of equals is taken: ties of rounding, of TopK, of ArgMax; quantisation's edges."""

from __future__ import annotations

from functools import partial

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen, Unread
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.numerics.arithmetic import Array

COPIES = 11
HALVES = np.array([0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 4.5], np.float32)


def _ties(found: Array, seen: str) -> Seen:
    numbers = HALVES.astype(np.float64)
    known = {
        "to even": np.rint(numbers),
        "away from zero": np.copysign(np.floor(np.abs(numbers) + 0.5), numbers),
        "up": np.floor(numbers + 0.5),
        "toward zero": np.trunc(numbers),
        "down": np.ceil(numbers - 0.5),
    }
    copies = found.reshape(COPIES, -1)
    for name, values in known.items():
        if (copies == values).all():
            return Seen(name, seen)
    return Seen("other", f"{seen}, got {copies[0].tolist()}")


def _round(lab: Lab) -> Seen:
    found = lab.op("Round", np.tile(HALVES, COPIES)).astype(np.float64)
    return _ties(found, f"Round of {HALVES.tolist()}")


def _quantize(lab: Lab) -> Seen:
    scale, zero = np.array(1, np.float32), np.array(0, np.int8)
    rows = np.tile(HALVES, COPIES)
    found = lab.op("QuantizeLinear", rows, weights=[scale, zero], out="int8")
    return _ties(found.astype(np.float64), f"{HALVES.tolist()} at scale 1")


def _quantize_beyond(lab: Lab) -> Seen:
    scale, zero = np.array(1, np.float32), np.array(0, np.int8)
    numbers = np.array([300, 1000, 1e6, -300, -1000, -1e6], np.float32)
    rows = np.tile(numbers, COPIES)
    found = lab.op("QuantizeLinear", rows, weights=[scale, zero], out="int8")[:6].tolist()
    saturates = found == [127] * 3 + [-128] * 3
    return Seen("saturates" if saturates else "other", f"{numbers.tolist()} are {found}")


def _topk(largest: int, size: int, lab: Lab) -> Seen:
    row = np.array([[(7 * k) % 5 for k in range(size)]], np.float32)
    found = _indices(lab, row, largest)
    values = row[0] if largest else -row[0]
    lowest = np.argsort(-values, kind="stable")[: found.size]
    if np.array_equal(found, lowest):
        return Seen("the lowest index first", f"of {size} numbers with five values")
    backwards = (size - 1 - np.argsort(-values[::-1], kind="stable"))[: found.size]
    if np.array_equal(found, backwards):
        return Seen("the highest index first", f"of {size} numbers with five values")
    if not np.array_equal(values[found], values[lowest]):
        raise Unread("the indices are not those of the largest", f"{found[:8].tolist()}")
    return Seen("in no order", f"of {size} numbers with five values: {found[:8].tolist()}")


def _indices(lab: Lab, row: Array, largest: int) -> Array:
    """The indices of the first quarter, as TopK gives them."""
    count = np.array([row.shape[1] // 4], np.int64)
    found = lab.op(
        "TopK", row, weights=[count], out="int64", makes=("values", "y"), largest=largest
    )
    return np.asarray(found[0])


def _argmax(last: int, lab: Lab) -> Seen:
    rows = np.zeros((1, 61), np.float32)
    rows[0, [9, 30, 52]] = 1
    found = int(
        lab.op("ArgMax", rows, out="int64", axis=1, keepdims=0, select_last_index=last)[0]
    )
    known = {9: "the first", 52: "the last", 30: "one between"}
    return Seen(known.get(found, "none of them"), f"of 9, 30 and 52: {found}")


PROBES = (
    Probe("round.ties", "numbers that end in .5", _round),
    Probe("quantizelinear.ties", "numbers that end in .5", _quantize),
    Probe("quantizelinear.overflow", "numbers beyond int8", _quantize_beyond),
    Probe("topk.ties", "which of equals come first", partial(_topk, 1, 40)),
    Probe("topk.ties.long", "which of equals come first in 2,000", partial(_topk, 1, 2000)),
    Probe("topk.ties.smallest", "which of equals come first", partial(_topk, 0, 40)),
    Probe("argmax.ties", "which of equals is taken", partial(_argmax, 0)),
    Probe("argmax.ties.last", "which of equals is taken for the last", partial(_argmax, 1)),
)
