"""Verdicts: the standard's rule, exactly, and a reason a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from hal_conformance.judge import BFLOAT16_RTOL, compare, judge, reason_of
from hal_conformance.records import Outcome
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hal import dtypes
from hal.spec import TensorSpec
from hal.tensor import Array, MapValue, Tensor, Value

NATIVE = [d.name for d in dtypes.BY_NAME.values() if not d.is_extension and d.name != "string"]
SMALL = [dtype.name for dtype in dtypes.BY_NAME.values() if dtype.is_extension]
FLOATS = ["float16", "float32", "float64"]


@dataclass(frozen=True)
class Tolerance:
    rtol: float = 1e-3
    atol: float = 1e-7


SPECS = (TensorSpec("y", "float32"), TensorSpec("z", "float32"))


def verdict(got: list[Value], expected: list[Value]) -> tuple[Outcome, str]:
    outcome, records = judge(Tolerance(), SPECS, got, expected)
    return outcome, reason_of(records) or ""


def passes(got: Value, expected: Value, rtol: float = 1e-3, atol: float = 1e-7) -> bool:
    return compare("y", got, expected, rtol, atol).reason is None


def tensor(values: Any, dtype: str = "float32") -> Tensor:
    return Tensor(np.asarray(values, dtypes.of_name(dtype).numpy), dtypes.of_name(dtype))


def numpy_accepts(got: Array, expected: Array, rtol: float, atol: float) -> bool:
    try:
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)
    except AssertionError:
        return False
    return True


@cache
def every(name: str) -> Array:
    """Every value of a small type."""
    count = 1 << dtypes.of_name(name).bits
    if name.startswith(("int", "uint")):
        numbers = np.arange(count) - (count // 2 if name.startswith("int") else 0)
        return numbers.astype(dtypes.of_name(name).numpy)
    dtype = dtypes.of_name(name).numpy
    return np.arange(count, dtype=f"u{dtype.itemsize}").view(dtype)


def bits(shape: tuple[int, ...], name: str) -> st.SearchStrategy[Array]:
    """Arrays of any bit pattern: every NaN, infinity, subnormal and signed zero."""
    dtype = dtypes.of_name(name).numpy
    if dtypes.of_name(name).is_extension:
        last = len(every(name)) - 1
        numbers = hnp.arrays(np.int64, shape, elements=st.integers(0, last))
        return numbers.map(lambda array: every(name)[array])
    if dtype.kind == "b":
        return hnp.arrays(dtype, shape)
    width = min(dtype.itemsize, 8)
    inner = (*shape, dtype.itemsize // width)
    return hnp.arrays(f"u{width}", inner).map(lambda array: array.view(dtype).reshape(shape))


@st.composite
def pairs(draw: st.DrawFn, names: list[str]) -> tuple[str, Array, Array]:
    """Expected values and others, of which some are near, some equal, some anything."""
    name = draw(st.sampled_from(names))
    dtype = dtypes.of_name(name).numpy
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    values = bits(shape, name)
    if not dtypes.of_name(name).is_extension:
        values = st.one_of(hnp.arrays(dtype, shape), values)
    expected = draw(values)
    got = expected.copy()
    if dtype.kind in "fc":
        factor = draw(hnp.arrays(np.float64, shape, elements=st.floats(0.998, 1.002)))
        with np.errstate(all="ignore"):
            got = np.asarray(got * factor.astype(dtype), dtype)
    other = draw(values)
    replaced = draw(hnp.arrays(bool, shape, elements=st.sampled_from([False] * 7 + [True])))
    return name, np.where(replaced, other, got).astype(dtype), expected


TOLERANCES = st.sampled_from([(1e-3, 1e-7), (2e-3, 1e-7), (0.0, 0.0), (0.1, 2.0)])


@given(pairs(NATIVE), TOLERANCES)
def test_the_verdict_is_that_of_assert_allclose(
    pair: tuple[str, Array, Array], tolerance: tuple[float, float]
) -> None:
    name, got, expected = pair
    dtype = dtypes.of_name(name)
    assert passes(Tensor(got, dtype), Tensor(expected, dtype), *tolerance) == numpy_accepts(
        got, expected, *tolerance
    )


@pytest.mark.parametrize("name", [name for name in SMALL if name != "bfloat16"])
def test_small_types_pass_where_the_value_is_right_and_nowhere_else(name: str) -> None:
    dtype = dtypes.of_name(name)
    got, expected = (np.ascontiguousarray(grid) for grid in np.meshgrid(*[every(name)] * 2))
    a, b = got.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        same = (np.isnan(a) & np.isnan(b)) | (a == b) | (np.abs(a - b) <= 1e-7)
    reason = compare("y", Tensor(got, dtype), Tensor(expected, dtype), 1e-3, 1e-7).reason or ""
    assert reason.endswith(f"{np.count_nonzero(~same)} of {same.size} elements are wrong")


@given(pairs(["bfloat16"]))
def test_bfloat16_is_compared_in_float32_with_two_ulps(pair: tuple[str, Array, Array]) -> None:
    name, got, expected = pair
    dtype = dtypes.of_name(name)
    assert passes(Tensor(got, dtype), Tensor(expected, dtype)) == numpy_accepts(
        got.astype(np.float32), expected.astype(np.float32), BFLOAT16_RTOL, 1e-7
    )


@given(pairs(FLOATS))
def test_a_margin_is_at_most_one_exactly_where_the_verdict_is_pass(
    pair: tuple[str, Array, Array],
) -> None:
    name, got, expected = pair
    dtype = dtypes.of_name(name)
    found = compare("y", Tensor(got, dtype), Tensor(expected, dtype), 1e-3, 1e-7)
    assert found.margin is not None
    assert (found.margin <= 1.0) == (found.reason is None)


@pytest.mark.parametrize("name", FLOATS)
def test_the_next_number_is_one_ulp_away(name: str) -> None:
    dtype = dtypes.of_name(name)
    expected = np.asarray([1.0, 1.5, 3.75, 0.1, -7.0], dtype.numpy)
    got = np.nextafter(expected, np.asarray(np.inf, dtype.numpy))
    found = compare("y", Tensor(got, dtype), Tensor(expected, dtype), 1.0, 0.0)
    assert found.ulp == 1.0


def test_text_is_equal_or_wrong() -> None:
    expected = Tensor.of(np.array([["a", "b"], ["c", "d"]], dtype=object))
    got = Tensor.of(np.array([["a", "b"], ["C", "d"]], dtype=object))
    assert passes(expected, expected)
    outcome, reason = verdict([got], [expected])
    assert outcome is Outcome.FAIL
    assert reason == "y[1,0]: got 'C', expected 'c'; 1 of 4 elements are wrong"


def test_minus_zero_is_zero() -> None:
    assert passes(tensor([-0.0]), tensor([0.0]))


def test_a_wrong_number_is_named_with_its_place_and_its_limit() -> None:
    outcome, reason = verdict([tensor([[1.0, 2.0], [3.0, 5.0]])], [tensor([[1, 2], [3, 4]])])
    assert outcome is Outcome.FAIL
    assert reason == (
        "y[1,1]: got 5.0, expected 4.0, off by 1 where 0.004 is allowed; "
        "1 of 4 elements are wrong"
    )


def test_a_nan_is_named_with_its_place() -> None:
    _, reason = verdict([tensor(np.nan)], [tensor(1.0)])
    assert reason == "y: got nan, expected 1.0; 1 of 1 elements are wrong"


def test_a_wrong_type_fails_where_the_values_are_right() -> None:
    assert verdict([tensor([1.0], "float64")], [tensor([1.0])]) == (
        Outcome.FAIL,
        "y: got type float64, expected float32",
    )


def test_a_tensor_that_lies_about_its_type_fails() -> None:
    liar = Tensor(np.ones(1, np.float64), dtypes.of_name("float32"))
    assert verdict([liar], [tensor([1.0])]) == (
        Outcome.FAIL,
        "y: says float32, but holds float64",
    )


@pytest.mark.parametrize("shape", [(1,), (2, 1), (1, 2), ()])
def test_a_wrong_shape_fails_where_the_values_would_broadcast(shape: tuple[int, ...]) -> None:
    outcome, reason = verdict([tensor(np.ones(shape))], [tensor(np.ones(2))])
    assert outcome is Outcome.FAIL
    assert reason == f"y: got shape {list(shape)}, expected [2]"


def test_a_missing_output_fails() -> None:
    one = tensor([1.0])
    assert verdict([one], [one, one]) == (Outcome.FAIL, "z: the device did not return it")


def test_an_output_too_many_fails() -> None:
    one = tensor([1.0])
    assert verdict([one, one], [one]) == (
        Outcome.FAIL,
        "z: a float32 tensor was returned beyond the 1 expected outputs",
    )


def test_nothing_compared_is_never_a_pass() -> None:
    assert verdict([], []) == (Outcome.FAIL, "nothing was compared")


def test_an_empty_tensor_passes_and_only_with_its_shape() -> None:
    assert passes(tensor(np.ones((0, 3))), tensor(np.ones((0, 3))))
    assert not passes(tensor(np.ones((0, 3))), tensor(np.ones((3, 0))))


ONE, TWO = tensor([1.0]), tensor([2.0])
MAP = MapValue(Tensor.of(np.array(["a"], dtype=object)), ONE)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (None, ONE),
        (ONE, None),
        ([], None),
        (None, []),
        ([ONE], ONE),
        (ONE, [ONE]),
        ([ONE], [ONE, ONE]),
        ([ONE, ONE], [ONE]),
        ([], [ONE]),
        ([ONE, TWO], [TWO, ONE]),
        ([[ONE]], [[TWO]]),
        ([None], [ONE]),
        (MAP, ONE),
        (MAP, MapValue(MAP.keys, TWO)),
        (MAP, MapValue(Tensor.of(np.array(["b"], dtype=object)), ONE)),
    ],
)
def test_another_structure_never_passes(got: Value, expected: Value) -> None:
    outcome, reason = verdict([got], [expected])
    assert outcome is Outcome.FAIL
    assert reason


@pytest.mark.parametrize("value", [None, [], [ONE], [[ONE], []], [None, ONE], MAP])
def test_the_same_structure_passes(value: Value) -> None:
    assert verdict([value], [value]) == (Outcome.PASS, "")


def test_the_largest_error_of_a_sequence_is_the_record_s() -> None:
    near = tensor([2.001])
    _, records = judge(Tolerance(), SPECS, [[ONE, near]], [[ONE, TWO]])
    assert records[0].ok
    assert records[0].margin == pytest.approx(0.5, rel=1e-3)


def test_a_record_describes_what_the_device_returned() -> None:
    _, records = judge(Tolerance(), SPECS, [tensor([[1.5]])], [tensor([[1.5]])])
    record = records[0]
    assert (record.name, record.dtype, record.shape) == ("y", "float32", [1, 1])
    assert (record.ok, record.margin, record.worst_ulp) == (True, 0.0, 0.0)


@given(pairs(NATIVE + SMALL))
@example(("float32", np.zeros((0,), np.float32), np.zeros((0,), np.float32)))
def test_a_value_is_always_right_against_itself(pair: tuple[str, Array, Array]) -> None:
    name, _, expected = pair
    dtype = dtypes.of_name(name)
    assert passes(Tensor(expected.copy(), dtype), Tensor(expected, dtype), 0.0, 0.0)
