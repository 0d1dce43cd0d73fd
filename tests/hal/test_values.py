"""Element types, tensors and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal import dtypes
from hal.dtypes import DType
from hal.errors import AdapterError, InputError
from hal.tensor import MapValue, Tensor, plain_of, value_of

ALL = sorted(dtypes.BY_NUMBER.values(), key=lambda dtype: dtype.number)


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_our_table_agrees_with_onnx(dtype: DType) -> None:
    assert onnx.helper.tensor_dtype_to_np_dtype(dtype.number) == dtype.numpy


def test_the_table_holds_every_type_of_onnx() -> None:
    numbers = set(onnx.TensorProto.DataType.values()) - {onnx.TensorProto.UNDEFINED}
    assert numbers == set(dtypes.BY_NUMBER)


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_an_array_of_a_type_is_recognised(dtype: DType) -> None:
    assert dtypes.of_array(np.zeros((2,), dtype.numpy)) is dtype


def test_schema_names_are_understood() -> None:
    assert dtypes.of_name("double").name == "float64"


@pytest.mark.parametrize("dtype", ["datetime64[s]", "m8[s]", "float128", [("a", "i4")]])
def test_a_numpy_type_onnx_lacks_is_an_input_error(dtype: Any) -> None:
    with pytest.raises(InputError, match="no ONNX element type"):
        Tensor.of(np.zeros(1, dtype))


def test_one_element_is_a_scalar_where_a_scalar_is_declared() -> None:
    one = np.ones((1, 1), np.float32)
    assert Tensor.of_output(one, ()).shape == ()
    assert Tensor.of_output(one, (1, 1)).shape == (1, 1)
    assert Tensor.of_output(one, None).shape == (1, 1)
    assert Tensor.of_output(np.ones(2), ()).shape == (2,)


def test_text_becomes_objects_of_str() -> None:
    tensor = Tensor.of(np.array(["a", "bc"]))
    assert (tensor.dtype.name, tensor.array.tolist()) == ("string", ["a", "bc"])


@pytest.mark.skipif(not hasattr(np, "dtypes"), reason="NumPy 1 has no such type")
def test_numpys_own_strings_become_objects_of_str() -> None:
    tensor = Tensor.of(np.array(["a", "bc"], np.dtypes.StringDType()))
    assert (tensor.array.dtype, tensor.array.tolist()) == (np.dtype(object), ["a", "bc"])


def test_bytes_that_are_no_text_are_an_input_error() -> None:
    with pytest.raises(InputError, match="utf-8"):
        Tensor.of(np.array([b"\xff"]))


def test_an_array_that_cannot_leave_its_library_is_an_input_error() -> None:
    class NeedsGradient:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise RuntimeError("call detach() first")

    with pytest.raises(InputError, match="call detach"):
        Tensor.of(NeedsGradient())


def test_what_is_no_value_is_said_so() -> None:
    wrong: Any = np.ones(2)
    with pytest.raises(AdapterError, match="ndarray, which is no Value"):
        plain_of(wrong)


def test_dlpack_shares_memory() -> None:
    array = np.arange(4.0)
    assert np.shares_memory(np.from_dlpack(Tensor.of(array)), array)


def test_dlpack_of_a_small_type_says_what_to_do() -> None:
    tensor = Tensor.of(np.zeros(2, dtypes.of_name("bfloat16").numpy))
    with pytest.raises(InputError, match=r"bfloat16.*use \.array"):
        tensor.__dlpack__()


plain = st.recursive(
    st.none() | st.integers(-100, 100).map(np.float32),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(plain)
def test_values_round_trip_through_plain_data(data: object) -> None:
    assert repr(plain_of(value_of(plain_of(value_of(data))))) == repr(plain_of(value_of(data)))


def test_a_dict_is_a_map() -> None:
    value = value_of({1: 0.5, 2: 1.5})
    assert isinstance(value, MapValue)
    assert plain_of(value) == {1: 0.5, 2: 1.5}
