"""Sums of products, against mpmath and devices that add in every order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.families.contraction import contract, plus, scaled, total
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.rules import Step
from hypothesis import given, settings
from hypothesis import strategies as st

mpmath: Any = import_module("mpmath")  # it has no types
MODELS = ("fp32", "tf32", "bf16", "fp16", "fp16-acc16")
SEEDS = st.integers(0, 2**32 - 1)


def numbers(seed: int, *shape: int, spread: float = 4.0) -> Array:
    """float32 numbers of many sizes and both signs."""
    random = np.random.default_rng(seed)
    scale = np.exp2(random.uniform(-spread, spread, shape))
    return np.asarray(random.normal(size=shape) * scale, np.float32)


def step(model: str = "fp32", *, flush: bool = False, primitive: bool = False) -> Step:
    """A step of an arithmetic, for the primitives."""

    def reference(values: Any) -> list[Any]:
        raise AssertionError(values)

    chosen = replace(arithmetic(model), flush="all" if flush else "none")
    return Step("MatMul", "", 13, {}, chosen, ("y",), reference, primitive)


def device(seed: int, model: str, a: Array, b: Array) -> Array:
    """A correct device's product."""
    machine = Machine(arithmetic(model), seed)
    left, right = (machine.operand(x, "float32") for x in (a, b))
    return machine.store(machine.contract(left, right, "float32"), "float32")


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, k=st.integers(1, 70), model=st.sampled_from(MODELS))
def test_a_correct_device_stays_within_the_bound_in_any_order(
    bounds_of: Callable[..., Any], seed: int, k: int, model: str
) -> None:
    a, b = numbers(seed, 3, k), numbers(seed + 1, k, 5)
    made = bounds_of("MatMul", [a, b], model=model)
    assert made.accepts(device(seed, model, a, b).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_value_is_the_exact_product(
    bounds_of: Callable[..., Any], dtype: type[np.floating[Any]]
) -> None:
    a, b = numbers(1, 2, 300).astype(dtype), numbers(2, 300, 2).astype(dtype)
    made = bounds_of("MatMul", [a, b]).pair
    for i, j in np.ndindex(2, 2):
        terms = [mpmath.mpf(float(x)) * float(y) for x, y in zip(a[i], b[:, j], strict=True)]
        size = mpmath.fsum(terms, absolute=True)
        assert abs(mpmath.fsum(terms) - made.value[i, j]) < size * 2.0**-45
        assert made.error[i, j] > 64 * size * 2.0**-52


@pytest.mark.parametrize("other", ["tf32", "bf16", "fp16", "fp16-acc16"])
def test_a_device_of_a_lower_arithmetic_is_not_within_the_bound_of_float32(
    bounds_of: Callable[..., Any], other: str
) -> None:
    a, b = numbers(3, 8, 32, spread=1), numbers(4, 32, 8, spread=1)
    assert not bounds_of("MatMul", [a, b]).accepts(device(0, other, a, b).astype(np.float32))


@pytest.mark.parametrize("model", MODELS)
def test_zeros_and_a_rolled_result_are_not_within_the_bound(
    bounds_of: Callable[..., Any], model: str
) -> None:
    a, b = numbers(5, 8, 16, spread=1), numbers(6, 16, 8, spread=1)
    made = bounds_of("MatMul", [a, b], model=model)
    assert not made.accepts(np.zeros((8, 8), np.float32))
    assert not made.accepts(np.roll(made.pair.value, 1).astype(np.float32))


def test_too_long_a_sum_in_float16_is_unknown(bounds_of: Callable[..., Any]) -> None:
    known, unknown = (
        bounds_of(
            "MatMul",
            [np.ones((1, n), np.float16), np.ones((n, 1), np.float16)],
            model="fp16-acc16",
        ).pair.error
        for n in (500, 600)
    )
    assert np.isfinite(known).all()
    assert np.isinf(unknown).all()


def test_an_accumulator_that_may_overflow_on_the_way_is_unknown(
    bounds_of: Callable[..., Any],
) -> None:
    a = np.array([[60000, 60000, -60000, -60000]], np.float16)
    b = np.ones((4, 1), np.float16)
    assert np.isinf(bounds_of("MatMul", [a, b], model="fp16-acc16").pair.error).all()
    assert np.isfinite(bounds_of("MatMul", [a, b], model="fp16").pair.error).all()


def test_errors_of_the_operands_pass_on_and_the_worst_of_them_is_reached() -> None:
    a, b = numbers(7, 4, 9), numbers(8, 9, 3)
    e_a, e_b = np.abs(a) * 1e-2, np.abs(b) * 1e-2
    left = Pair(a.astype(float), e_a.astype(float), "float32")
    right = Pair(b.astype(float), e_b.astype(float), "float32")
    made = contract(step(), left, right, "ij,jk->ik")
    reached = np.abs(a.astype(float)) @ np.abs(b) * (1.01**2 - 1)
    assert (made.errors() >= reached).all()
    assert (made.errors() <= reached * 1.01).all()


def test_infinities_and_nan_are_certain_where_no_error_took_part(
    bounds_of: Callable[..., Any],
) -> None:
    a = np.array([[np.inf, 1], [np.nan, 1], [np.inf, -np.inf], [2, 3]], np.float32)
    b = np.ones((2, 1), np.float32)
    made = bounds_of("MatMul", [a, b])
    assert made.accepts(np.array([[np.inf], [np.nan], [np.nan], [5]], np.float32))
    assert not made.accepts(np.array([[np.inf], [np.nan], [np.inf], [5]], np.float32))


def test_what_fits_the_format_of_operands_is_not_rounded(
    bounds_of: Callable[..., Any],
) -> None:
    a = np.array([[1.0, 2.5, -3.0]], np.float32)
    b = np.array([[0.5], [4.0], [8.0]], np.float32)
    exact = bounds_of("MatMul", [a, b], model="tf32").pair.error
    rounded = bounds_of("MatMul", [a * np.float32(1.0001), b], model="tf32").pair.error
    assert (exact < rounded / 100).all()


def test_where_subnormals_are_flushed_each_product_may_vanish() -> None:
    a = Pair.exact(np.full((1, 4), 1e-19, np.float32))
    b = Pair.exact(np.full((4, 1), 1e-19, np.float32))
    kept = contract(step(), a, b, "ij,jk->ik")
    flushed = contract(step(flush=True), a, b, "ij,jk->ik")
    assert (kept.errors() < 4e-44).all()
    assert (flushed.errors() >= np.abs(kept.value)).all()


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, model=st.sampled_from(MODELS), fused=st.booleans())
def test_gemm_may_be_fused_or_split(
    bounds_of: Callable[..., Any], seed: int, model: str, fused: bool
) -> None:
    a, b, c = numbers(seed, 9, 4), numbers(seed + 1, 5, 9), numbers(seed + 2, 5)
    made = bounds_of("Gemm", [a, b, c], model=model, transA=1, transB=1, alpha=0.7, beta=-1.3)
    machine = Machine(arithmetic(model), seed)
    left, right = (machine.operand(x.T, "float32") for x in (a, b))
    inner = machine.contract(left, right, "float32")
    alpha, beta = float(np.float32(0.7)), float(np.float32(-1.3))
    bias = machine.store(c, "float32")
    if fused:
        got = machine.store(alpha * inner + beta * bias, "float32")
    else:
        kept = [machine.store(v, "float32") for v in (inner, beta * bias)]
        scaled_ = machine.store(alpha * kept[0], "float32")
        got = machine.store(scaled_ + kept[1], "float32")
    assert made.accepts(got.astype(np.float32))


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, size=st.sampled_from([1.0, 1e3, 1e6]))
def test_gemm_may_start_from_its_bias(
    bounds_of: Callable[..., Any], seed: int, size: float
) -> None:
    a, b = numbers(seed, 3, 200, spread=0), numbers(seed + 1, 200, 4, spread=0)
    c = numbers(seed + 2, 4) * np.float32(size)
    got = np.broadcast_to(c, (3, 4))
    for k in range(200):
        got = got + a[:, k, None] * b[k]
    assert bounds_of("Gemm", [a, b, c]).accepts(got)
    assert bounds_of("Gemm", [a, b, c], primitive=True).accepts(got)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, path=st.sampled_from([(0, 1), (0, 2), (1, 2)]))
