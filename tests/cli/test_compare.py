"""When two results agree, and how their distance is measured."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from hal.cli.compare import Comparison, compare


def one(a: Any, b: Any, rtol: float | None = None, atol: float = 0.0) -> Comparison:
    [found] = compare({"y": a}, {"y": b}, rtol=rtol, atol=atol)
    return found


def floats(*values: float, dtype: Any = np.float32) -> Any:
    return np.array(values, dtype=dtype)


def test_equal_outputs_are_at_no_distance() -> None:
    x = floats(1, -2, 0, np.inf, -np.inf, np.nan)
    found = one(x, x.copy())
    assert found.agree
    assert (found.max_abs, found.max_rel, found.ulp) == (0, 0, 0)
    assert found.cosine == pytest.approx(1)


def test_elements_near_zero_are_judged_on_the_outputs_scale() -> None:
    assert one(floats(100, 0.01), floats(100, 0)).agree
    assert not one(floats(0.01), floats(0)).agree


def test_one_element_that_is_off_is_enough() -> None:
    found = one(floats(*[1] * 1000, 1.01), floats(*[1] * 1001))
    assert not found.agree
    assert found.reason == "1 of 1001 elements differ"
    assert found.max_abs == pytest.approx(0.01, rel=1e-4)


def test_a_tolerance_given_is_the_one_used() -> None:
    assert not one(floats(1.1), floats(1)).agree
    assert one(floats(1.1), floats(1), rtol=0.2).agree
    assert one(floats(1.1), floats(1), rtol=0, atol=0.2).agree
    assert not one(floats(1.0001), floats(1), rtol=0).agree


@pytest.mark.parametrize(
    ("a", "b"), [(np.nan, 1), (1, np.nan), (np.inf, -np.inf), (np.inf, 1e30), (1, np.inf)]
)
def test_what_is_not_finite_agrees_only_with_itself(a: float, b: float) -> None:
    assert not one(floats(a, 1), floats(b, 1), rtol=1e9).agree


def test_ulps_count_the_numbers_between() -> None:
    after = np.nextafter(np.float32(1), np.float32(2))
    assert one(floats(after), floats(1)).ulp == 1
    tiny = np.nextafter(np.float32(0), np.float32(1))
    assert one(floats(tiny), floats(-tiny)).ulp == 2
    assert one(floats(0.0), floats(-0.0)).ulp == 0
    assert one(floats(-1, 1), floats(1, 1)).ulp == 2 * 0x3F800000


def test_ulps_of_doubles_do_not_overflow() -> None:
    most = np.finfo(np.float64).max
    found = one(floats(most, dtype=np.float64), floats(-most, dtype=np.float64))
    assert found.ulp == 2 * 0x7FEFFFFFFFFFFFFF


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
def test_small_floats_may_differ_by_a_few_of_their_own_steps(dtype: Any) -> None:
    a, b = floats(1, 3, dtype=dtype), floats(1, 3, dtype=dtype)
    finfo: Any = ml_dtypes.finfo
    a[0] = dtype(1 + float(finfo(dtype).eps))
    found = one(a, b)
    assert found.agree
    assert found.ulp == 1
    assert not one(a, floats(8, 3, dtype=dtype)).agree


def test_integers_must_be_equal() -> None:
    assert one(np.array([1, 2]), np.array([1, 2])).agree
    found = one(np.array([-(2**63), 2]), np.array([2**63 - 1, 2]))
    assert not found.agree
    assert found.max_abs == float(2**64 - 1)


def test_small_integers_booleans_and_text_must_be_equal() -> None:
    for a, b in (
        (np.array([1, 2], ml_dtypes.int4), np.array([1, 3], ml_dtypes.int4)),
        (np.array([True]), np.array([False])),
        (np.array(["a"], object), np.array(["b"], object)),
    ):
        assert one(a, a.copy()).agree
        assert one(a, b).reason == f"1 of {a.size} elements differ"


def test_another_type_or_shape_never_agrees() -> None:
    found = one(floats(1), floats(1, dtype=np.float64))
    assert (found.agree, found.reason) == (False, "float32[1] against float64[1]")
    assert not one(floats(1), floats(1, 1)).agree


def test_an_output_only_one_has_never_agrees() -> None:
    found = compare({"y": floats(1)}, {"z": floats(1)}, rtol=None, atol=0)
    assert [(item.output, item.agree) for item in found] == [("y", False), ("z", False)]


def test_sequences_and_maps_are_compared_by_element() -> None:
    a = {"y": [floats(1), floats(2)], "m": {"cat": floats(3)}, "none": None}
    b = {"y": [floats(1), floats(9)], "m": {"cat": floats(3)}, "none": None}
    found = compare(a, b, rtol=None, atol=0)
    assert {item.output: item.agree for item in found} == {
        "y[0]": True,
        "y[1]": False,
        "m[cat]": True,
        "none": True,
    }


def test_empty_and_scalar_outputs_are_compared() -> None:
    assert one(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)).agree
    assert one(np.float32(2).reshape(()), np.float32(2).reshape(())).agree
    assert not one(np.array(2), np.array(3)).agree


def test_complex_numbers_are_compared_by_part() -> None:
    a = np.array([1 + 1j, 2], np.complex64)
    assert one(a, a.copy()).agree
    assert not one(a, np.array([1 - 1j, 2], np.complex64)).agree
    assert one(a, a.copy()).shape == (2,)


def test_top1_is_the_share_of_rows_with_the_same_winner() -> None:
    a = floats(0.1, 0.9, 0.8, 0.2).reshape(2, 2)
    b = floats(0.2, 0.8, 0.3, 0.7).reshape(2, 2)
    assert one(a, b).top1 == 0.5
    assert one(floats(1), floats(1)).top1 is None
