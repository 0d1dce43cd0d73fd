"""Outputs that are misplaced, stale, aliased, incomplete, or of another type or shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hal import dtypes
from hal.tensor import MapValue, Tensor, Value
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    changing_outputs,
    everywhere,
    mapped,
    with_array,
)

TAILS, ROWS, TYPES = "rows and tails", "rows and tails", "type or shape of the output"
PLACES = "stale, aliased or misplaced output"


def _several(operator: Operator) -> bool:
    variadic = any("Variadic" in str(formal.option) for formal in operator.newest.outputs)
    return len(operator.outputs) > 1 or variadic


def _zero(array: Array) -> Any:
    return "" if array.dtype.kind == "O" else array.dtype.type(0)


def _without_tail(width: int) -> Callable[[Array], Array | None]:
    """The elements after the last full vector stay zero; nothing is wrong before that."""

    def change(array: Array) -> Array | None:
        rest = array.size % width
        if not rest:
            return None
        made = array.copy()
        made.reshape(-1)[array.size - rest :] = _zero(array)
        return made

    return change


def _stale_tail(width: int) -> Callable[[Array], Array | None]:
    """The tail repeats the elements before it."""

    def change(array: Array) -> Array | None:
        rest = array.size % width
        if not rest or array.size < 2 * rest:
            return None
        made = array.copy()
        flat = made.reshape(-1)
        flat[array.size - rest :] = flat[array.size - 2 * rest : array.size - rest]
        return made

    return change


def _row_tail(width: int) -> Callable[[Array], Array | None]:
    """The tail of each row."""

    def change(array: Array) -> Array | None:
        rest = array.shape[-1] % width if array.ndim else 0
        if not rest:
            return None
        made = array.copy()
        made[..., array.shape[-1] - rest :] = _zero(array)
        return made

    return change


def _at(place: Any, axis: int = 0) -> Callable[[Array], Array | None]:
    """Zeros at a place along an axis."""

    def change(array: Array) -> Array | None:
        if not array.ndim or array.ndim < -axis or not array.shape[axis]:
            return None
        made = array.copy()
        np.moveaxis(made, axis, 0)[place] = _zero(array)
        return made

    return change


def _repeated_batch(array: Array) -> Array | None:
    if array.ndim < 2 or array.shape[0] < 2:
        return None
    return np.broadcast_to(array[:1], array.shape).copy()


def _beyond(size: int) -> Callable[[Array], Array | None]:
    def change(array: Array) -> Array | None:
        if array.size <= size:
            return None
        made = array.copy()
        made.reshape(-1)[size:] = _zero(array)
        return made

    return change


def _swapped(a: int, b: int) -> Callable[[Array], Array | None]:
    def change(array: Array) -> Array | None:
        if array.size <= max(a, b):
            return None
        made = array.copy()
        flat = made.reshape(-1)
        flat[[a, b]] = flat[[b, a]]
        return made

    return change


def _transposed(array: Array) -> Array | None:
    """Column-major bytes under a row-major shape."""
    if array.ndim < 2:
        return None
    return np.ascontiguousarray(array.T).reshape(array.shape)


def _copy_of_input(call: Call) -> Values:
    """The first output's storage is that of the first input of its size and type."""
    results = call.evaluate()
    first = results[0] if results else None
    for value in call.inputs:
        if not isinstance(first, Tensor) or not isinstance(value, Tensor):
            continue
        if value.dtype == first.dtype and value.array.size == first.array.size:
            copied = Tensor(value.array.reshape(first.shape), first.dtype)
            return [copied, *results[1:]]
    return results


def _aliased(call: Call) -> Values:
    """The last output has the first one's storage, where type and size agree."""
    results = call.evaluate()
    if len(results) < 2:
        return results
    first, last = results[0], results[-1]
    if isinstance(first, Tensor) and isinstance(last, Tensor) and first.dtype == last.dtype:
        fitting = np.resize(first.array, last.shape)
        return [*results[:-1], Tensor(fitting, last.dtype)]
    return results


def _exchanged(call: Call) -> Values:
    results = call.evaluate()
    return [*results[1:], results[0]] if len(results) > 1 else results


def _first_only(call: Call) -> Values:
    results = call.evaluate()
    return [results[0], *(mapped(v, _zeros) for v in results[1:])] if results else results


def _zeros(tensor: Tensor) -> Tensor:
    return Tensor(np.full(tensor.shape, _zero(tensor.array)), tensor.dtype)


def _lost(call: Call) -> Values:
    results = call.evaluate()
    return results[:-1] if len(results) > 1 else results


def _typed(change: Callable[[Tensor], Tensor]) -> Mutate:
    return lambda call: [mapped(value, change) for value in call.evaluate()]


def _retyped(wanted: str, given: str) -> Mutate:
    def change(tensor: Tensor) -> Tensor:
        if tensor.dtype.name != given:
            return tensor
        dtype = dtypes.of_name(wanted)
        with np.errstate(all="ignore"):
            plain = (
                tensor.array.astype(np.float64) if tensor.dtype.is_extension else tensor.array
            )
            return Tensor(plain.astype(dtype.numpy), dtype)

    return _typed(change)


def _shaped(change: Callable[[Array], Array]) -> Mutate:
    return _typed(lambda tensor: Tensor(change(tensor.array), tensor.dtype))


def _uninitialised(call: Call) -> Values:
    """Zeros are not written: what lay in memory before is seen there."""

    def change(tensor: Tensor) -> Tensor:
        if tensor.dtype.name == "string":
            return tensor
        return with_array(
            tensor, np.where(tensor.array == 0, tensor.array.dtype.type(1), tensor.array)
        )

    return [mapped(value, change) for value in call.evaluate()]


