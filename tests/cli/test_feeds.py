"""Random inputs: the type, the shape, and values that real models take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hal import dtypes
from hal.cli.feeds import Plan, random_array
from hal.errors import InputError
from hal.spec import TensorSpec


@pytest.mark.parametrize("name", sorted(dtypes.ALL - {"float6e2m3", "float6e3m2"}))
def test_every_type_has_random_values_of_its_own(name: str) -> None:
    array = random_array(name, (50,), np.random.default_rng(0))
    assert dtypes.of_array(array).name == name
    assert array.shape == (50,)
    assert len({str(value) for value in array.tolist()}) > 1


@pytest.mark.parametrize("name", ["int32", "int64", "uint32", "uint64"])
def test_wide_integers_are_zero_or_one(name: str) -> None:
    assert set(random_array(name, (99,), np.random.default_rng(0)).tolist()) == {0, 1}


def test_floats_are_finite_and_not_constant() -> None:
    for name in ("float16", "float8e4m3fn", "float8e8m0", "float4e2m1", "bfloat16"):
        values = random_array(name, (200,), np.random.default_rng(0)).astype(np.float32)
        assert np.isfinite(values).all()
        assert values.std() > 0


def test_an_inputs_values_do_not_depend_on_the_other_inputs() -> None:
    x, y = TensorSpec("x", "float32", (3,)), TensorSpec("y", "float32", (3,))
    alone, both = Plan().feeds([x]), Plan().feeds([y, x])
    assert alone["x"].tolist() == both["x"].tolist()
    assert both["x"].tolist() != both["y"].tolist()


def test_the_words_of_the_command_line_are_read() -> None:
    words = ["a=b.npy", "c=random", "d=random:2x3", "random", "e=f=g.npy", "h=1.5"]
    plan = Plan.parse(words, ["N=4", "a=b=2"], 7)
    assert plan.constants == {"h": 1.5}
    assert plan.files == {"a": Path("b.npy"), "e=f": Path("g.npy")}
    assert plan.shapes == {"c": None, "d": (2, 3)}
    assert plan.dims == {"N": 4, "a=b": 2}


@pytest.mark.parametrize("word", ["x", "=x.npy", "x=", "=random", "x=random:", "x=random:2xb"])
def test_words_that_are_no_input_are_refused(word: str) -> None:
    with pytest.raises(InputError, match="-i "):
        Plan.parse([word], [], 0)


@pytest.mark.parametrize("word", ["N", "N=", "=3", "N=-1", "N=two"])
def test_words_that_are_no_dimension_are_refused(word: str) -> None:
    with pytest.raises(InputError, match="--dim"):
        Plan.parse([], [word], 0)


def test_a_plan_crosses_to_a_worker_unchanged(tmp_path: Path) -> None:
    plan = Plan.parse(
        [f"x={tmp_path / 'x.npy'}", "y=random:2x3", "z=random", "c=3"], ["N=4"], 7
    )
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("name", ["float32", "int8", "bfloat16", "bool"])
def test_a_number_is_given_everywhere_in_the_inputs_type(name: str) -> None:
    spec = TensorSpec("x", name, ("N", 2))
    array = Plan.parse(["x=1"], ["N=3"], 0).feeds([spec])["x"]
    assert (dtypes.of_array(array).name, array.shape) == (name, (3, 2))
    assert (array.astype(np.float32) == 1).all()


@pytest.mark.parametrize(
    ("name", "number"), [("int8", "300"), ("int64", "0.5"), ("string", "1")]
)
def test_a_number_the_type_cannot_hold_is_refused(name: str, number: str) -> None:
    with pytest.raises(InputError, match="cannot hold"):
        Plan.parse([f"x={number}"], [], 0).feeds([TensorSpec("x", name, (2,))])


def test_lengths_that_were_made_up_are_known() -> None:
    specs = [TensorSpec(name, "float32", ("N", None)) for name in "xyz"]
    plan = Plan.parse(["y=random:2x3", "z=z.npy"], ["N=4"], 0)
    assert plan.guessed(specs) == ["x is 4x1"]


def test_a_map_cannot_be_fed_and_says_so() -> None:
    spec = TensorSpec("m", "float32", None, ("map",))
    with pytest.raises(InputError, match="Python API"):
        Plan().feeds([spec])
