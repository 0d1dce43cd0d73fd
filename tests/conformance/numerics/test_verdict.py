from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.verdict import (
    Hypothesis,
    OutputVerdict,
    effective_bits,
    judge,
    settle,
)
from hal_conformance.records import Outcome

from hal import dtypes
from hal.tensor import Tensor

FP32 = arithmetic("fp32")
INF, NAN = float("inf"), float("nan")


def pair(value: Any, error: Any, dtype: str = "float32") -> Pair:
    return Pair(np.asarray(value, np.float64), np.asarray(error, np.float64), dtype)


def tensor(values: Any, dtype: str = "float32") -> Tensor:
    return Tensor(np.asarray(values).astype(dtypes.of_name(dtype).numpy), dtypes.of_name(dtype))


def weights(values: list[float]) -> Pair:
    return Pair.exact(np.array(values, np.float32))


def _tensors(values: Any) -> bool:
    return isinstance(values, list) and isinstance(next(iter(values), None), Tensor)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # a list of anything


def verdict(got: Any, expected: Quantity, how: str = "fp32") -> OutputVerdict:
    value = got if got is None or isinstance(got, Tensor) or _tensors(got) else tensor(got)
    (found,) = judge(["y"], [value], [expected], arithmetic(how))
    return found


def test_an_element_is_right_up_to_its_bound_and_wrong_beyond() -> None:
    expected = pair([1.0, 2.0], [0.125, 0.25])
    assert verdict([1.125, 1.75], expected).outcome is Outcome.PASS
    assert verdict([1.125, 1.5], expected).outcome is Outcome.FAIL


def test_the_record_says_how_far_where_the_median_and_the_bias() -> None:
    found = verdict([1.0625, 2.25, 2.9375], pair([1.0, 2.0, 3.0], [0.125, 0.125, 0.125]))
    assert found.outcome is Outcome.FAIL
    assert (found.margin, found.where) == (2.0, (1,))
    assert found.median == 0.5
    assert found.bias == pytest.approx((0.5 + 2.0 - 0.5) / 3)
    assert found.ulp == 0.25 * 2**22
    assert found.reason is not None
    assert "y[1]: got 2.25, expected 2.0, 2 times the bound 0.125 away" in found.reason
    assert found.record().worst_ulp == found.ulp
    assert not found.record().ok


def test_nan_is_right_only_where_the_reference_has_it() -> None:
    expected = pair([NAN, 1.0, 2.0], [0.0, 0.1, 0.1])
    assert verdict([NAN, 1.0, 2.0], expected).outcome is Outcome.PASS
    assert verdict([0.0, 1.0, 2.0], expected).outcome is Outcome.FAIL
    assert verdict([NAN, NAN, 2.0], expected).outcome is Outcome.FAIL


def test_infinities_must_have_the_right_sign() -> None:
    expected = pair([INF, 1.0], [0.0, 0.1])
    assert verdict([INF, 1.0], expected).outcome is Outcome.PASS
    for wrong in (-INF, NAN, 3.4e38):
        assert verdict([wrong, 1.0], expected).outcome is Outcome.FAIL


def test_a_value_that_may_pass_the_largest_finite_one_may_overflow() -> None:
    largest = FP32.outputs.largest
    near = pair([largest, 1.0], [1e32, 0.1])
    assert verdict([INF, 1.0], near).outcome is Outcome.PASS
    assert verdict([-INF, 1.0], near).outcome is Outcome.FAIL
    assert verdict([INF, 1.0], pair([1e38, 1.0], [1e32, 0.1])).outcome is Outcome.FAIL
    beyond = pair([-1e39, -1e38], [1e32, 1e32])
    assert verdict([-INF, -1e38], beyond).outcome is Outcome.PASS


def test_overflow_is_that_of_the_stored_format_not_of_the_tensor() -> None:
    expected = pair([7e4, 1.0], [10.0, 1e-3])
    assert verdict([INF, 1.0], expected, "fp16").outcome is Outcome.PASS
    assert verdict([INF, 1.0], expected, "fp32").outcome is Outcome.FAIL


def test_formats_without_infinity_overflow_to_nan() -> None:
    expected = pair([500.0, 4.0], [1.0, 0.25], "float8e4m3fn")
    got = tensor([NAN, 4.0], "float8e4m3fn")
    assert verdict(got, expected).outcome is Outcome.PASS
    small = pair([300.0, 4.0], [1.0, 0.25], "float8e4m3fn")
    assert verdict(got, small).outcome is Outcome.FAIL


