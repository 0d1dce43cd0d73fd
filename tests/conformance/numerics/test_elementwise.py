"""Arithmetic and functions of single elements, against mpmath and simulated devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics import families
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic, Array, arithmetic
from hal_conformance.numerics.families.elementwise import MONOTONE
from hal_conformance.numerics.functions import ACCURACY, FAIL_FACTOR
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.rules import Step, find
from hal_conformance.numerics.spans import nearest
from hypothesis import given, settings
from hypothesis import strategies as st

mpmath: Any = import_module("mpmath")  # it has no types
FP32 = arithmetic("fp32")
RANDOM = np.random.default_rng(20)
families.load()

MP: dict[str, Callable[[Any], Any]] = {
    "Sqrt": mpmath.sqrt,
    "Exp": mpmath.exp,
    "Log": mpmath.log,
    "Asin": mpmath.asin,
    "Acos": mpmath.acos,
    "Atan": mpmath.atan,
    "Sinh": mpmath.sinh,
    "Cosh": mpmath.cosh,
    "Tanh": mpmath.tanh,
    "Asinh": mpmath.asinh,
    "Acosh": mpmath.acosh,
    "Atanh": mpmath.atanh,
    "Erf": mpmath.erf,
    "Sin": mpmath.sin,
    "Cos": mpmath.cos,
    "Tan": mpmath.tan,
    "Reciprocal": lambda x: 1 / x,
    "Sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
}

DOMAIN: dict[str, tuple[float, float]] = {
    "Sqrt": (1e-30, 1e6),
    "Exp": (-80, 80),
    "Log": (1e-30, 1e6),
    "Asin": (-1, 1),
    "Acos": (-1, 1),
    "Acosh": (1, 1e4),
    "Atanh": (-0.9999, 0.9999),
    "Tan": (-1.5, 1.5),
    "Reciprocal": (1e-6, 1e6),
    "Sinh": (-60, 60),
    "Cosh": (-60, 60),
}


def run(
    op: str,
    *pairs: Pair,
    model: Arithmetic = FP32,
    primitive: bool = False,
    version: int = 99,
    **attributes: object,
) -> Pair:
    """One operator's first output."""

    def reference(values: Any) -> list[Any]:
        return [NUMPY[op](*values)]

    step = Step(op, "", version, attributes, model, ("y",), reference, primitive)
    entry = find(op, version)
    assert entry is not None
    (result, *_) = entry.rule(step, pairs)
    assert isinstance(result, Pair)
    return result


NUMPY: dict[str, Callable[..., Any]] = {"Add": np.add, "Mul": np.multiply, "Sub": np.subtract}


def single(values: object, dtype: str = "float32") -> Pair:
    return Pair(nearest(np.asarray(values, np.float64), FORMATS[dtype]), None, dtype)


def within(got: Array, pair: Pair) -> Array:
    with np.errstate(invalid="ignore"):
        error = np.abs(np.asarray(got, np.float64) - pair.value)
    same = (got == pair.value) | (np.isnan(got) & np.isnan(pair.value))
    return np.asarray((error <= pair.errors()) | same)


def uniform(low: float, high: float, count: int) -> Array:
    return np.asarray(RANDOM.uniform(low, high, count), np.float64)


def points(op: str, count: int = 40) -> Array:
    low, high = DOMAIN.get(op, (-8, 8))
    spread = RANDOM.uniform(low, high, count)
    near = low + (high - low) * np.power(0.1, RANDOM.uniform(0, 6, count))
    small = [] if low > 0 or op in ("Log", "Acosh", "Sqrt") else [1e-30, -1e-20, 1e-7]
    chosen = nearest(np.concatenate([spread, near, np.array(small)]), FORMATS["float32"])
    return np.asarray(np.clip(chosen, low, high), np.float64)


def exact(op: str, x: Array) -> list[Any]:
    with mpmath.workdps(40):
        return [MP[op](mpmath.mpf(float(v))) for v in x]


