"""Sums of products as probes write them: rows by columns, by whichever operator computes them.

Each operator gets the matrix product A B of the same arrays, so that one analysis reads all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from hal import dtypes
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.numerics.arithmetic import Array

Product: TypeAlias = Callable[[Lab, Array, Array], Array]
"""A B in float64, computed on the device in the arrays' own type."""

BITS: Mapping[int, str] = {
    2: "float8e5m2",
    3: "float8e4m3",
    7: "bfloat16",
    10: "float16",
    23: "float32",
    52: "float64",
    63: "extended (64 bits)",
}
"""Formats by the explicit bits of their significands."""


def matmul(lab: Lab, a: Array, b: Array) -> Array:
    """By MatMul with constant weights."""
    return lab.op("MatMul", a, weights=[b]).astype(np.float64)


def matmul_fed(lab: Lab, a: Array, b: Array) -> Array:
    """By MatMul of two inputs."""
    return lab.op("MatMul", a, b).astype(np.float64)


def gemm(lab: Lab, a: Array, b: Array) -> Array:
    """By Gemm, the weights transposed as a dense layer has them."""
    weights = np.ascontiguousarray(b.T)
    return lab.op("Gemm", a, weights=[weights], transB=1).astype(np.float64)


def conv(lab: Lab, a: Array, b: Array) -> Array:
    """By a convolution of 1 x 1: channels are what is summed over, pixels the rows."""
    rows, depth = a.shape
    image = np.ascontiguousarray(a.T).reshape(1, depth, rows, 1)
    weights = np.ascontiguousarray(b.T).reshape(b.shape[1], depth, 1, 1)
    found = lab.op("Conv", image, weights=[weights]).astype(np.float64)
    return np.ascontiguousarray(found.reshape(b.shape[1], rows).T)


def reduce_sum(lab: Lab, a: Array, b: Array) -> Array:  # noqa: ARG001  one form for all
    """By ReduceSum over each row: B is ones."""
    found = lab.op("ReduceSum", a, weights=[np.array([1], np.int64)], keepdims=1)
    return found.astype(np.float64)


OPERATORS: Mapping[str, Product] = {
    "matmul": matmul,
    "matmul_fed": matmul_fed,
    "gemm": gemm,
    "conv": conv,
    "reducesum": reduce_sum,
}


def typed(values: Array, dtype: str) -> Array:
    """The values in an ONNX type; they must be representable there."""
    with np.errstate(all="ignore"):
        return np.asarray(values).astype(dtypes.of_name(dtype).numpy)


def named(bits: int, tried: int) -> str:
    """The format with that many explicit bits; `tried` is the most that could be told."""
    if bits >= tried:
        return f"more than {tried - 1} bits"
    return BITS.get(bits, f"{bits + 1} bits")


def leading(right: Array) -> int:
    """How many entries are true before the first that is not."""
    wrong = np.flatnonzero(~right)
    return int(wrong[0]) if wrong.size else int(right.size)
