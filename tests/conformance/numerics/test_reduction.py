"""Reductions and scans, against mpmath and devices that add in every order."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

mpmath: Any = import_module("mpmath")  # it has no types
SEEDS = st.integers(0, 2**32 - 1)
MODELS = ("fp32", "bf16", "fp16", "fp16-acc16")
FLOATING = (
    "ReduceSum",
    "ReduceMean",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceProd",
    "ReduceMax",
    "ReduceMin",
)


def numbers(seed: int, *shape: int) -> Array:
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=shape), np.float32)


def device(op: str, machine: Machine, x: Array) -> Array:
    """A reduction of the rows of x as a correct device does it."""

    def summed(values: Array) -> Array:
        return machine.total(values, (1,), "float32")

    x = machine.store(x, "float32")
    if op in ("ReduceL2", "ReduceSumSquare"):
        split = bool(machine.random.integers(2))
        sums = summed(machine.store(x * x, "float32") if split else x * x)
        sums = machine.store(sums, "float32")
        return machine.store(np.sqrt(sums), "float32") if op == "ReduceL2" else sums
    if op == "ReduceLogSumExp":
        peak = x.max(axis=1, keepdims=True)
        powers = machine.inexact(np.exp(machine.store(x - peak, "float32")), "float32", 3)
        sums = machine.store(summed(powers), "float32")
        return machine.store(peak + machine.inexact(np.log(sums), "float32", 3), "float32")
    if op == "ReduceMean":
        count = x.shape[1]
        scale = machine.arithmetic.summing("float32")
        inverse = np.float32(1 / count) if scale.name == "float32" else np.float16(1 / count)
        sums = summed(x)
        return machine.store(machine.one_of([sums / count, sums * float(inverse)]), "float32")
    sums = machine.store(summed(np.abs(x) if op == "ReduceL1" else x), "float32")
    return machine.inexact(np.log(sums), "float32", 3) if op == "ReduceLogSum" else sums


@settings(max_examples=120, deadline=None)
@given(
    seed=SEEDS,
    count=st.integers(1, 40),
    op=st.sampled_from(FLOATING[:7]),
    model=st.sampled_from(MODELS),
)
def test_a_correct_device_stays_within_the_bound_in_any_order(
    bounds_of: Callable[..., Any], seed: int, count: int, op: str, model: str
) -> None:
    x = numbers(seed, 6, count)
    x = np.abs(x) + np.float32(0.5) if op == "ReduceLogSum" else x
    made = bounds_of(op, [x, np.array([1])], model=model, opset=20)
    got = device(op, Machine(arithmetic(model), seed), x.astype(np.float64))
    assert made.accepts(got.astype(np.float32))


def exact(op: str, row: list[Any]) -> Any:
    """The reduction of a row in 60 digits."""
    fsum = mpmath.fsum
    table: dict[str, Callable[[], Any]] = {
        "ReduceSum": lambda: fsum(row),
        "ReduceMean": lambda: fsum(row) / len(row),
        "ReduceL1": lambda: fsum(row, absolute=True),
        "ReduceL2": lambda: mpmath.sqrt(fsum(row, squared=True)),
        "ReduceSumSquare": lambda: fsum(row, squared=True),
        "ReduceLogSum": lambda: mpmath.log(fsum(row)),
        "ReduceLogSumExp": lambda: mpmath.log(fsum([mpmath.exp(x) for x in row])),
        "ReduceProd": lambda: mpmath.fprod(row),
        "ReduceMax": lambda: max(row),
        "ReduceMin": lambda: min(row),
    }
    return table[op]()


@pytest.mark.parametrize("op", FLOATING)
def test_values_are_exact_to_far_below_the_bound(
    bounds_of: Callable[..., Any], op: str
) -> None:
    x = numbers(1, 5, 60) * np.float32(3)
    x = np.abs(x) if op == "ReduceLogSum" else x
    made = bounds_of(op, [x, np.array([-1])], opset=20, keepdims=0).pair
    with mpmath.workdps(60):
        for row, value, error in zip(x, made.value, made.errors(), strict=True):
            right = exact(op, [mpmath.mpf(float(v)) for v in row])
            assert abs(right - value) <= max(error / 64, 0)


@pytest.mark.parametrize("op", FLOATING)
def test_a_wrong_axis_is_not_within_the_bound(bounds_of: Callable[..., Any], op: str) -> None:
    x = np.abs(numbers(2, 7, 7)) + np.float32(0.1)
    first, second = (bounds_of(op, [x, np.array([axis])], opset=20) for axis in (0, 1))
    got = second.pair.value.reshape(first.pair.value.shape).astype(np.float32)
    assert first.accepts(first.pair.value.astype(np.float32))
    assert not first.accepts(got)


def test_axes_are_an_attribute_or_an_input_by_version(bounds_of: Callable[..., Any]) -> None:
    x = numbers(3, 2, 3, 4)
    old = bounds_of("ReduceSum", [x], opset=11, axes=[0, -1]).pair
    new = bounds_of("ReduceSum", [x, np.array([0, -1])], opset=13).pair
    assert np.array_equal(old.value, new.value)
    assert old.value.shape == (1, 3, 1)
    assert np.array_equal(old.errors(), new.errors())


@pytest.mark.parametrize("op", FLOATING)
def test_no_axes_mean_all_of_them_or_only_the_rest_of_the_operator(
    bounds_of: Callable[..., Any], op: str
) -> None:
    x = np.abs(numbers(4, 2, 3)) + np.float32(0.1)
    assert bounds_of(op, [x], opset=20, keepdims=0).pair.value.shape == ()
    kept = bounds_of(op, [x], opset=20, noop_with_empty_axes=1)
    rest = {"ReduceSumSquare": np.square, "ReduceLogSum": np.log}.get(op, np.asarray)
    assert kept.accepts(rest(x))
    assert kept.pair.is_exact == (op in FLOATING[:3] + FLOATING[7:])


def test_sums_of_nothing_are_exact(bounds_of: Callable[..., Any]) -> None:
    nothing = np.zeros((2, 0), np.float32)
    for op, value in (
        ("ReduceSum", 0),
        ("ReduceProd", 1),
        ("ReduceMax", -np.inf),
        ("ReduceL2", 0),
    ):
        made = bounds_of(op, [nothing, np.array([1])], opset=20)
        assert made.accepts(np.full((2, 1), value, np.float32))
        assert not made.accepts(np.full((2, 1), 0.5, np.float32))


def test_the_norm_of_zeros_has_a_bound(bounds_of: Callable[..., Any]) -> None:
    made = bounds_of("ReduceL2", [np.zeros((2, 5), np.float32)], opset=20)
    assert (made.pair.errors() < 1e-40).all()


def test_a_squared_overflow_on_the_way_is_unknown(bounds_of: Callable[..., Any]) -> None:
    x = np.full((1, 3), 300.0, np.float16)
    assert np.isinf(bounds_of("ReduceL2", [x], opset=20).pair.error).all()
    assert np.isfinite(bounds_of("ReduceL2", [x / 4], opset=20).pair.error).all()


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, count=st.integers(1, 20), model=st.sampled_from(["fp32", "fp16-acc16"]))
def test_products_stay_within_the_bound_in_any_order(
    bounds_of: Callable[..., Any], seed: int, count: int, model: str
) -> None:
    kind = np.float32 if model == "fp32" else np.float16
    x = (numbers(seed, 4, count) * 2).astype(kind)
    made = bounds_of("ReduceProd", [x, np.array([1])], model=model, opset=20).pair
    rows = x[:, np.random.default_rng(seed).permutation(count)]
    with np.errstate(over="ignore", under="ignore"):
        got = np.multiply.reduce(rows, axis=1, keepdims=True, dtype=kind).astype(float)
    right = (np.abs(got - made.value) <= made.errors()) | (got == made.value)
    assert right.all()


def test_a_product_that_leaves_the_range_on_the_way_is_unknown(
    bounds_of: Callable[..., Any],
) -> None:
    x = np.array([[1e30, 1e30, 1e-30, 1e-30]], np.float32)
    assert np.isinf(bounds_of("ReduceProd", [x], opset=20).pair.error).all()


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, exclusive=st.booleans(), reverse=st.booleans(), parallel=st.booleans())
def test_scans_stay_within_the_bound_in_sequence_and_in_parallel(
    bounds_of: Callable[..., Any], seed: int, exclusive: bool, reverse: bool, parallel: bool
) -> None:
    x = numbers(seed, 3, 16)
    form = {"exclusive": int(exclusive), "reverse": int(reverse)}
    made = bounds_of("CumSum", [x, np.array(1)], opset=14, **form)
    rows = x[:, ::-1] if reverse else x
    if exclusive:
        rows = np.concatenate([np.zeros((3, 1), np.float32), rows[:, :-1]], axis=1)
    got = np.cumsum(rows, axis=1, dtype=np.float32)
    if parallel:
        got = rows.copy()
        for shift in (1, 2, 4, 8):
            got[:, shift:] = got[:, shift:] + got[:, :-shift]
    got = got[:, ::-1] if reverse else got
    assert made.accepts(got)
    assert not made.accepts(got[:, ::-1])


def test_cumulative_products_follow_their_attributes(bounds_of: Callable[..., Any]) -> None:
    x = np.array([2, 3, 4], np.float32)
    for form, right in (
        ({}, [2, 6, 24]),
        ({"exclusive": 1}, [1, 2, 6]),
        ({"reverse": 1}, [24, 12, 4]),
        ({"exclusive": 1, "reverse": 1}, [12, 4, 1]),
    ):
        made = bounds_of("CumProd", [x, np.array(0)], opset=26, **form)
        assert made.accepts(np.array(right, np.float32))
        assert not made.accepts(np.array(right, np.float32) * np.float32(1.001))


def test_an_extreme_moves_only_as_far_as_an_interval_reaches(
    bounds_of: Callable[..., Any],
) -> None:
    x = Pair(np.array([[1.0, 5.0, 4.9]]), np.array([[9.0, 0.1, 0.3]]), "float32")
    made = bounds_of("ReduceMax", [x, np.array([1])], opset=20).pair
    assert made.errors().item() == pytest.approx(5.0)
    exact_ = bounds_of("ReduceMax", [x.value.astype(np.float32), np.array([1])], opset=20).pair
    assert exact_.is_exact


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceL2"])
def test_a_quotient_of_whole_numbers_may_go_either_way(
    bounds_of: Callable[..., Any], op: str
) -> None:
    made = bounds_of(op, [np.array([[-3, 2, -6]], np.int32), np.array([1])], opset=20)
    low = {"ReduceMean": -3, "ReduceL2": 7}[op]
    for value in (low, low + (op == "ReduceMean")):
        assert made.accepts(np.array([[value]], np.int32))
    assert not made.accepts(np.array([[low + 2]], np.int32))


def test_whole_numbers_sum_exactly_and_wrap(bounds_of: Callable[..., Any]) -> None:
    made = bounds_of("ReduceSum", [np.array([2**31 - 1, 1], np.int32)], opset=20).pair
    assert made.is_exact
    assert made.value.item() == -(2**31)


def test_hardmax_takes_the_first_of_equal_maxima(bounds_of: Callable[..., Any]) -> None:
    x = np.array([[1, 3, 3], [2, 2, 0]], np.float32)
    made = bounds_of("Hardmax", [x], opset=13)
    assert made.accepts(np.array([[0, 1, 0], [1, 0, 0]], np.float32))
    assert not made.accepts(np.array([[0, 0, 1], [1, 0, 0]], np.float32))


def test_hardmax_of_inexact_numbers_may_be_any_that_reaches_the_top(
    bounds_of: Callable[..., Any],
) -> None:
    x = Pair(np.array([[1.0, 3.0, 2.9]]), np.full((1, 3), 0.2), "float32")
    made = bounds_of("Hardmax", [x], opset=13)
    assert made.accepts(np.array([[0, 1, 0]], np.float32))
    assert made.accepts(np.array([[0, 0, 1]], np.float32))
    assert not made.accepts(np.array([[1, 0, 0]], np.float32))
    assert not made.accepts(np.array([[0, 1, 1]], np.float32))
    assert made.pair.ambiguous == 2


def test_hardmax_before_version_13_is_over_all_that_follows(
    bounds_of: Callable[..., Any],
) -> None:
    x = np.zeros((2, 2, 2), np.float32)
    x[0, 1, 0] = x[1, 0, 1] = 1
    made = bounds_of("Hardmax", [x], opset=11, axis=1)
    assert made.accepts(x)
    assert made.pair.value.sum() == 2
