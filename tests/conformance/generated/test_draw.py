"""The generator of numbers, and the value classes made of it."""

from __future__ import annotations

import ast
from pathlib import Path

import hal_conformance.generated
import numpy as np
import pytest
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.numerics.arithmetic import FORMATS

from hal import dtypes

_ROUNDED = {
    "exp",
    "exp2",
    "log",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "sqrt",
    "cbrt",
    "power",
    "float_power",
    "hypot",
    "random",
    "matmul",
    "dot",
    "mean",
}
FLOATS = ("float32", "float64", "float16", "bfloat16")


def test_the_stream_is_splitmix64() -> None:
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert Draw.seeded(1234567).bits(3).tolist() == published


def test_a_stream_does_not_depend_on_how_it_is_read() -> None:
    parts, whole = Draw("a", 1), Draw("a", 1)
    read = np.concatenate([parts.bits(3), parts.bits(0), parts.bits(5)])
    assert read.tolist() == whole.bits(8).tolist()


def test_keys_that_differ_give_streams_that_differ() -> None:
    keys = [("a",), ("a", 0), ("a", 1), ("b",), ("ab",), ("a", "b")]
    assert len({int(Draw(*key).bits(1)[0]) for key in keys}) == len(keys)


def test_whole_numbers_stay_in_their_range_and_fill_it() -> None:
    drawn = Draw("whole").integers(-3, 4, 1000)
    assert drawn.dtype == np.int64
    assert sorted(set(drawn.tolist())) == [-3, -2, -1, 0, 1, 2, 3]


def test_normal_numbers_are_nearly_normal() -> None:
    drawn = Draw("normal").normal(20_000)
    assert abs(drawn.mean()) < 0.03
    assert drawn.std() == pytest.approx(1.01, abs=0.03)


@pytest.mark.parametrize("name", sorted(FORMATS.keys() & dtypes.BY_NAME.keys()))
def test_the_whole_range_is_finite_and_reaches_both_ends(name: str) -> None:
    dtype, kind = dtypes.of_name(name), FORMATS[name]
    drawn = np.abs(values.wide(Draw("wide"), (4000,), dtype).astype(np.float64))
    assert np.isfinite(drawn).all()
    assert drawn.min() < kind.tiny * 4
    assert drawn.max() > kind.largest / 8


@pytest.mark.parametrize("name", FLOATS)
def test_the_special_values_hold_what_goes_wrong_first(name: str) -> None:
    dtype, kind = dtypes.of_name(name), FORMATS[name]
    special = values.specials(dtype).astype(np.float64)
    assert np.isnan(special).any()
    assert {np.inf, -np.inf, kind.largest, kind.smallest, -kind.tiny} <= set(special.tolist())
    assert np.signbit(special[special == 0]).tolist().count(True) >= 1


@pytest.mark.parametrize("name", ["int8", "uint8", "int4", "uint64", "int64", "uint2"])
def test_whole_types_reach_their_limits(name: str) -> None:
    dtype = dtypes.of_name(name)
    special = {int(v) for v in values.specials(dtype)}
    assert set(values.limits(dtype)) <= special


def test_inputs_come_from_no_function_that_libraries_round_differently() -> None:
    folder = Path(hal_conformance.generated.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = f"{node.value.id}.{node.attr}"
                assert not (node.value.id in ("np", "math") and node.attr in _ROUNDED), (
                    path,
                    used,
                )
