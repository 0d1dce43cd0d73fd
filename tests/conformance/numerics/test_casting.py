"""Conversions, against ml_dtypes bit by bit, and where the standard leaves them open."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hal_conformance.numerics import families
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic, Array, arithmetic
from hal_conformance.numerics.families.casting import RANGES
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.rules import Step, find
from hal_conformance.numerics.spans import nearest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import dtypes

FP32 = arithmetic("fp32")
RANDOM = np.random.default_rng(5)
families.load()


def run(op: str, x: Pair, to: str, *, model: Arithmetic = FP32, **attributes: object) -> Pair:
    attributes["to"] = dtypes.of_name(to).number
    entry = find(op, 99)
    assert entry is not None
    step = Step(op, "", 99, attributes, model, ("y",), lambda _: [])
    (result,) = entry.rule(step, [x])
    assert isinstance(result, Pair)
    return result


def equal(a: Array, b: Array) -> Array:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def singles(count: int = 4000) -> Array:
    """float32 of every size, ties of every narrow format among them."""
    bits = RANDOM.integers(0, 2**32, count, dtype=np.uint64).astype(np.uint32)
    chosen = bits.view(np.float32)
    chosen = chosen[~np.isnan(chosen)]
    ties = np.concatenate([np.arange(1, 512) / 16, np.arange(1, 2048) / 8])
    edges = np.array([0, 448, 464, 465, 240, 248, 57344, 61440, 65504, 65520, np.inf, -np.inf])
    return np.concatenate([chosen, ties, -ties, ties * 2.0**-12, edges]).astype(np.float32)


@pytest.mark.parametrize("to", ["float16", "bfloat16", "float32", "float64"])
def test_floating_point_rounds_to_nearest_even_and_overflows(to: str) -> None:
    x = singles()
    with np.errstate(all="ignore"):
        want = x.astype(dtypes.of_name(to).numpy).astype(np.float64)
    result = run("Cast", Pair.exact(x), to)
    assert result.is_exact
    assert equal(result.value, want).all()


@pytest.mark.parametrize(
    "to", ["float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"]
)
@pytest.mark.parametrize("saturate", [0, 1])
def test_float8_follows_the_tables(to: str, saturate: int) -> None:
    x = singles()
    result = run("Cast", Pair.exact(x), to, saturate=saturate)
    with np.errstate(all="ignore"):
        want = x.astype(dtypes.of_name(to).numpy).astype(np.float64)
    largest = FORMATS[to].largest
    over = ~np.isfinite(want) | (np.abs(want) > largest)
    if saturate:
        want = np.where(over, np.copysign(largest, x), want)
    assert result.is_exact
    assert equal(result.value, want).all()
    assert over.any()


def test_float4_saturates_and_leaves_nan_open() -> None:
    x = np.array([0.25, 0.75, 5.0, 5.1, 1e9, -np.inf, np.nan], np.float32)
    result = run("Cast", Pair.exact(x), "float4e2m1")
    assert result.value[:6].tolist() == [0.0, 1.0, 4.0, 6.0, 6.0, -6.0]
    assert result.accepts is not None
    assert result.accepts(np.array([0, 1, 4, 6, 6, -6, 3.0])).all()
    assert not result.accepts(np.array([0.5, 1, 4, 6, 6, -6, 3.0])).all()


@pytest.mark.parametrize("to", ["int2", "uint2", "int4", "uint4"])
def test_two_and_four_bits_may_round_to_nearest_or_towards_zero(to: str) -> None:
    result = run("Cast", Pair.exact(np.array([0.75, 0.25, 0.5], np.float32)), to)
    assert result.accepts is not None
    for right in ([0, 0, 0], [1, 0, 0], [1, 0, 1]):
        assert result.accepts(np.array(right)).all()
    assert not result.accepts(np.array([0, 1, 0])).all()


@pytest.mark.parametrize("to", sorted(RANGES))
def test_whole_numbers_truncate_and_are_open_out_of_range(to: str) -> None:
    least, greatest = RANGES[to]
    x = np.array([0.9, 1.25, greatest, least - 2.0**60, greatest + 2.0**65, np.nan])
    result = run("Cast", Pair.exact(x), to)
    error = result.errors()
    assert np.isinf(error)[3 if least < 0 else 4 :].all()
    rounds = to in ("int2", "uint2", "int4", "uint4")
    assert error[:2].tolist() == [int(rounds), 0]
    assert result.value[:2].astype(np.int64).tolist() == [0, 1]
    assert result.accepts is not None
    anything = result.value.copy()
    anything[-1] = 1
    assert result.accepts(anything).all()
    anything[1] = 0
    assert not result.accepts(anything).all()


def test_whole_numbers_keep_their_low_bits() -> None:
    x = Pair.exact(np.array([200, -129, 19, -9], np.int16))
    assert run("Cast", x, "int8").value.tolist() == [-56, 127, 19, -9]
    assert run("Cast", x, "uint8").value.tolist() == [200, 127, 19, 247]
    assert run("Cast", x, "int4").value.astype(int).tolist() == [-8, -1, 3, 7]
    assert run("Cast", x, "uint4").value.astype(int).tolist() == [8, 15, 3, 7]
    assert run("Cast", x, "uint2").value.astype(int).tolist() == [0, 3, 3, 3]


def test_four_bits_become_wider_numbers() -> None:
    x = Pair.exact(np.array([-8, 7, -1], ml_dtypes.int4))
    assert run("Cast", x, "int32").value.tolist() == [-8, 7, -1]
    assert run("Cast", x, "float32").value.tolist() == [-8.0, 7.0, -1.0]


def test_a_long_whole_number_is_rounded_once() -> None:
    number = 2**60 + 2**36 + 1  # just above a tie of float32, which float64 cannot see
    result = run("Cast", Pair.exact(np.array([number])), "float32")
    assert result.value[0] == float(np.float32(2**60 + 2**37))


def test_a_double_may_be_rounded_twice() -> None:
    x = np.array([1.0 + 2.0**-11 + 2.0**-40])
    result = run("Cast", Pair.exact(x), "float16")
    assert result.value[0] == 1.0 + 2.0**-10
    assert result.errors()[0] == 2.0**-10


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-1e4, 1e4),
    st.floats(1e-6, 2.0),
    st.floats(-1, 1),
    st.sampled_from(["int32", "float8e4m3fn", "float16", "bool", "float4e2m1"]),
)
def test_whatever_a_perturbed_operand_becomes_is_right(
    x: float, error: float, share: float, to: str
) -> None:
    before = np.array([x])
    result = run("Cast", Pair(before, np.array([error]), "float32"), to)
    moved = before + share * error
    got = run("Cast", Pair(moved, None, "float32"), to).value
    if result.accepts is not None:
        assert result.accepts(got).all()
    assert np.abs(got.astype(float) - result.value.astype(float)) <= result.errors()


def test_a_jump_in_reach_counts_as_ambiguous() -> None:
    result = run("Cast", Pair(np.array([2.0, 2.5]), np.array([1e-6, 1e-6]), "float32"), "int32")
    assert result.ambiguous == 1
    assert result.accepts is not None
    assert result.accepts(np.array([1, 2])).all()
    assert (
        not result.accepts(np.array([3, 2])).any() or not result.accepts(np.array([3, 2])).all()
    )


def test_zero_is_false_and_nan_is_true() -> None:
    x = Pair.exact(np.array([0.0, -0.0, np.nan, 1e-45], np.float32))
    assert run("Cast", x, "bool").value.tolist() == [False, False, True, True]


def test_text_reads_as_numbers_in_any_notation() -> None:
    words = Pair(np.array(["3.14", "1e-5", "INF", "-inf", "NaN"], object), None, "string")
    result = run("Cast", words, "float32")
    assert result.value[:2].tolist() == [float(np.float32(3.14)), float(np.float32(1e-5))]
    assert np.isposinf(result.value[2])
    assert np.isneginf(result.value[3])
    assert np.isnan(result.value[4])


def test_a_number_may_be_written_in_any_way_that_reads_as_it() -> None:
    result = run("Cast", Pair.exact(np.array([1e-5, 0.1], np.float32)), "string")
    assert result.accepts is not None
    assert result.accepts(np.array(["1e-05", "0.10000000149"], object)).all()
    assert result.accepts(np.array(["0.00001", "0.2"], object)).tolist() == [True, False]
    assert result.accepts(np.array(["x", "0.1"], object)).tolist() == [False, True]


def test_widening_keeps_the_error_and_adds_none() -> None:
    x = Pair(np.array([1.5]), np.array([1e-3]), "float16")
    assert run("Cast", x, "float32").errors().tolist() == [1e-3]


def test_a_narrower_arithmetic_stores_the_result_narrowly() -> None:
    x = Pair.exact(np.array([1.001], np.float64))
    got = nearest(x.value, FORMATS["bfloat16"])
    result = run("Cast", x, "float32", model=arithmetic("bf16"))
    assert abs(got[0] - result.value[0]) <= result.errors()[0]
    assert run("Cast", x, "float32").is_exact


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_bits_stay_as_they_are(shape: tuple[int, ...]) -> None:
    x = np.full(shape, -1.5, np.float32)
    result = run("BitCast", Pair.exact(x), "int32")
    assert result.value.shape == shape
    assert (result.value == x.view(np.int32)).all()
    assert run("BitCast", result, "float32").value.tolist() == x.tolist()
