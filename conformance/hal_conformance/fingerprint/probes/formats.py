"""Which formats values are rounded to: operands and results of contractions, intermediates.

(1 + 2^-k) 1 - 1 1 is 2^-k where operands keep k bits, whatever the result is stored in;
1 1 + 2^-k 1 is 1 + 2^-k where results keep k bits, whatever the operands are rounded to. A
format of 10 bits is float16 where 2^17 - 2^17 + 1 overflows in it, else tf32.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen, Unread
from hal_conformance.fingerprint.lab import Lab, Node
from hal_conformance.fingerprint.probes import accumulators
from hal_conformance.fingerprint.probes.contractions import (
    BITS,
    OPERATORS,
    leading,
    typed,
)
from hal_conformance.numerics.arithmetic import FORMATS, Array

DEPTH = 64
COLUMNS = 64
BITS_FLOAT32 = 23
KS = np.arange(1, BITS_FLOAT32 + 1)


def operands(lab: Lab, operator: str) -> tuple[str, str]:
    """The formats of the rows and of the columns of a float32 product."""
    found = _products(lab, operator)
    small = 2.0**-KS
    rows = leading((found[:BITS_FLOAT32, BITS_FLOAT32:] == small[:, None]).all(axis=1))
    columns = leading(found[BITS_FLOAT32, :BITS_FLOAT32] == small)
    held, _ = accumulators.bits(lab, "conv" if operator == "conv" else "matmul", "float32")
    if held <= min(rows, columns) and held < BITS_FLOAT32:
        raise Unread("sums are kept too narrow to tell", f"{held} bits in sums")
    overflows = not np.isfinite(found[BITS_FLOAT32 + 1, -1])
    return _format(rows, overflows=overflows), _format(columns, overflows=overflows)


def _products(lab: Lab, operator: str) -> Array:
    """Rows 1 + 2^-k, -1 by ones, and the same in columns by ones; one row for the range."""
    a, b = np.zeros((BITS_FLOAT32 + 9, DEPTH)), np.ones((DEPTH, COLUMNS))
    a[:BITS_FLOAT32, 0] = 1 + 2.0**-KS
    a[:BITS_FLOAT32, 1] = -1
    a[BITS_FLOAT32, :2] = 1, -1
    a[BITS_FLOAT32 + 1, 2:5] = 2.0**17, -(2.0**17), 1
    b[0, :BITS_FLOAT32] = 1 + 2.0**-KS
    return OPERATORS[operator](lab, typed(a, "float32"), typed(b, "float32"))


def results(lab: Lab, operator: str) -> tuple[int, bool]:
    """The bits that a result of a float32 product keeps, and whether 2^17 overflows."""
    a, b = np.zeros((BITS_FLOAT32 + 9, DEPTH)), np.ones((DEPTH, COLUMNS))
    a[:BITS_FLOAT32, 0], a[:BITS_FLOAT32, 1] = 1, 2.0**-KS
    a[BITS_FLOAT32, 0] = 2.0**17
    found = OPERATORS[operator](lab, typed(a, "float32"), typed(b, "float32"))
    right = (found[:BITS_FLOAT32] == 1 + 2.0 ** -KS[:, None]).all(axis=1)
    return leading(right), not bool(np.isfinite(found[BITS_FLOAT32]).all())


def _format(bits: int, *, overflows: bool) -> str:
    if bits == FORMATS["tf32"].precision and not overflows:
        return "tf32"
    return BITS.get(bits, f"{bits + 1} bits")


def _operands(operator: str, lab: Lab) -> Seen:
    rows, columns = operands(lab, operator)
    seen = f"(1 + 2^-k) - 1 = 2^-k as for {rows} on the left, {columns} on the right"
    return Seen(rows if rows == columns else f"{rows} by {columns}", seen)


def _results(operator: str, lab: Lab) -> Seen:
    kept, overflows = results(lab, operator)
    seen = f"1 + 2^-k comes back exactly for k = 1 to {kept} of {BITS_FLOAT32}"
    return Seen(_format(kept, overflows=overflows), seen)


def _elementwise(dtype: str, lab: Lab) -> Seen:
    most = 11 + FORMATS[dtype].precision
    small = typed(2.0 ** -np.arange(1.0, most + 1), dtype)
    usable = small.astype(np.float64) >= FORMATS[dtype].tiny
    small = small[usable]
    one = np.ones_like(small)
    nodes = [Node("Add", ["x", "one"], "sum"), Node("Sub", ["sum", "one"], "y")]
    found = lab.graph(nodes, {"x": small, "one": one}, {}).astype(np.float64)
    return _kept(found, small.astype(np.float64))


def _kept(found: Array, small: Array) -> Seen:
    held = leading(found == small)
    seen = f"(2^-k + 1) - 1 = 2^-k for k = 1 to {held} of {small.size}"
    return Seen(
        "wider than its type" if held == small.size else BITS.get(held, f"{held + 1} bits"),
        seen,
    )


def _after_matmul(lab: Lab) -> Seen:
    ks = np.arange(1, BITS_FLOAT32 + 1)
    a, b = np.zeros((32, DEPTH)), np.ones((DEPTH, COLUMNS))
    a[:BITS_FLOAT32, 0], a[:BITS_FLOAT32, 1] = 1, 2.0**-ks
    nodes = [Node("MatMul", ["x", "w"], "m"), Node("Sub", ["m", "one"], "y")]
    feeds = {"x": typed(a, "float32"), "one": np.ones((1, COLUMNS), np.float32)}
    found = lab.graph(nodes, feeds, {"w": typed(b, "float32")}).astype(np.float64)
    held = leading((found[:BITS_FLOAT32] == 2.0 ** -ks[:, None]).all(axis=1))
    seen = f"(1 1 + 2^-k 1) - 1 = 2^-k for k = 1 to {held} of {BITS_FLOAT32}"
    return Seen(BITS.get(held, f"{held + 1} bits"), seen)


def _double(op: str, lab: Lab) -> Seen:
    ks = np.arange(1.0, 53)
    small, one = 2.0**-ks, np.ones(52)
    if op == "Add":
        held = leading(lab.op("Add", small, one) == 1 + small)
    else:
        a, b = np.zeros((52, DEPTH)), np.ones((DEPTH, COLUMNS))
        a[:, 0], a[:, 1] = 1, small
        held = leading((lab.op("MatMul", a, weights=[b]) == 1 + small[:, None]).all(axis=1))
    seen = f"1 + 2^-k comes back exactly for k = 1 to {held} of 52"
    return Seen(BITS.get(held, f"{held + 1} bits"), seen)


_OPERANDS = "the most bits k of 1 + 2^-k that survive until 1 is taken away in the same sum"
_RESULTS = "the most bits k of 1 + 2^-k, summed from exact operands, that are returned"
_BETWEEN = "the most bits k of 1 + 2^-k that lie between two operators"
_ALGEBRA = "; more than the type has: kept wider, or (x + 1) - 1 made x"

PROBES = (
    *(
        Probe(f"{operator}.float32.operands", _OPERANDS, partial(_operands, operator))
        for operator in ("matmul", "matmul_fed", "gemm", "conv")
    ),
    *(
        Probe(f"{operator}.float32.results", _RESULTS, partial(_results, operator))
        for operator in ("matmul", "conv")
    ),
    *(
        Probe(f"intermediates.{dtype}", _BETWEEN + _ALGEBRA, partial(_elementwise, dtype))
        for dtype in ("float32", "float16", "bfloat16")
    ),
    Probe("intermediates.after_matmul", _BETWEEN, _after_matmul),
    *(
        Probe(f"float64.{op.lower()}.computed_in", _RESULTS, partial(_double, op))
        for op in ("Add", "MatMul")
    ),
)