def test_einsum_of_three_may_take_any_path(
    bounds_of: Callable[..., Any], seed: int, path: tuple[int, int]
) -> None:
    arrays = [numbers(seed, 3, 4), numbers(seed + 1, 4, 5), numbers(seed + 2, 5, 2)]
    made = bounds_of("Einsum", arrays, equation="ij,jk,kl->il")
    order: Any = ["einsum_path", path, (0, 1)]
    assert made.accepts(np.einsum("ij,jk,kl->il", *arrays, optimize=order))


@pytest.mark.parametrize("equation", ["ij->ji", "...i->i...", "ii->i"])
def test_einsum_that_only_moves_is_exact(bounds_of: Callable[..., Any], equation: str) -> None:
    x = numbers(9, 3, 3)
    made = bounds_of("Einsum", [x], equation=equation).pair
    assert made.is_exact
    assert np.array_equal(made.value, np.einsum(equation, x))


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
        ("...ij,...jk->...ik", [(2, 3, 4), (4, 5)]),
        ("i,i", [(7,), (7,)]),
        ("ij->", [(3, 4)]),
        ("ij,ij->i", [(3, 4), (3, 1)]),
    ],
)
def test_einsum_follows_its_equation(
    bounds_of: Callable[..., Any], equation: str, shapes: list[tuple[int, ...]]
) -> None:
    arrays = [numbers(k, *shape) for k, shape in enumerate(shapes)]
    made = bounds_of("Einsum", arrays, equation=equation)
    got = np.einsum(equation, *[a.astype(float) for a in arrays]).astype(np.float32)
    assert made.accepts(got)
    assert not made.accepts(got * np.float32(1.001))


def test_whole_numbers_are_exact_and_wrap(bounds_of: Callable[..., Any]) -> None:
    a, b = np.array([[2**30, 2**30]], np.int32), np.array([[1], [3]], np.int32)
    made = bounds_of("MatMul", [a, b]).pair
    assert made.is_exact
    assert made.value.item() == 0


def test_the_sum_of_one_number_is_that_number() -> None:
    x = Pair.exact(numbers(1, 5, 1))
    assert total(step(), x, (1,)).is_exact
    assert not total(step(), x, (0,)).is_exact


def test_additions_and_scalings_round_once() -> None:
    a, b = (Pair.exact(np.array(v, np.float32)) for v in (1.0, 2.0**-30))
    assert 2.0**-24 <= plus(step(), a, b).errors() < 2.0**-23
    assert scaled(step(), a, 1.0).is_exact
    assert 0 < scaled(step(), a, 0.3).errors() < 2.0**-25