def test_minus_zero_equals_plus_zero() -> None:
    assert verdict([-0.0, 1.0], weights([0.0, 1.0])).outcome is Outcome.PASS


@pytest.mark.parametrize("error", [INF, NAN])
def test_what_has_no_bound_is_unjudged_and_never_a_pass(error: float) -> None:
    found = verdict([1.0, 2.0], pair([1.0, 2.0], [0.1, error]))
    assert found.outcome is Outcome.UNJUDGED
    assert found.unjudged == 1
    assert found.grade is None


def test_a_wrong_element_fails_though_others_have_no_bound() -> None:
    assert verdict([9.0, 2.0], pair([1.0, 2.0], [0.1, INF])).outcome is Outcome.FAIL


def test_an_oversized_bound_is_unjudged_within_and_fails_beyond() -> None:
    expected = pair([1.0, 1.0], [0.5, 0.5])
    assert verdict([1.0, 1.0], expected).outcome is Outcome.UNJUDGED
    assert verdict([2.0, 1.0], expected).outcome is Outcome.FAIL


def test_a_tenth_of_the_elements_may_have_oversized_bounds() -> None:
    value, error = np.ones(20), np.full(20, 1e-6)
    error[:2] = 0.5
    assert verdict(value, pair(value, error)).outcome is Outcome.PASS
    error[2] = 0.5
    assert verdict(value, pair(value, error)).outcome is Outcome.UNJUDGED


def test_whole_numbers_booleans_and_text_are_equal_or_wrong() -> None:
    for right, wrong in (
        (np.array([2**62 + 1, 1]), np.array([2**62, 1])),
        (np.array([True, False]), np.array([True, True])),
        (np.array(["a", "b"], object), np.array(["a", "c"], object)),
    ):
        expected = Pair.exact(right)
        assert verdict(Tensor.of(right), expected).outcome is Outcome.PASS
        assert verdict(Tensor.of(wrong), expected).outcome is Outcome.FAIL


def test_a_whole_number_may_lie_within_an_error_given_to_it() -> None:
    expected = Pair(np.array([100, 50], np.uint8), np.array([1.0, 0.0]), "uint8")
    assert verdict(tensor([101, 50], "uint8"), expected).outcome is Outcome.PASS
    assert verdict(tensor([100, 51], "uint8"), expected).outcome is Outcome.FAIL


def test_ambiguous_elements_are_asked_and_counted() -> None:
    def either(got: Array) -> Array:
        return np.isin(got, [3, 4])

    expected = replace(
        Pair.exact(np.array([3, 3])), accepts=either, error=np.array([INF, INF]), ambiguous=2
    )
    found = verdict(Tensor.of(np.array([3, 4])), expected)
    assert (found.outcome, found.ambiguous) == (Outcome.PASS, 2)
    assert verdict(Tensor.of(np.array([3, 5])), expected).outcome is Outcome.FAIL

    def jumps(got: Array) -> Array:
        return np.isin(got, [3, 4, 7])

    jump = replace(pair([3.0, 7.0], [INF, 0.0]), accepts=jumps)
    assert verdict([4.0, 7.0], jump).outcome is Outcome.PASS
    assert verdict([3.5, 7.0], jump).outcome is Outcome.FAIL


def test_types_shapes_counts_and_kinds_must_agree() -> None:
    expected = weights([1.0, 2.0])
    assert verdict(tensor([1.0, 2.0], "float64"), expected).outcome is Outcome.FAIL
    assert verdict([[1.0, 2.0]], expected).outcome is Outcome.FAIL
    assert verdict(None, expected).outcome is Outcome.FAIL
    missing = judge(["y"], [], [expected], FP32)
    assert [v.outcome for v in missing] == [Outcome.FAIL]
    more = judge(["y"], [tensor([1.0, 2.0]), tensor([1.0])], [expected], FP32)
    assert [v.outcome for v in more] == [Outcome.PASS, Outcome.FAIL]
    assert judge([], [], [], FP32)[0].outcome is Outcome.FAIL


def test_the_shape_of_what_is_unknown_is_unjudged() -> None:
    unknown = weights([1.0, 2.0]).unknown()
    assert verdict([1.0], unknown).outcome is Outcome.UNJUDGED