@pytest.mark.parametrize("op", sorted(MP))
def test_the_reference_is_right_to_a_64th_of_the_bound(op: str) -> None:
    x = single(points(op))
    result = run(op, x, primitive=True)
    for value, bound, truth in zip(
        result.value, result.errors(), exact(op, x.value), strict=True
    ):
        assert abs(mpmath.mpf(float(value)) - truth) <= bound / 64


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("op", sorted(MP))
def test_a_device_at_its_sources_limit_is_primitive_and_one_far_beyond_fails(
    op: str, dtype: str
) -> None:
    x = single(points(op), dtype)
    x = replace(x, value=x.value[np.isfinite(x.value) & (np.abs(x.value) > 1e-4)])
    kept = FORMATS[dtype]
    table = ACCURACY[op]
    stated = table.single if kept.precision >= 23 else table.half
    limit = table.fails or FAIL_FACTOR * stated
    graded, failing = run(op, x, primitive=True), run(op, x)
    usable = np.isfinite(graded.value) & (np.abs(graded.value) > kept.tiny)
    usable &= np.isfinite(graded.errors()) & np.isfinite(failing.errors())
    usable &= graded.errors() > 0  # powers of two have exact reciprocals
    assert usable.sum() > 5
    ulp = kept.ulp(graded.value)
    for sign in (-1, 1):
        assert within(graded.value + sign * stated * ulp, graded)[usable].all()
        assert within(graded.value + sign * limit * ulp, failing)[usable].all()
        # Bounds take the ulp of the binade that r + B reaches, which may be the next one.
        assert not within(graded.value + sign * (2.1 * limit + 1) * ulp, failing)[usable].any()


@pytest.mark.parametrize("op", sorted(MP))
def test_a_perturbed_operand_stays_within_the_moved_bound(op: str) -> None:
    x = points(op)
    low, high = DOMAIN.get(op, (-8, 8))
    error = np.abs(x) * np.power(0.1, uniform(1, 6, x.size))
    result = run(op, Pair(x, error, "float32"))
    moved = np.asarray(np.clip(x + error * uniform(-1, 1, x.size), low, high))
    for k, truth in enumerate(exact(op, moved)):
        assert abs(truth - mpmath.mpf(float(result.value[k]))) <= result.errors()[k]


@pytest.mark.parametrize(
    ("op", "x", "error"),
    [
        ("Log", 1e-3, 2e-3),
        ("Sqrt", 1e-3, 2e-3),
        ("Reciprocal", 1e-3, 2e-3),
        ("Acos", 0.999, 2e-3),
        ("Tan", 1.5, 0.2),
    ],
)
def test_nothing_is_known_across_a_pole_or_the_edge_of_the_domain(
    op: str, x: float, error: float
) -> None:
    result = run(op, Pair(np.array([x]), np.array([error]), "float32"))
    assert np.isinf(result.errors()).all()


NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=True)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["Add", "Sub", "Mul", "Div"]),
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20),
    st.sampled_from(["float32", "float16", "bfloat16"]),
)
def test_a_correctly_rounding_device_is_never_wrong(
    op: str, operands: list[tuple[float, float]], dtype: str
) -> None:
    a, b = (single([pair[k] for pair in operands], dtype) for k in (0, 1))
    result = run(op, a, b)
    with np.errstate(all="ignore"):
        wide = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[op]
        got = nearest(np.asarray(wide(a.value, b.value)), FORMATS[dtype])
    assert within(got, result).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(NUMBERS, st.floats(2.0**-100, 2.0**100, width=32)), min_size=1, max_size=20
    )
)
def test_dividing_by_multiplying_with_the_reciprocal_is_legal(
    operands: list[tuple[float, float]],
) -> None:
    a, b = (np.array([pair[k] for pair in operands], np.float32) for k in (0, 1))
    with np.errstate(all="ignore"):
        got = a * (np.float32(1) / b)
    result = run("Div", single(a), single(b))
    usable = np.isfinite(got) & (np.abs(got) > FORMATS["float32"].tiny)
    assert within(got.astype(np.float64), result)[usable].all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=3, max_size=9),
    st.permutations(range(9)),
    st.booleans(),
)
def test_sums_and_means_in_any_order_are_legal(
    rows: list[list[float]], order: list[int], fused: bool
) -> None:
    arrays = [np.array(row, np.float32) for row in rows]
    total = np.zeros(3, np.float32)
    for k in (k for k in order if k < len(arrays)):
        total = total + arrays[k]
    pairs = [single(array) for array in arrays]
    assert within(total.astype(np.float64), run("Sum", *pairs)).all()
    share = np.float32(1) / np.float32(len(arrays))
    mean = total * share if fused else total / np.float32(len(arrays))
    assert within(mean.astype(np.float64), run("Mean", *pairs)).all()


