from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.vacuity import vacuous

FP32 = arithmetic("fp32")


def reasons(expected: Quantity, **feeds: Quantity) -> list[str]:
    return vacuous(["y"], [expected], feeds, FP32)


def weights(values: list[float]) -> Pair:
    return Pair.exact(np.array(values, np.float32))


def pair(value: Any, error: Any) -> Pair:
    value = np.asarray(value, np.float64)
    return Pair(value, np.broadcast_to(np.float64(error), value.shape).copy(), "float32")


def test_a_tight_bound_on_plain_numbers_says_something() -> None:
    assert reasons(pair([1.0, -2.0, 5.0], 1e-6)) == []


def test_a_bound_near_the_outputs_scale_says_nothing() -> None:
    (reason,) = reasons(pair([1.0, -2.0, 5.0], 1.0))
    assert "the bound says nothing" in reason


def test_no_bound_says_nothing() -> None:
    assert len(reasons(pair([1.0, -2.0, 5.0], np.inf))) == 1


def test_zeros_within_the_bound_make_the_case_vacuous() -> None:
    value, error = np.zeros(20), np.zeros(20)
    value[[3, 7]], error[[3, 7]] = 1.0, 2.0
    assert reasons(Pair(value, error, "float32")) == ["y: all zeros would not fail"]


def test_a_roll_within_the_bound_makes_the_case_vacuous() -> None:
    expected = pair([1.0, 1.01, 1.02, 1.03], 0.1)
    assert reasons(expected) == ["y: the reference rolled by one would not fail"]


def test_the_mean_within_the_bound_makes_the_case_vacuous() -> None:
    expected = pair([1.0, 1.2, 1.0, 1.2], 0.15)
    assert reasons(expected) == ["y: its mean everywhere would not fail"]


def test_a_copy_of_an_input_within_the_bound_makes_the_case_vacuous() -> None:
    x = np.array([1.0, 2.0, 4.0], np.float32)
    expected = pair(x * (1 + 1e-4), 1e-3)
    assert reasons(expected, x=Pair.exact(x)) == ["y: a copy of x would not fail"]
    assert reasons(expected, x=Pair.exact(-x)) == []


def test_a_copy_may_be_reshaped_or_broadcast() -> None:
    expected = pair([[1.0, 2.0], [1.0, 2.0001]], 1e-3)
    row = weights([1.0, 2.0])
    assert reasons(expected, x=row) == ["y: a copy of x would not fail"]
    flat = weights([1.0, 2.0, 1.0, 2.0])
    assert reasons(expected, x=flat) == ["y: a copy of x would not fail"]


def test_the_right_answer_is_no_impostor() -> None:
    x = weights([1.0, 2.0, 4.0])
    assert reasons(x, x=x) == []
    assert reasons(Pair.exact(np.zeros(4, np.float32))) == []
    assert reasons(Pair.exact(np.array([True, True]))) == []
    assert reasons(Pair.exact(np.array(["a", "b"], object))) == []


def test_an_exact_answer_that_may_be_anything_is_vacuous() -> None:
    def anything(got: Array) -> Array:
        return np.ones(got.shape, bool)

    accepts: Callable[[Array], Array] = anything
    expected = Pair(np.array([3, 4]), None, "int64", accepts=accepts)
    assert reasons(expected) == ["y: all zeros would not fail"]


def test_a_bound_that_refuses_its_own_reference_is_reported() -> None:
    (reason,) = reasons(pair([0.1, 0.7], 1e-12))
    assert "y[" in reason


def test_every_tensor_of_a_sequence_is_forged() -> None:
    expected: Quantity = [pair([1.0, 2.0], 1e-6), None, pair([3.0, 4.5], 1e-6)]
    assert reasons(expected) == []
