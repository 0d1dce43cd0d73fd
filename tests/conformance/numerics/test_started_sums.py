"""Sums that start from what is added next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.rules import Step, find

FP32 = arithmetic("fp32")


def test_a_sum_of_products_may_start_from_what_is_added_next(
    bounds_of: Callable[..., Any],
) -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((1, 512), (512, 1)))
    bias = np.full((1, 1), 2.0**20, np.float32)
    apart = bounds_of("MatMul", [a, b]).pair
    start = bias.copy()
    for k in range(512):
        start = (start + a[:, k : k + 1] * b[k : k + 1]).astype(np.float32)
    plain = replace(apart, growth=0.0)
    fused, alone = (add_pairs(pair, Pair.exact(bias)) for pair in (apart, plain))
    off = np.abs(start - fused.value)
    assert (off > alone.errors()).all()
    assert (off <= fused.errors()).all()


def add_pairs(a: Pair, b: Pair) -> Pair:
    entry = find("Add", 14, "")
    assert entry is not None
    step = Step("Add", "", 14, {}, FP32, ("y",), list)
    (made,) = entry.rule(step, [a, b])
    assert isinstance(made, Pair)
    return made
