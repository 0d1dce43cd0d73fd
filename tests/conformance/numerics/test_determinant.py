"""Determinants, against mpmath and eliminations in float32."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

mpmath: Any = import_module("mpmath")  # it has no types


class Bounded(Protocol):
    pair: Pair
    others: tuple[Pair, ...]

    def accepts(self, got: Array, output: int = 0) -> bool: ...


Bounds = Callable[..., Bounded]


def matrix(seed: int, rows: int, singular: bool) -> Array:
    made = np.random.default_rng(seed).standard_normal((rows, rows)).astype(np.float32)
    if singular and rows > 1:
        made[-1] = made[0] * np.float32(2)
    return made


def eliminated(a: Array, pivoting: bool) -> np.float32:
    """Gaussian elimination in float32, with partial pivoting or with diagonal pivots."""
    a, sign = a.copy(), np.float32(1)
    for k in range(len(a)):
        pivot = k + int(np.abs(a[k:, k]).argmax()) if pivoting else k
        if pivot != k:
            a[[k, pivot]] = a[[pivot, k]]
            sign = -sign
        if a[k, k] == 0:
            return np.float32(0)
        for row in range(k + 1, len(a)):
            a[row] = a[row] - (a[row, k] / a[k, k]) * a[k]
    return np.float32(sign * np.prod(np.diag(a)))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 7),
    singular=st.booleans(),
)
def test_no_elimination_with_pivots_is_accused(
    bounds_of: Bounds, seed: int, rows: int, singular: bool
) -> None:
    a = matrix(seed, rows, singular)
    pair = bounds_of("Det", [a]).pair
    assert abs(float(eliminated(a, True)) - pair.value) <= pair.errors()


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_the_value_is_that_of_mpmath(bounds_of: Bounds, rows: int) -> None:
    a = matrix(rows, rows, False)
    pair = bounds_of("Det", [a]).pair
    with mpmath.workprec(200):
        exact = mpmath.det(mpmath.matrix(a.tolist()))
        assert abs(pair.value - exact) < pair.errors() / 64


def test_a_permanent_and_a_transposed_sign_are_seen(bounds_of: Bounds) -> None:
    a = np.stack([matrix(1, 3, False), matrix(2, 3, False)])
    got = np.linalg.det(a.astype(np.float64)).astype(np.float32)
    bounded = bounds_of("Det", [a])
    assert bounded.accepts(got)
    assert not bounded.accepts(-got)
    assert not bounded.accepts(got[::-1])
