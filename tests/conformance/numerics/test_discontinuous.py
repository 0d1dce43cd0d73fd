"""Operators that jump, choose or order: exact on exact values, open where errors straddle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import FORMATS, Array, arithmetic
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.spans import nearest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

FP32 = arithmetic("fp32")
RANDOM = np.random.default_rng(8)


def run(
    op: str, *pairs: Pair | None, opset: int = 24, count: int = 1, **attributes: Any
) -> list[Pair]:
    """An operator through the engine, its outputs."""
    names = [f"x{k}" if pair is not None else "" for k, pair in enumerate(pairs)]
    outputs = [f"y{k}" for k in range(count)]
    node = helper.make_node(op, names, outputs, **attributes)
    infos = [helper.make_tensor_value_info(name, 1, None) for name in names if name]
    made = [helper.make_tensor_value_info(name, 1, None) for name in outputs]
    graph = helper.make_graph([node], "g", infos, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    feeds = {name: pair for name, pair in zip(names, pairs, strict=True) if name}
    results = bounds(model, feeds, FP32)
    assert all(isinstance(result, Pair) for result in results)
    return [result for result in results if isinstance(result, Pair)]


def near(values: Any, error: Any = 0.0) -> Pair:
    value = nearest(np.asarray(values, np.float64), FORMATS["float32"])
    spread = np.broadcast_to(np.asarray(error, np.float64), value.shape).copy()
    return Pair(value, spread if spread.any() else None, "float32")


def accepted(got: Array, pair: Pair) -> Array:
    if pair.accepts is not None:
        return pair.accepts(got)
    return np.asarray(np.abs(got.astype(float) - pair.value.astype(float)) <= pair.errors())


VALUES = st.lists(
    st.sampled_from([-2.0, -1.5, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.5]), min_size=4, max_size=4
)
ERRORS = st.lists(st.sampled_from([0.0, 1e-6, 0.3, 0.6]), min_size=4, max_size=4)
SHARES = st.lists(st.floats(-1, 1), min_size=4, max_size=4)
PLAIN = {
    "Round": np.rint,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Sign": np.sign,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PLAIN)), VALUES, VALUES, ERRORS, SHARES)
def test_whatever_a_device_may_reach_is_right(
    op: str, x: list[float], y: list[float], error: list[float], share: list[float]
) -> None:
    function = PLAIN[op]
    moved = np.array(x) + np.array(share) * np.array(error)
    operands = [near(x, error)]
    got = [moved]
    if function.nin == 2:
        operands.append(near(y))
        got.append(np.array(y))
    (result,) = run(op, *operands)
    assert accepted(np.asarray(function(*got)), result).all()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PLAIN)), VALUES, VALUES)
def test_exact_operands_have_one_right_answer(op: str, x: list[float], y: list[float]) -> None:
    function = PLAIN[op]
    values = [np.array(v) for v in (x, y)[: function.nin]]
    (result,) = run(op, *(near(v) for v in values))
    assert result.is_exact
    assert (result.value == function(*values)).all()


def test_a_jump_out_of_reach_is_not_ambiguous() -> None:
    (result,) = run("Floor", near([1.5, 1.9999999], [0.1, 0.1]))
    assert result.ambiguous == 1
    assert accepted(np.array([1.0, 2.0]), result).all()
    assert accepted(np.array([2.0, 1.5]), result).tolist() == [False, False]


def test_ties_round_to_even() -> None:
    (result,) = run("Round", near([0.5, 1.5, 2.5, -0.5, -1.5]))
    assert result.value.tolist() == [0, 2, 2, 0, -2]


def test_ambiguity_moves_through_logic_and_choice() -> None:
    (less,) = run("Less", near([1.0, 2.0], 0.1), near([1.0, 1.0]))
    (negated,) = run("Not", less)
    assert (negated.errors() > 0).tolist() == [True, False]
    (both,) = run("And", less, Pair(np.array([False, True]), None, "bool"))
    assert both.is_exact
    (either,) = run("Or", less, Pair(np.array([False, True]), None, "bool"))
    assert (either.errors() > 0).tolist() == [True, False]
    (chosen,) = run("Where", less, near([5.0, 5.0]), near([7.0, 7.0]))
    assert accepted(np.array([5.0, 7.0]), chosen).all()
    assert accepted(np.array([7.0, 5.0]), chosen).tolist() == [True, False]


def test_infinite_errors_leave_classes_open() -> None:
    (finite,) = run("IsNaN", near([1.0, np.nan], [0.5, 0.0]))
    assert finite.is_exact
    (unknown,) = run("IsInf", Pair(np.array([1.0]), np.array([np.inf]), "float32"))
    assert np.isinf(unknown.errors()).all()


def test_equal_infinities_are_equal() -> None:
    (result,) = run("Equal", near([np.inf, 1.0], [0.0, 0.5]), near([np.inf, 2.0]))
    assert result.value.tolist() == [True, False]
    assert result.is_exact


def test_relu_max_and_clip_keep_every_bit() -> None:
    x, y = near(RANDOM.normal(size=50)), near(RANDOM.normal(size=50))
    for op, operands in (("Relu", [x]), ("Max", [x, y]), ("Min", [x, y])):
        (result,) = run(op, *operands)
        assert result.is_exact
    limits = near(-0.5), near(0.5)
    (clipped,) = run("Clip", x, *limits)
    assert clipped.is_exact
    assert (clipped.value == np.clip(x.value, -0.5, 0.5)).all()
    (old,) = run("Clip", x, opset=10, min=-0.5, max=0.5)
    assert (old.value == clipped.value).all()


def test_clip_with_crossed_limits_gives_the_upper_one() -> None:
    (result,) = run("Clip", near([-9.0, 9.0]), near(2.0), near(1.0))
    assert result.value.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("op", ["Max", "Min"])
def test_an_extreme_moves_no_more_than_its_operands(op: str) -> None:
    a, b = RANDOM.normal(size=200), RANDOM.normal(size=200)
    (result,) = run(op, near(a, 0.2), near(b, 0.1))
    pick = np.maximum if op == "Max" else np.minimum
    for s, t in ((-1, 1), (1, 1), (1, -1), (0.3, -0.6)):
        got = pick(a + 0.1999 * s, b + 0.0999 * t)
        assert accepted(got, result).all()
    assert (result.errors() <= 0.2 + 1e-9).all()


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_equal_extremes_have_one_right_place(op: str, last: int) -> None:
    (result,) = run(op, near([[1.0, 3.0, 3.0, 1.0]]), axis=1, select_last_index=last)
    assert result.is_exact
    first = {"ArgMax": (1, 2), "ArgMin": (0, 3)}[op]
    assert result.value.tolist() == [[first[last]]]


def test_any_place_that_may_hold_the_largest_is_right() -> None:
    (result,) = run(
        "ArgMax", near([[1.0, 2.0, 1.95, 0.0], [9.0, 1.0, 1.0, 1.0]], 0.1), axis=1, keepdims=0
    )
    assert result.ambiguous == 1
    assert accepted(np.array([1, 0]), result).all()
    assert accepted(np.array([2, 0]), result).all()
    assert accepted(np.array([0, 1]), result).tolist() == [False, False]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 1))
def test_whatever_order_a_device_may_see_is_right(seed: int, largest: int) -> None:
    random = np.random.default_rng(seed)
    x = nearest(random.normal(size=(3, 8)), FORMATS["float32"])
    error = np.abs(random.normal(size=(3, 8))) * 0.2
    moved = x + error * random.uniform(-1, 1, (3, 8))
    k = Pair.exact(np.array([3]))
    values, places = run("TopK", Pair(x, error, "float32"), k, count=2, axis=1, largest=largest)
    order = np.argsort(-moved if largest else moved, axis=1, kind="stable")[:, :3]
    assert accepted(order, places).all()
    assert accepted(np.take_along_axis(moved, order, 1), values).all()


def test_a_place_out_of_reach_of_the_top_is_wrong() -> None:
    k = Pair.exact(np.array([2]))
    values, places = run("TopK", near([[5.0, 1.0, 4.0, 3.95]], 0.1), k, count=2)
    assert accepted(np.array([[0, 3]]), places).all()
    assert accepted(np.array([[0, 1]]), places).tolist() == [[True, False]]
    assert (values.errors() < 0.11).all()


def test_unsorted_tops_are_right_in_any_order() -> None:
    k = Pair.exact(np.array([3]))
    values, places = run("TopK", near([[5.0, 1.0, 4.0, 3.0]]), k, count=2, sorted=0)
    assert accepted(np.array([[3.0, 5.0, 4.0]]), values).all()
    assert accepted(np.array([[3, 0, 2]]), places).all()
    assert not accepted(np.array([[3.0, 5.0, 1.0]]), values).all()
    assert not accepted(np.array([[3, 0, 1]]), places).all()


def test_boxes_that_overlap_as_much_as_the_threshold_are_open() -> None:
    boxes = np.array([[[0, 0, 1, 1], [0, 1 / 3, 1, 4 / 3]]], np.float32)
    scores = Pair.exact(np.array([[[0.9, 0.8]]], np.float32))
    count = Pair.exact(np.array([10]))
    for threshold, known in ((0.3, True), (0.5, False), (0.7, True)):
        limit = Pair.exact(np.array([threshold], np.float32))
        (result,) = run("NonMaxSuppression", Pair.exact(boxes), scores, count, limit)
        assert result.is_exact is known