def test_sequences_are_as_wrong_as_their_worst_element() -> None:
    expected: list[Quantity] = [weights([1.0]), weights([2.0])]
    assert verdict([tensor([1.0]), tensor([2.0])], expected).outcome is Outcome.PASS
    found = verdict([tensor([1.0]), tensor([3.0])], expected)
    assert found.outcome is Outcome.FAIL
    assert found.reason is not None
    assert found.reason.startswith("y[1][0]: got 3.0")
    assert verdict([tensor([1.0])], expected).outcome is Outcome.FAIL


def test_complex_numbers_are_compared_by_distance() -> None:
    expected = Pair(np.array([1 + 1j, 2.0]), np.array([0.125, 0.125]), "complex64")
    near = Tensor.of(np.array([1.0625 + 1.0625j, 2.0], np.complex64))
    far = Tensor.of(np.array([1.125 + 1.125j, 2.0], np.complex64))
    assert verdict(near, expected).outcome is Outcome.PASS
    assert verdict(far, expected).outcome is Outcome.FAIL


def test_grade_a_is_accurate_as_a_primitive_and_b_within_the_bound() -> None:
    expected = [pair([1.0, 1.0], [1e-3, 1e-3])]
    primitive = [pair([1.0, 1.0], [4 * 2**-23, 4 * 2**-23])]
    for ulps, grade in ((4, "A"), (5, "B")):
        got = [tensor([1.0 + ulps * 2**-23, 1.0])]
        (found,) = judge(["y"], got, expected, FP32, primitive)
        assert found.grade == grade
    assert verdict([1.0, 1.0], expected[0]).grade == "A"
    assert verdict([1.0 + 2**-23, 1.0], expected[0]).grade == "B"


def test_only_a_lower_arithmetic_is_grade_c_and_fails() -> None:
    declared = Hypothesis("fp32", FP32, [pair([1.0, 2.0], [1e-6, 1e-6])])
    tf32 = Hypothesis("tf32", arithmetic("tf32"), [pair([1.0, 2.0], [1e-3, 1e-3])])
    bf16 = Hypothesis("bf16", arithmetic("bf16"), [pair([1.0, 2.0], [1e-2, 1e-2])])
    found = settle(["y"], [tensor([1.005, 2.0])], [declared], [tf32, bf16])
    assert (found.outcome, found.grade, found.held) == (Outcome.FAIL, "C", "bf16")
    assert found.reason is not None
    assert found.reason.startswith("behaves like bf16: y[0]")
    assert found.outputs[0].record().grade == "C"
    assert settle(["y"], [tensor([1.005, 2.0])], [bf16]).outcome is Outcome.PASS
    nothing = settle(["y"], [tensor([5.0, 2.0])], [declared], [tf32, bf16])
    assert (nothing.outcome, nothing.grade, nothing.held) == (Outcome.FAIL, None, None)


def test_all_declared_forms_are_tried_before_a_failure() -> None:
    direct = Hypothesis("fp32", FP32, [pair([1.0, 2.0], [1e-6, 1e-6])])
    winograd = Hypothesis("transformed", FP32, [pair([1.0, 2.0], [1e-4, 1e-4])])
    vague = Hypothesis("transformed", FP32, [pair([1.0, 2.0], [INF, INF])])
    got = [tensor([1.00005, 2.0])]
    assert settle(["y"], got, [direct, winograd]).held == "transformed"
    assert settle(["y"], got, [direct, vague]).outcome is Outcome.UNJUDGED
    assert settle(["y"], got, [direct]).outcome is Outcome.FAIL


def test_effective_bits_are_those_of_the_smallest_unit_that_passes() -> None:
    expected = pair([1.0, 2.0], [2**-23, 2**-22])
    found = verdict([1.0 + 2**-10, 2.0], expected)
    assert effective_bits(found, FP32) == 24 - 13
    assert effective_bits(verdict([1.0, 2.0], expected), FP32) == INF
    assert (
        effective_bits(verdict(Tensor.of(np.array([1])), Pair.exact(np.array([1]))), FP32)
        is None
    )


def test_an_empty_tensor_passes() -> None:
    assert verdict(np.zeros((0, 3)), pair(np.zeros((0, 3)), np.zeros((0, 3)))).outcome is (
        Outcome.PASS
    )


def test_the_limit_is_said_in_units_of_the_last_place() -> None:
    expected = Pair(np.array([1.0, 4.0]), np.array([2.0**-21, 2.0**-20]), "float32")
    got = Tensor.of(np.array([1.0, 4.0 + 2.0**-21], np.float32))
    (verdict,) = judge(["y"], [got], [expected], arithmetic("fp32"))
    assert verdict.margin == 0.5
    assert verdict.limit_ulp == 2.0
    assert verdict.bits == 25.0
