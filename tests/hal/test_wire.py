"""What crosses to a worker arrives as it was."""

from __future__ import annotations

import socket
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import dtypes
from hal.tensor import MapValue, Tensor, Value
from hal.worker.wire import Channel, Message, Received

Array = np.ndarray[Any, Any]


def arrays(name: str) -> st.SearchStrategy[Tensor]:
    dtype = dtypes.of_name(name)
    shapes = st.lists(st.integers(0, 3), max_size=3)
    if name == "string":
        return shapes.flatmap(
            lambda shape: st.lists(
                st.text(), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))
            ).map(lambda items: Tensor(_objects(items, shape), dtype))
        )
    return shapes.map(lambda shape: Tensor(_counting(shape).astype(dtype.numpy), dtype))


def _counting(shape: list[int]) -> Array:
    return np.reshape(np.arange(np.prod(shape)) % 2, shape)


def _objects(items: list[str], shape: list[int]) -> Array:
    array = np.empty(len(items), object)
    array[:] = items
    return array.reshape(shape)


tensors = st.sampled_from(sorted(dtypes.ALL)).flatmap(arrays)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | tensors | st.builds(MapValue, arrays("int64"), arrays("float32")),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(deadline=None)
@given(values)
def test_every_value_crosses_the_wire_unchanged(value: Value) -> None:
    message = Message({})
    described = message.add_value(value)
    received = Received({}, message.buffers).value(described, copy=True)
    assert _plain(received) == _plain(value)


def _plain(value: Value) -> Any:
    if isinstance(value, Tensor):
        items = [repr(item) for item in value.array.ravel().tolist()]
        return (value.dtype.name, value.array.dtype, value.array.shape, items)
    if isinstance(value, MapValue):
        return (_plain(value.keys), _plain(value.values))
    return value if value is None else [_plain(item) for item in value]


@pytest.mark.parametrize("padding", range(0, 64, 7))
def test_a_tensor_begins_where_vector_instructions_want_it_whatever_came_before(
    padding: int,
) -> None:
    """Some add up in another order what begins elsewhere, and results would depend on names."""
    ours, theirs = socket.socketpair()
    sent = np.arange(100, dtype=np.float32)
    message = Message({"name": "n" * padding})
    message.header["value"] = message.add_value(Tensor.of(sent))
    with ours, theirs:
        Channel(ours, inline=True).send(message)
        received = Channel(theirs, inline=True).receive()
        value = received.value(received.header["value"], copy=False)
    assert isinstance(value, Tensor)
    assert value.array.ctypes.data % 64 == 0
    np.testing.assert_array_equal(value.array, sent)
