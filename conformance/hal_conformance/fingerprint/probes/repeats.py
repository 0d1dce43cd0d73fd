"""Whether the same inputs give the same bits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from hal_conformance.fingerprint.fact import Probe, Seen
from hal_conformance.fingerprint.lab import Lab, Node
from hal_conformance.numerics.arithmetic import Array

TIMES = 20


def _numbers(*shape: int) -> Array:
    random = np.random.Generator(np.random.PCG64(5))
    whole = random.integers(-(1 << 23), 1 << 23, shape)
    return (whole * 2.0**-23).astype(np.float32)


def _ask(op: str, lab: Lab) -> Seen:
    feeds, weights, attributes = _CASES[op]
    node = Node(op, [*feeds, *weights], "y", attributes)
    runs = lab.repeated([node], feeds, weights, times=TIMES)
    bits = [run.tobytes() for run in runs]
    differ = sum(1 for one in bits if one != bits[0])
    seen = f"{differ} of {TIMES} runs differ from the first"
    return Seen("differs" if differ else "the same bits", seen)


_CASES: dict[str, tuple[dict[str, Array], dict[str, Array], dict[str, Any]]] = {
    "MatMul": ({"x": _numbers(63, 517)}, {"w": _numbers(517, 65)}, {}),
    "Conv": ({"x": _numbers(1, 16, 31, 31)}, {"w": _numbers(24, 16, 3, 3)}, {}),
    "ReduceSum": ({"x": _numbers(100003)}, {"w": np.array([0], np.int64)}, {"keepdims": 1}),
    "Softmax": ({"x": _numbers(33, 1001)}, {}, {"axis": -1}),
}

PROBES = tuple(
    Probe(f"repeats.{op.lower()}", f"the bits of {TIMES} runs", partial(_ask, op))
    for op in _CASES
)