def _shorter_sequence(call: Call) -> Values:
    def change(value: Value) -> Value:
        return value[:-1] if isinstance(value, list) and value else value

    return [change(value) for value in call.evaluate()]


def _map_shuffled(call: Call) -> Values:
    def change(value: Value) -> Value:
        if isinstance(value, list):
            return [change(item) for item in value]
        if isinstance(value, MapValue):
            rolled = with_array(value.values, np.roll(value.values.array, 1))
            return MapValue(value.keys, rolled)
        return value

    return [change(value) for value in call.evaluate()]


def _at_end(array: Array) -> Array | None:
    if not array.size:
        return None
    made = array.copy()
    made.reshape(-1)[-1] = _zero(array)
    return made


_ARRAYS: tuple[tuple[str, str, str, Callable[[Array], Array | None]], ...] = (
    ("zeros", PLACES, "zeros are returned", np.zeros_like),
    ("rolled", PLACES, "elements come one place late", lambda a: np.roll(a, 1)),
    (
        "reversed",
        PLACES,
        "elements come in reverse",
        lambda a: a.reshape(-1)[::-1].reshape(a.shape),
    ),
    ("column-major", PLACES, "the bytes are column-major", _transposed),
    ("first-two-swapped", PLACES, "the first two elements are exchanged", _swapped(0, 1)),
    ("last-row-missing", ROWS, "the last row along the first axis is zero", _at(-1)),
    ("first-row-missing", ROWS, "the first row along the first axis is zero", _at(0)),
    ("last-column-missing", ROWS, "the last entry of the last axis is zero", _at(-1, -1)),
    ("last-channel-missing", ROWS, "the last channel (axis 1) is zero", _at(-1, 1)),
    ("odd-channels-missing", ROWS, "channels 1, 3, ... are zero", _at(slice(1, None, 2), 1)),
    ("odd-rows-missing", ROWS, "rows 1, 3, ... are zero", _at(slice(1, None, 2))),
    ("batch-repeated", ROWS, "the first batch entry stands for all", _repeated_batch),
    ("last-element-missing", ROWS, "the very last element is zero", _at_end),
    ("beyond-64", TAILS, "nothing is written beyond 64 elements", _beyond(64)),
    ("beyond-256", TAILS, "nothing is written beyond 256 elements", _beyond(256)),
    ("beyond-1024", TAILS, "nothing is written beyond 1024 elements", _beyond(1024)),
)


def faults() -> Iterator[Fault]:
    """Faults that any operator may have."""
    for label, family, summary, change in _ARRAYS:
        yield Fault(f"output/{label}", family, summary, everywhere, changing_outputs(change))
    for width in (4, 8, 16, 32):
        yield Fault(
            f"output/tail-of-{width}",
            TAILS,
            f"what follows the last full vector of {width} is zero",
            everywhere,
            changing_outputs(_without_tail(width)),
        )
    for width in (4, 8, 16):
        yield Fault(
            f"output/row-tail-of-{width}",
            TAILS,
            f"in each row what follows the last full vector of {width} is zero",
            everywhere,
            changing_outputs(_row_tail(width)),
        )
    yield Fault(
        "output/tail-repeats",
        TAILS,
        "what follows the last full vector of 8 repeats what was before it",
        everywhere,
        changing_outputs(_stale_tail(8)),
    )
    yield Fault("output/copy-of-input", PLACES, "an input's memory", everywhere, _copy_of_input)
    yield Fault("output/aliased", PLACES, "two outputs share memory", _several, _aliased)
    yield Fault(
        "output/exchanged", PLACES, "outputs come in another order", _several, _exchanged
    )
    yield Fault(
        "output/first-only", PLACES, "only the first is computed", _several, _first_only
    )
    yield Fault("output/lost", TYPES, "the last output is not returned", _several, _lost)
    yield Fault(
        "output/uninitialised", PLACES, "zeros are left unwritten", everywhere, _uninitialised
    )
    yield from _of_type()


def _of_type() -> Iterator[Fault]:
    for wanted, given in (
        ("float32", "float64"),
        ("float32", "float16"),
        ("float32", "bfloat16"),
        ("float16", "bfloat16"),
        ("int32", "int64"),
        ("int64", "int32"),
        ("uint8", "bool"),
        ("uint8", "int8"),
        ("int8", "int4"),
    ):
        yield Fault(
            f"type/{given}-as-{wanted}",
            TYPES,
            f"{given} comes back as {wanted}",
            _admitting(given),
            _retyped(wanted, given),
        )
    yield Fault("shape/flat", TYPES, "outputs come flat", everywhere, _shaped(np.ravel))
    yield Fault(
        "shape/squeezed", TYPES, "dimensions of 1 are lost", everywhere, _shaped(np.squeeze)
    )
    yield Fault("shape/0-d-as-1", TYPES, "0-d comes as [1]", everywhere, _shaped(np.atleast_1d))
    yield Fault(
        "shape/reversed",
        TYPES,
        "the dimensions come in reverse",
        everywhere,
        _shaped(lambda a: a.reshape(a.shape[::-1])),
    )
    yield Fault("sequence/last-lost", TYPES, "the last is lost", everywhere, _shorter_sequence)
    yield Fault("map/shuffled", PLACES, "keys get others' values", everywhere, _map_shuffled)


def _admitting(name: str) -> Callable[[Operator], bool]:
    return lambda operator: _admits(operator, dtypes.of_name(name))


def _admits(operator: Operator, dtype: dtypes.DType) -> bool:
    from hal_conformance.generated.registry import plain

    texts = {
        plain(text)
        for schema in operator.schemas
        for constraint in schema.type_constraints
        for text in constraint.allowed_type_strs
    }
    texts |= {
        plain(f.type_str) for s in operator.schemas for f in s.outputs if "(" in f.type_str
    }
    return dtype.name in texts
