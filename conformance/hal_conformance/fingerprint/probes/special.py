"""NaN and signed zeros in operators that choose."""

from __future__ import annotations

from functools import partial

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen, Uneven, Unread
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.numerics.arithmetic import Array

COPIES = 37
NAN = float("nan")


def _filled(value: float) -> Array:
    return np.full(COPIES, value, np.float32)


def _same(found: Array) -> float:
    """The one value of a tensor, NaN and the sign of zero told apart."""
    if (
        len({value.tobytes() for value in np.where(np.isnan(found), np.float32(NAN), found)})
        > 1
    ):
        raise Uneven(f"{found[:4]} ... {found[-1]}")
    return float(found[0])


def _pair(op: str, first: float, second: float, lab: Lab) -> float:
    return _same(lab.op(op, _filled(first), _filled(second)))


def _nan_of_two(op: str, lab: Lab) -> Seen:
    left, right = _pair(op, NAN, 1.0, lab), _pair(op, 1.0, NAN, lab)
    seen = f"{op}(NaN, 1) is {left:g}, {op}(1, NaN) is {right:g}"
    known = {
        (True, True): "propagates",
        (False, False): "swallowed",
        (True, False): "of the first input only",
        (False, True): "of the second input only",
    }
    return Seen(known[np.isnan(left), np.isnan(right)], seen)


def _nan_of_one(op: str, lab: Lab) -> Seen:
    limits = [np.array(-1, np.float32), np.array(1, np.float32)] if op == "Clip" else []
    found = _same(lab.op(op, _filled(NAN), weights=limits))
    return Seen("propagates" if np.isnan(found) else f"{found:g}", f"{op}(NaN) is {found:g}")


def _nan_of_reduction(lab: Lab) -> Seen:
    rows = np.tile(np.arange(COPIES, dtype=np.float32), (COPIES, 1))
    np.fill_diagonal(rows, NAN)
    found = lab.op("ReduceMax", rows, axes=[1], keepdims=0)
    lost = int(np.count_nonzero(~np.isnan(found)))
    seen = f"of {COPIES} rows with a NaN, {lost} have a maximum that is a number"
    return Seen(
        "propagates" if not lost else "swallowed" if lost == COPIES else "in part", seen
    )


def _nan_of_pool(lab: Lab) -> Seen:
    image = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)
    image[0, 0, 3, 3] = NAN
    found = lab.op("MaxPool", image, kernel_shape=[2, 2], strides=[2, 2])[0, 0, 1, 1]
    value = "propagates" if np.isnan(found) else "swallowed"
    return Seen(value, f"the largest of 18, 19, 26 and NaN is {found:g}")


def _sign(value: float) -> str:
    if value != 0:
        raise Unread("it is not zero", f"got {value}")
    return "-0" if np.signbit(value) else "+0"


def _zero_of_two(op: str, lab: Lab) -> Seen:
    left, right = _sign(_pair(op, -0.0, 0.0, lab)), _sign(_pair(op, 0.0, -0.0, lab))
    seen = f"{op}(-0, +0) is {left}, {op}(+0, -0) is {right}"
    known = {
        ("-0", "+0"): "the first input",
        ("+0", "-0"): "the second input",
        ("+0", "+0"): "+0",
        ("-0", "-0"): "-0",
    }
    return Seen(known[left, right], seen)


def _zero_of_one(op: str, value: float, lab: Lab) -> Seen:
    limits = [np.array(0, np.float32), np.array(6, np.float32)] if op == "Clip" else []
    found = _sign(_same(lab.op(op, _filled(value), weights=limits)))
    return Seen(found, f"{op}({_sign(value)}) is {found}")


def _zero_sum(lab: Lab) -> Seen:
    rows = np.full((COPIES, 19), -0.0, np.float32)
    axes = np.array([1], np.int64)
    found = _sign(_same(lab.op("ReduceSum", rows, weights=[axes], keepdims=0)))
    return Seen(found, f"the sum of 19 times -0 is {found}")


def _zero_product(lab: Lab) -> Seen:
    found = _sign(_pair("Mul", 0.0, -3.0, lab))
    return Seen(found, f"0 times -3 is {found}")


PROBES = (
    *(
        Probe(f"{o.lower()}.nan", "NaN on either side", partial(_nan_of_two, o))
        for o in ("Max", "Min")
    ),
    *(
        Probe(f"{o.lower()}.nan", "NaN alone", partial(_nan_of_one, o))
        for o in ("Relu", "Clip")
    ),
    Probe("reducemax.nan", "a NaN at each place of a row", _nan_of_reduction),
    Probe("maxpool.nan", "a NaN in a window", _nan_of_pool),
    *(
        Probe(
            f"{o.lower()}.zeros",
            "zeros of both signs, in both orders",
            partial(_zero_of_two, o),
        )
        for o in ("Max", "Min")
    ),
    Probe("relu.negative_zero", "-0 alone", partial(_zero_of_one, "Relu", -0.0)),
    Probe("clip.negative_zero", "-0, clipped from 0 to 6", partial(_zero_of_one, "Clip", -0.0)),
    Probe("neg.zero", "+0 alone", partial(_zero_of_one, "Neg", 0.0)),
    Probe("mul.negative_zero", "0 times a negative number", _zero_product),
    Probe("reducesum.negative_zeros", "a row of -0", _zero_sum),
)
