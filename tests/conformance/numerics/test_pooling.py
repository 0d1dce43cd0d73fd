"""Pools, against plain loops and simulated devices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)
FORMS: list[dict[str, Any]] = [
    {"kernel_shape": [3, 2]},
    {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]},
    {"kernel_shape": [3, 3], "strides": [3, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
    {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1, "dilations": [2, 1]},
]


def numbers(seed: int, *shape: int) -> Array:
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=shape), np.float32)


def windows(x: Array, form: dict[str, Any]) -> Iterator[tuple[tuple[int, ...], Array, int]]:
    """Every window by PyTorch's definition: its place, its elements, and its size with pads."""
    kernel, strides = form["kernel_shape"], form.get("strides", [1, 1])
    pads, holes = form.get("pads", [0] * 4), form.get("dilations", [1, 1])
    ranges = list[list[list[int]]]()
    for axis in (0, 1):
        size, stride = x.shape[2 + axis], strides[axis]
        reach = holes[axis] * (kernel[axis] - 1) + 1
        free = size + pads[axis] + pads[axis + 2] - reach
        count = free // stride + 1
        if form.get("ceil_mode") and free % stride and count * stride < size + pads[axis]:
            count += 1
        first = [k * stride - pads[axis] for k in range(count)]
        within = size + pads[axis + 2]
        ranges.append([[s + k * holes[axis] for k in range(kernel[axis])] for s in first])
        ranges[-1] = [[p for p in places if p < within] for places in ranges[-1]]
    for n, c in np.ndindex(*x.shape[:2]):
        for (i, rows), (j, columns) in itertools.product(*map(enumerate, ranges)):
            inner = [(r, s) for r in rows for s in columns]
            real = [
                x[n, c, r, s] for r, s in inner if 0 <= r < x.shape[2] and 0 <= s < x.shape[3]
            ]
            yield (n, c, i, j), np.array(real), len(inner)


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    form=st.sampled_from(FORMS),
    pads=st.booleans(),
    model=st.sampled_from(["fp32", "bf16", "fp16-acc16"]),
)
def test_averages_stay_within_the_bound(
    bounds_of: Callable[..., Any], seed: int, form: dict[str, Any], pads: bool, model: str
) -> None:
    x = numbers(seed, 1, 2, 7, 6)
    made = bounds_of("AveragePool", [x], model=model, count_include_pad=int(pads), **form)
    machine = Machine(arithmetic(model), seed)
    got = np.zeros(made.pair.value.shape)
    for place, inside, count in windows(x, form):
        total = machine.total(machine.store(inside, "float32"), (0,), "float32").item()
        divisor = count if pads else len(inside)
        got[place] = machine.store(np.asarray(total / divisor), "float32")
    assert made.accepts(got.astype(np.float32))
    assert not made.accepts(np.zeros_like(got, np.float32))


@pytest.mark.parametrize("form", FORMS)
def test_maxima_are_exact_and_their_indices_name_them(
    bounds_of: Callable[..., Any], form: dict[str, Any]
) -> None:
    x = numbers(1, 2, 2, 7, 6)
    made = bounds_of("MaxPool", [x], outputs=2, **form)
    values, places = made.pair.value, made.others[0].value
    assert made.pair.is_exact
    assert np.array_equal(x.ravel()[places], values.astype(np.float32))
    for place, inside, _ in windows(x, form):
        assert values[place] == inside.max()


def test_any_of_equal_maxima_may_be_named(bounds_of: Callable[..., Any]) -> None:
    x = np.array([[[[1, 3, 3, 0]]]], np.float32)
    made = bounds_of("MaxPool", [x], outputs=2, kernel_shape=[1, 3])
    assert made.others[0].value.tolist() == [[[[1, 1]]]]
    assert made.accepts(np.array([[[[2, 2]]]]), output=1)
    assert not made.accepts(np.array([[[[0, 2]]]]), output=1)
    assert not made.accepts(np.array([[[[1, 3]]]]), output=1)


