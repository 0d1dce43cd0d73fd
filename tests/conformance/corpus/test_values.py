"""Values survive being packed, whatever they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hal_conformance.corpus.values import ALIGNMENT, CorpusError, Packer, unpack
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hal import dtypes
from hal.tensor import Array, MapValue, Tensor, Value

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Any bits of any type, in any shape; text; now and then not contiguous."""
    dtype = draw(st.sampled_from(list(dtypes.BY_NAME.values())))
    shape = draw(SHAPES)
    array: Array
    if dtype.name == "string":
        array = draw(hnp.arrays(object, shape, elements=st.text(max_size=5)))
    else:
        size = dtype.numpy.itemsize
        raw = draw(hnp.arrays(np.uint8, (*shape, size), elements=st.integers(0, 1)))
        array = raw.view(dtype.numpy).reshape(shape)
    return Tensor(array.T if draw(st.booleans()) else array, dtype)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | tensors() | st.builds(MapValue, tensors(), tensors()),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


def same(a: Value, b: Value) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return False
        if a.dtype.name == "string":
            return bool(a.array.tolist() == b.array.tolist())
        return a.array.dtype == b.array.dtype and a.array.tobytes() == b.array.tobytes()
    if isinstance(a, MapValue) and isinstance(b, MapValue):
        return same(a.keys, b.keys) and same(a.values, b.values)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a is None and b is None


@given(st.lists(VALUES, max_size=4), st.integers(0, 2))
def test_what_is_unpacked_is_what_was_packed(values: list[Value], before: int) -> None:
    packer = Packer()
    described = [packer.add(value) for value in values]
    base = before * ALIGNMENT
    buffer = memoryview(bytes(base) + packer.content())
    for value, description in zip(values, described, strict=True):
        assert same(value, unpack(description, buffer, base))


@given(tensors())
def test_what_is_unpacked_cannot_be_written_to(tensor: Tensor) -> None:
    packer = Packer()
    description = packer.add(tensor)
    found = unpack(description, memoryview(packer.content()), 0)
    assert isinstance(found, Tensor)
    assert not found.array.flags.writeable


def test_equal_arrays_are_stored_once() -> None:
    packer = Packer()
    one = packer.add(Tensor.of(np.arange(10.0)))
    size = len(packer.content())
    assert packer.add(Tensor.of(np.arange(10.0))) == one
    assert len(packer.content()) == size


def test_arrays_are_aligned() -> None:
    packer = Packer()
    packer.add(Tensor.of(np.zeros(3, np.uint8)))
    _, _, offset, _ = packer.add(Tensor.of(np.ones(3)))
    assert offset == ALIGNMENT


def test_what_is_neither_array_nor_text_is_refused() -> None:
    with pytest.raises(CorpusError, match="holds 1, a int"):
        Packer().add(Tensor.of(np.array([1], dtype=object)))
