"""Whether products are rounded before they are added.

With p = a a rounded to float32, -p + a a is 0 where the product is rounded, and the rounding
error of p where it is not. In a sum it shows only where both terms meet in one accumulator.
"""

from __future__ import annotations

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen, Unread
from hal_conformance.fingerprint.lab import Lab, Node
from hal_conformance.fingerprint.probes import accumulators, formats
from hal_conformance.fingerprint.probes.contractions import OPERATORS, typed

DEPTH = 256
COLUMNS = 64
FACTOR = float(np.float32(1 + 2.0**-13 + 2.0**-20))
PRODUCT = float(np.float32(FACTOR * FACTOR))
ERROR = FACTOR * FACTOR - PRODUCT


def _matmul(lab: Lab) -> Seen:
    rows, columns = formats.operands(lab, "matmul")
    if (rows, columns) != ("float32", "float32"):
        raise Unread("operands are rounded, their products exact", f"{rows} by {columns}")
    a = np.zeros((2 * (DEPTH - 1), DEPTH))
    for j in range(1, DEPTH):
        a[j - 1, [0, j]] = PRODUCT, FACTOR
        a[DEPTH - 2 + j, [DEPTH - 1, DEPTH - 1 - j]] = PRODUCT, FACTOR
    b = np.full((DEPTH, COLUMNS), FACTOR)
    b[0, : COLUMNS // 2], b[DEPTH - 1, COLUMNS // 2 :] = -1, -1
    found = OPERATORS["matmul"](lab, typed(a, "float32"), typed(b, "float32"))
    upper, lower = found[: DEPTH - 1, : COLUMNS // 2], found[DEPTH - 1 :, COLUMNS // 2 :]
    errors = np.concatenate([upper.ravel(), lower.ravel()])
    return _concluded(lab, errors)


def _concluded(lab: Lab, errors: np.ndarray) -> Seen:
    kept = int(np.count_nonzero(errors == ERROR))
    seen = f"-p + a a gave the error of p in {kept} of {errors.size} sums, else 0"
    if not ((errors == 0) | (errors == ERROR)).all():
        raise Unread("neither 0 nor the error of the product", f"got {errors[:4]}")
    held, _ = accumulators.bits(lab, "matmul", "float32")
    if held > formats.BITS_FLOAT32:
        return Seen("products are exact, in a wide accumulator", seen)
    return Seen("fused" if kept else "separate", seen)


def _mul_add(lab: Lab) -> Seen:
    random = np.random.Generator(np.random.PCG64(7))
    a = (1 + random.integers(1, 1 << 23, 67) * 2.0**-23).astype(np.float32)
    b = (1 + random.integers(1, 1 << 23, 67) * 2.0**-23).astype(np.float32)
    product = a * b
    error = a.astype(np.float64) * b - product
    nodes = [Node("Mul", ["a", "b"], "m"), Node("Add", ["m", "c"], "y")]
    found = lab.graph(nodes, {"a": a, "b": b, "c": -product}, {}).astype(np.float64)
    inexact = error != 0
    kept = found[inexact] == error[inexact].astype(np.float32)
    seen = f"a b - p gave the error of p in {np.count_nonzero(kept)} of {kept.size}, else 0"
    if not (kept | (found[inexact] == 0)).all():
        raise Unread("neither 0 nor the error of the product", f"got {found[:4]}")
    return Seen("fused" if kept.all() else "fused in part" if kept.any() else "separate", seen)


PROBES = (
    Probe(
        "matmul.float32.multiply_add",
        "whether a product keeps its rounding error when it is added",
        _matmul,
    ),
    Probe(
        "mul_add.float32",
        "whether Mul and then Add keep the product's rounding error",
        _mul_add,
    ),
)