def test_what_may_be_largest_may_be_named(bounds_of: Callable[..., Any]) -> None:
    x = Pair(np.array([[[[1.0, 2.0, 2.2]]]]), np.full((1, 1, 1, 3), 0.15), "float32")
    made = bounds_of("MaxPool", [x], outputs=2, kernel_shape=[1, 3])
    assert made.pair.errors().item() == pytest.approx(0.15)
    assert made.accepts(np.array([[[[1]]]]), output=1)
    assert not made.accepts(np.array([[[[0]]]]), output=1)


def test_indices_may_count_by_columns(bounds_of: Callable[..., Any]) -> None:
    x = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    made = bounds_of("MaxPool", [x], outputs=2, opset=12, kernel_shape=[3, 4], storage_order=1)
    assert made.others[0].value.item() == 11
    made = bounds_of("MaxPool", [x], outputs=2, opset=12, kernel_shape=[1, 4], storage_order=1)
    assert made.others[0].value.ravel().tolist() == [9, 10, 11]


def test_maxima_of_whole_numbers_keep_their_type(bounds_of: Callable[..., Any]) -> None:
    x = np.arange(-4, 5, dtype=np.int8).reshape(1, 1, 3, 3)
    made = bounds_of("MaxPool", [x], kernel_shape=[2, 2], opset=12)
    assert made.accepts(np.array([[[[0, 1], [3, 4]]]], np.int8))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, form=st.sampled_from(FORMS), p=st.sampled_from([1, 2, 3, 5]))
def test_norms_stay_within_the_bound(
    bounds_of: Callable[..., Any], seed: int, form: dict[str, Any], p: int
) -> None:
    x = numbers(seed, 1, 2, 7, 6)
    made = bounds_of("LpPool", [x], p=p, **form)
    got = np.zeros(made.pair.value.shape, np.float32)
    inverse = np.float32(1 / p)
    for place, inside, _ in windows(x, form):
        powers = np.abs(inside) ** np.float32(p)
        got[place] = np.add.reduce(powers, dtype=np.float32) ** inverse
    assert made.accepts(got)
    assert not made.accepts(got * np.float32(1.001))


FOLDS: dict[str, Callable[[Array], Array]] = {
    "GlobalAveragePool": lambda x: np.mean(x, axis=(2, 3, 4), keepdims=True),
    "GlobalMaxPool": lambda x: np.max(x, axis=(2, 3, 4), keepdims=True),
    "GlobalLpPool": lambda x: np.sqrt(np.sum(x**2, axis=(2, 3, 4), keepdims=True)),
}


@pytest.mark.parametrize("op", FOLDS)
def test_global_pools_fold_every_spatial_axis(bounds_of: Callable[..., Any], op: str) -> None:
    x = numbers(2, 2, 3, 4, 5, 2)
    made = bounds_of(op, [x])
    assert made.accepts(FOLDS[op](x))
    assert not made.accepts(np.roll(FOLDS[op](x), 1, axis=1))


def test_padding_beyond_the_end_is_not_counted(bounds_of: Callable[..., Any]) -> None:
    x = np.ones((1, 1, 1, 5), np.float32)
    form = {"kernel_shape": [1, 3], "strides": [1, 3], "pads": [0, 0, 0, 0], "ceil_mode": 1}
    made = bounds_of("AveragePool", [x], count_include_pad=1, **form).pair
    assert made.value.ravel().tolist() == [1, 1]


def test_unpooling_moves_elements_back(bounds_of: Callable[..., Any]) -> None:
    x = numbers(3, 1, 1, 4, 4)
    pooled = bounds_of("MaxPool", [x], outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    values = pooled.pair.value.astype(np.float32)
    back = bounds_of(
        "MaxUnpool", [values, pooled.others[0].value], kernel_shape=[2, 2], strides=[2, 2]
    ).pair
    assert back.is_exact
    kept = back.value != 0
    assert kept.sum() == 4
    assert np.array_equal(back.value[kept], x[kept])


def test_two_elements_for_one_place_are_unknown_there(bounds_of: Callable[..., Any]) -> None:
    x, at = np.array([[[1.0, 2.0]]], np.float32), np.array([[[1, 1]]])
    made = bounds_of("MaxUnpool", [x, at], kernel_shape=[2], strides=[2]).pair
    assert made.errors().ravel().tolist() == [0, np.inf, 0, 0]