def test_a_correctly_rounded_operator_one_ulp_off_fails() -> None:
    a, b = single(RANDOM.normal(size=100)), single(RANDOM.normal(size=100))
    for op in ("Add", "Mul"):
        result = run(op, a, b)
        rounded = nearest(result.value, FORMATS["float32"])
        off = np.nextafter(rounded.astype(np.float32), np.float32(np.inf)).astype(np.float64)
        assert not within(off, result).all()


def test_truncating_the_significand_fails() -> None:
    a, b = single(RANDOM.normal(size=1000)), single(RANDOM.normal(size=1000))
    result = run("Mul", a, b)
    ulp = FORMATS["float32"].ulp(result.value)
    chopped = np.trunc(result.value / ulp) * ulp
    assert np.mean(within(chopped, result)) < 0.7


def test_a_sum_that_needs_no_rounding_is_exact() -> None:
    result = run("Add", single([1.0, 0.5]), single([2.0, 0.25]))
    assert result.is_exact


def test_the_quotient_by_a_power_of_two_is_correctly_rounded() -> None:
    result = run("Div", single([3.0]), single([4.0]))
    assert result.is_exact
    assert not run("Div", single([3.0]), single([3.0])).is_exact


def test_what_overflows_is_infinite_and_what_may_overflow_is_unknown_later() -> None:
    largest = FORMATS["float32"].largest
    result = run("Mul", single([largest, largest, 1.0]), single([2.0, 1.0, 1.0]))
    assert np.isposinf(result.value[0])
    assert result.errors()[0] == 0
    assert np.isfinite(result.errors()[1])
    unsure = run("Exp", Pair(np.array([88.7]), np.array([0.1]), "float32"))
    assert np.isfinite(unsure.errors()[0])
    assert np.isposinf(run("Sub", unsure, single([1.0])).errors()[0])


def test_a_sum_that_may_overflow_on_its_way_may_be_infinite() -> None:
    largest = FORMATS["float32"].largest
    parts = [single([value]) for value in (largest, largest, -largest)]
    for op, result in (("Sum", largest), ("Mean", largest / 3)):
        made = run(op, *parts)
        assert made.accepts is not None
        assert made.accepts(np.array([np.inf])).all()
        assert made.accepts(np.array([result])).all()
        assert not made.accepts(np.array([0.0])).any()


def test_infinities_and_nan_pass_through_with_no_error() -> None:
    with np.errstate(all="ignore"):
        result = run("Mul", single([np.inf, np.nan, np.inf]), single([2.0, 1.0, 0.0]))
    assert np.isposinf(result.value[0])
    assert np.isnan(result.value[1:]).all()
    assert np.isfinite(result.errors()).all()


def test_flushed_subnormals_are_right_only_where_declared() -> None:
    tiny = FORMATS["float32"].smallest * 1000
    flushing = replace(FP32, flush="all")
    assert within(np.zeros(1), run("Add", single([tiny]), single([tiny]), model=flushing)).all()
    assert not within(np.zeros(1), run("Add", single([tiny]), single([tiny]))).any()


def test_a_bfloat16_device_rounds_the_operands_it_stores() -> None:
    a, b = single(RANDOM.normal(size=200)), single(RANDOM.normal(size=200))
    bf16 = FORMATS["bfloat16"]
    got = nearest(nearest(a.value, bf16) + nearest(b.value, bf16), bf16)
    assert within(got, run("Add", a, b, model=arithmetic("bf16"))).all()
    assert not within(got, run("Add", a, b)).all()


def test_an_approximate_sigmoid_fails_where_the_result_is_small() -> None:
    x = single([-15.0])
    result = run("Sigmoid", x)
    assert not within(result.value * 1.17, result).any()
    assert within(result.value * (1 + 2.0**-22), result).all()


def test_zero_is_right_where_the_naive_sigmoid_overflows() -> None:
    assert within(np.zeros(1), run("Sigmoid", single([-90.0]))).all()
    assert not within(np.zeros(1), run("Sigmoid", single([-85.0]))).any()


@pytest.mark.parametrize("y", [2.0, -3.0, 0.5])
def test_powers_of_perturbed_bases_stay_within_the_bound(y: float) -> None:
    x = RANDOM.uniform(0.1, 5, 50)
    error = x * 1e-3
    result = run("Pow", Pair(x, error, "float32"), single(np.full(50, y)))
    for moved in (x - error, x + error, x + error / 3):
        assert within(moved**y, result).all()


