"""Feeds are validated once, for every vendor, and the message says what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal import dtypes
from hal.errors import InputError
from hal.feeds import FeedChecker
from hal.spec import Dim, TensorSpec
from hal.tensor import Tensor

SPEC = TensorSpec("x", "float32", ("N", 3))
PAIR = (SPEC, TensorSpec("y", "float32", ("N",)))


def ones(*shape: int) -> np.ndarray[Any, Any]:
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({}, "'x' is not fed"),
        ({"z": ones(1, 3)}, "no input 'z'"),
        ({"x": ones(1, 3), "z": ones(1)}, "no input 'z'"),
        ({"x": ones(1, 3).astype(np.float64)}, "'x' is float64"),
        ({"x": ones(3)}, "rank 1"),
        ({"x": ones(2, 4)}, "4 at axis 1"),
        ({"x": None}, "NumPy dtype object|'x'"),
        ({"x": "text"}, "'x' is string"),
        ({"x": [[1, 2], [3]]}, "'x' cannot be made from a list"),
        ([("x", ones(1, 3))], "feeds are a list"),
    ],
)
def test_a_wrong_feed_is_an_input_error_that_names_it(feeds: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FeedChecker([SPEC]).check(feeds)


def test_a_wrong_feed_after_a_right_one_is_still_refused() -> None:
    check = FeedChecker([SPEC]).check
    check({"x": ones(2, 3)})
    for wrong in (ones(2, 4), ones(3), ones(2, 3).astype(np.float64)):
        with pytest.raises(InputError):
            check({"x": wrong})


def test_a_symbol_means_one_length() -> None:
    with pytest.raises(InputError, match=r"'N' is 2 in input 'x' and 4 in input 'y'"):
        FeedChecker(PAIR).check({"x": ones(2, 3), "y": ones(4)})


def test_a_symbol_may_change_between_calls() -> None:
    check = FeedChecker(PAIR).check
    for size in (2, 5, 2, 0):
        assert check({"x": ones(size, 3), "y": ones(size)})["y"].shape == (size,)


def test_the_common_path_checks_that_symbols_agree_too() -> None:
    check = FeedChecker(PAIR).check
    check({"x": ones(2, 3), "y": ones(2)})
    check({"x": ones(4, 3), "y": ones(4)})
    with pytest.raises(InputError, match="must be equal"):
        check({"x": ones(2, 3), "y": ones(4)})


def test_arrays_are_not_copied() -> None:
    given_array = ones(2, 3)
    assert FeedChecker([SPEC]).check({"x": given_array})["x"].array is given_array


def test_python_numbers_take_the_inputs_type() -> None:
    value = FeedChecker([SPEC]).check({"x": [[1, 2, 3]]})["x"]
    assert (value.dtype.name, value.shape) == ("float32", (1, 3))


def test_a_scalar_feeds_a_tensor_without_axes() -> None:
    spec = TensorSpec("s", "int64", ())
    assert FeedChecker([spec]).check({"s": 7})["s"].array == 7


def test_dlpack_is_accepted() -> None:
    array = ones(2, 3)
    fed = FeedChecker([SPEC]).check({"x": Tensor.of(array)})["x"]
    assert np.shares_memory(fed.array, array)


def test_none_feeds_an_optional_and_nothing_else() -> None:
    optional = TensorSpec("o", "float32", None, ("optional",))
    assert FeedChecker([optional]).check({"o": None})["o"] is None
    sequence = TensorSpec("s", "float32", None, ("sequence",))
    with pytest.raises(InputError, match="'s' is None"):
        FeedChecker([sequence]).check({"s": None})


def test_a_list_feeds_a_sequence() -> None:
    sequence = TensorSpec("s", "float32", None, ("sequence",))
    fed = FeedChecker([sequence]).check({"s": [ones(2), ones(3)]})["s"]
    assert [item.shape for item in fed] == [(2,), (3,)]


@pytest.mark.parametrize(
    ("dtype", "given_list"),
    [
        ("int64", [1.5]),
        ("int64", ["1"]),
        ("int4", [100]),
        ("uint8", [300]),
        ("bool", [2]),
        ("float32", ["1.5"]),
        ("float32", [1j]),
        ("bfloat16", [1j]),
        ("string", [1]),
        ("string", ["a", None]),
    ],
)
def test_a_list_whose_values_the_input_cannot_hold_is_refused(
    dtype: str, given_list: list[Any]
) -> None:
    with pytest.raises(InputError, match="'x'"):
        FeedChecker([TensorSpec("x", dtype, (None,))]).check({"x": given_list})


@pytest.mark.parametrize(
    ("dtype", "given_list"),
    [
        ("int64", []),
        ("int64", [True]),
        ("uint64", [2**64 - 1]),
        ("int4", [-8, 7]),
        ("bool", [True]),
        ("float32", [1, 0.1]),
        ("float16", [2**11 + 1]),
        ("float32", [2**70]),
        ("complex64", [1, 1j]),
        ("string", ["a", b"b"]),
    ],
)
def test_a_list_whose_values_the_input_can_hold_is_taken(
    dtype: str, given_list: list[Any]
) -> None:
    fed = FeedChecker([TensorSpec("x", dtype, (None,))]).check({"x": given_list})["x"]
    assert (fed.dtype.name, fed.shape) == (dtype, (len(given_list),))


def test_objects_that_are_no_text_do_not_feed_a_string_input() -> None:
    with pytest.raises(InputError, match="'x' holds None, which is no text"):
        FeedChecker([TensorSpec("x", "string")]).check({"x": np.array(["a", None], object)})


def test_an_array_of_a_subclass_feeds_a_plain_one() -> None:
    class Matrix(np.ndarray[Any, Any]):
        """As numpy.matrix, whose product is another."""

    fed = FeedChecker([SPEC]).check({"x": ones(2, 3).view(Matrix)})["x"]
    assert type(fed.array) is np.ndarray


def test_masked_elements_are_refused() -> None:
    with pytest.raises(InputError, match="masked"):
        FeedChecker([SPEC]).check({"x": np.ma.masked_equal(ones(2, 3), 1)})


def test_the_other_byte_order_is_refused_after_ours_too() -> None:
    check = FeedChecker([SPEC]).check
    check({"x": ones(2, 3)})
    with pytest.raises(InputError, match="f4"):
        check({"x": ones(2, 3).astype(">f4")})


dims: st.SearchStrategy[Dim] = st.sampled_from([1, 2, 3, "N", "M", None])


@given(
    st.lists(dims, max_size=3),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from(sorted(dtypes.ALL - {"string"})),
    st.sampled_from(sorted(dtypes.ALL - {"string"})),
)
def test_a_feed_is_accepted_exactly_where_type_and_shape_fit(
    declared: list[Dim], shape: list[int], wanted: str, got: str
) -> None:
    array = np.zeros(shape, dtypes.of_name(got).numpy)
    symbols: dict[str, int] = {}
    fits = wanted == got and len(declared) == len(shape)
    for dim, size in zip(declared, shape, strict=False):
        if isinstance(dim, int):
            fits = fits and dim == size
        elif isinstance(dim, str):
            fits = fits and symbols.setdefault(dim, size) == size
    check = FeedChecker([TensorSpec("x", wanted, tuple(declared))]).check
    for _ in range(2):  # the second call takes the common path
        if fits:
            assert check({"x": array})["x"].array is array
        else:
            with pytest.raises(InputError):
                check({"x": array})