def test_an_even_power_across_zero_covers_zero() -> None:
    result = run("Pow", Pair(np.array([0.1]), np.array([0.5]), "float32"), single([2.0]))
    assert within(np.zeros(1), result).all()
    assert within(np.array([0.36]), result).all()


def test_whole_numbers_wrap_around_and_quotients_truncate() -> None:
    a, b = (Pair.exact(np.array(v, np.int8)) for v in ([100, -128, -7, 7], [100, -1, 2, -2]))
    assert run("Add", a, b).value.tolist() == [-56, 127, -5, 5]
    quotient = run("Div", a, b)
    assert quotient.value.tolist()[2:] == [-3, -3]
    assert np.isinf(quotient.errors()).tolist() == [False, True, False, False]
    assert quotient.accepts is not None
    assert quotient.accepts(np.array([1, 55, -3, -4], np.int8)).tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_a_remainder_is_exact_as_a_primitive_and_rounded_by_its_formula() -> None:
    a, b = single(RANDOM.uniform(1, 2, 500)), single(RANDOM.uniform(1e-3, 1e-2, 500))
    graded, failing = run("Mod", a, b, fmod=1, primitive=True), run("Mod", a, b, fmod=1)
    assert graded.is_exact
    x, y = a.value.astype(np.float32), b.value.astype(np.float32)
    formula = (x - np.trunc(x / y) * y).astype(np.float64)
    assert within(formula, failing).all()
    assert within(graded.value, failing).all()
    assert not within(formula, graded).all()


def test_a_remainder_may_be_off_by_a_period_only_where_its_quotient_may_jump() -> None:
    near, far = (Pair(np.array([v]), np.array([1e-3]), "float32") for v in (6.0, 7.0))
    for fmod in (0, 1):
        assert within(np.array([1.9995]), run("Mod", near, single([2.0]), fmod=fmod)).all()
        assert run("Mod", far, single([2.0]), fmod=fmod).errors()[0] <= 1.1e-3


def test_every_function_has_a_source_and_a_limit_that_fails_beyond_it() -> None:
    assert set(MONOTONE) <= set(ACCURACY)
    for name, accuracy in ACCURACY.items():
        assert accuracy.source, name
        assert (accuracy.fails or FAIL_FACTOR * accuracy.single) >= accuracy.single, name


@pytest.mark.parametrize(
    ("name", "measured"), [("Tanh", 5.3), ("Acos", 4.3), ("Log", 3.1), ("Exp", 5.2)]
)
def test_what_mature_runtimes_exceed_lowers_the_grade_and_does_not_fail(
    name: str, measured: float
) -> None:
    assert ACCURACY[name].single < measured <= FAIL_FACTOR * ACCURACY[name].single


@pytest.mark.parametrize("op", ["Max", "Min"])
def test_an_extreme_may_tell_of_nan_or_pass_over_it(
    bounds_of: Callable[..., Any], op: str
) -> None:
    a, b = np.array([np.nan, 1.0], np.float32), np.array([3.0, 2.0], np.float32)
    made = bounds_of(op, [a, b]).pair
    assert made.accepts is not None
    plain = 2.0 if op == "Max" else 1.0
    for right in (np.nan, 3.0):
        assert made.accepts(np.array([right, plain])).all()
    assert not made.accepts(np.array([0.0, plain])).all()


def test_a_reciprocal_that_overflows_is_right_and_a_wrong_sign_is_not(
    bounds_of: Callable[..., Any],
) -> None:
    a, b = np.array([1.0, 0.0], np.float32), np.array([1e-39, 1e-39], np.float32)
    made = bounds_of("Div", [a, b]).pair
    assert made.accepts is not None
    assert made.accepts(np.array([np.inf, np.nan])).all()
    assert not made.accepts(np.array([-np.inf, 0.0]))[0]


@pytest.mark.parametrize("op", ["Div", "Reciprocal"])
def test_a_flushed_divisor_gives_infinity_and_leaves_the_rest_judged(op: str) -> None:
    divisor = Pair(np.array([2.0**-127, 4.0]), None, "bfloat16")
    inputs = [Pair(np.ones(2), None, "bfloat16"), divisor] if op == "Div" else [divisor]
    made = run(op, *inputs, model=replace(FP32, flush="bfloat16"))
    assert made.accepts is not None
    assert made.accepts(np.array([np.inf, 0.25])).all()
    assert not made.accepts(np.array([np.inf, 0.5])).all()
    plain = run(op, *inputs, model=FP32)
    assert not within(np.array([np.inf, 0.25]), plain).all()
