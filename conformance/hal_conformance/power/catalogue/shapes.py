"""Faults of some shapes only, and of broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    everywhere,
    mapped,
    with_array,
)

BROADCAST, SOME = "broadcast", "only some shapes"

_LARGE_RANK, _LONG_ROW, _MANY = 5, 17, 1000

Condition = Callable[[tuple[int, ...]], bool]


def _broadcasting(operator: Operator) -> bool:
    told = (operator.newest.doc or "").lower()
    return "broadcast" in told and (len(operator.inputs) > 1 or "data_0" in operator.inputs)


def damaged(value: Value) -> Value:
    """What a wrong kernel leaves: everything one place late, and one more."""

    def one(tensor: Tensor) -> Tensor:
        array = tensor.array
        if array.dtype.kind == "O":
            return Tensor(np.asarray(array + "?", object).reshape(array.shape), tensor.dtype)
        if array.dtype.kind == "b":
            return with_array(tensor, ~array)
        if tensor.dtype.is_extension:
            return with_array(tensor, np.roll(array.astype(np.float64), 1) + 1)
        return with_array(tensor, np.roll(array, 1) + array.dtype.type(1))

    return mapped(value, one)


def _shape(call: Call) -> tuple[int, ...] | None:
    first = next((v for v in call.inputs if isinstance(v, Tensor)), None)
    return None if first is None else first.shape


def _when(condition: Condition) -> Mutate:
    def mutate(call: Call) -> Values:
        results, shape = call.evaluate(), _shape(call)
        if shape is None or not condition(shape):
            return results
        return [damaged(value) for value in results]

    return mutate


def _product(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


_CONDITIONS: tuple[tuple[str, str, Condition], ...] = (
    (
        "odd-last",
        "where the last dimension is odd",
        lambda s: bool(s) and s[-1] % 2 == 1 and s[-1] > 1,
    ),
    (
        "even-last",
        "where the last dimension is even",
        lambda s: bool(s) and s[-1] % 2 == 0 and s[-1] > 0,
    ),
    ("size-1-last", "where the last dimension is 1", lambda s: bool(s) and s[-1] == 1),
    ("size-1-somewhere", "where some dimension is 1", lambda s: 1 in s),
    ("rank-0", "for scalars", lambda s: not s),
    ("rank-1", "for one dimension", lambda s: len(s) == 1),
    ("rank-2", "for two dimensions", lambda s: len(s) == 2),
    ("rank-3", "for three dimensions", lambda s: len(s) == 3),
    ("rank-4", "for four dimensions", lambda s: len(s) == 4),
    ("rank-5", "for five dimensions or more", lambda s: len(s) >= _LARGE_RANK),
    (
        "long-row",
        "where the last dimension passes 16",
        lambda s: bool(s) and s[-1] >= _LONG_ROW,
    ),
    ("large", "beyond 1000 elements", lambda s: _product(s) > _MANY),
    ("single", "for one element", lambda s: _product(s) == 1),
    ("batch", "where the first dimension passes 1", lambda s: bool(s) and s[0] > 1),
    ("not-of-8", "where the elements are no multiple of 8", lambda s: _product(s) % 8 > 0),
    (
        "of-8",
        "where the elements are a multiple of 8",
        lambda s: bool(_product(s)) and not _product(s) % 8,
    ),
    (
        "square",
        "where the last two dimensions agree",
        lambda s: len(s) > 1 and s[-1] == s[-2] > 1,
    ),
    (
        "not-square",
        "where the last two dimensions differ",
        lambda s: len(s) > 1 and s[-1] != s[-2],
    ),
)


def _empty_not_empty(call: Call) -> Values:
    """Empty dimensions of results become 1."""

    def one(tensor: Tensor) -> Tensor:
        if tensor.array.size:
            return tensor
        shape = tuple(max(1, d) for d in tensor.shape)
        filler: Any = "" if tensor.dtype.name == "string" else 0
        return Tensor(np.full(shape, filler, tensor.array.dtype), tensor.dtype)

    return [mapped(value, one) for value in call.evaluate()]


def _flat_reading(place: int) -> Mutate:
    """An operand that is to be broadcast is read element by element until it ends, again."""

    def mutate(call: Call) -> Values:
        results, given = call.evaluate(), call.tensor(place)
        first = results[0] if results else None
        if given is None or not isinstance(first, Tensor) or not given.array.size:
            return results
        if given.array.size in (1, first.array.size):
            return results
        read = with_array(given, np.resize(given.array, first.shape))
        return call.evaluate(call.replaced(place, read))

    return mutate


def _aligned_left(place: int) -> Mutate:
    """Dimensions are aligned at the left, where that is possible."""

    def mutate(call: Call) -> Values:
        given = call.tensor(place)
        results = call.evaluate()
        first = results[0] if results else None
        if given is None or not isinstance(first, Tensor):
            return results
        missing = len(first.shape) - len(given.shape)
        shape = (*given.shape, *(1,) * max(0, missing))
        if missing <= 0 or not given.shape:
            return results
        return call.evaluate(
            call.replaced(place, Tensor(given.array.reshape(shape), given.dtype))
        )

    return mutate


def _first_of_ones(place: int) -> Mutate:
    """Where an operand has a dimension of 1, only the first along it is right."""

    def mutate(call: Call) -> Values:
        results, given = call.evaluate(), call.tensor(place)
        first = results[0] if results else None
        if given is None or not isinstance(first, Tensor) or first.dtype.name == "string":
            return results
        made = first.array.copy()
        for back in range(1, len(given.shape) + 1):
            if back <= made.ndim and given.shape[-back] == 1 and made.shape[-back] > 1:
                np.moveaxis(made, -back, 0)[1:] = made.dtype.type(0)
        return [with_array(first, made), *results[1:]]

    return mutate


def _both_sides(call: Call) -> Values:
    """Only one operand is broadcast: where both must be, the second's first row serves."""
    a, b = call.tensor(0), call.tensor(1)
    results = call.evaluate()
    first = results[0] if results else None
    if a is None or b is None or not isinstance(first, Tensor):
        return results
    if first.shape in (a.shape, b.shape):
        return results
    return [damaged(value) for value in results]


def _scalar_only_first(place: int) -> Mutate:
    """A scalar operand is used for the first element alone."""

    def mutate(call: Call) -> Values:
        results, given = call.evaluate(), call.tensor(place)
        first = results[0] if results else None
        if given is None or given.array.size != 1 or not isinstance(first, Tensor):
            return results
        if first.array.size <= 1 or first.dtype.name == "string":
            return results
        made = first.array.copy()
        made.reshape(-1)[1:] = made.dtype.type(0)
        return [with_array(first, made), *results[1:]]

    return mutate


def faults() -> Iterator[Fault]:
    """All of them."""
    for label, summary, condition in _CONDITIONS:
        yield Fault(f"only/{label}", SOME, f"wrong {summary}", everywhere, _when(condition))
    yield Fault(
        "only/empty", SOME, "empty results get an element", everywhere, _empty_not_empty
    )
    yield from _broadcasts()


def _broadcasts() -> Iterator[Fault]:
    for place, word in ((0, "left"), (1, "right")):
        for label, summary, mutate in (
            ("flat", "is read on and on instead of broadcast", _flat_reading(place)),
            ("aligned-left", "is aligned at the left", _aligned_left(place)),
            ("size-1", "with a dimension of 1 serves only the first", _first_of_ones(place)),
            ("scalar", "that is one number serves only the first", _scalar_only_first(place)),
        ):
            yield Fault(
                f"broadcast/{word}-{label}",
                BROADCAST,
                f"the {word} operand {summary}",
                _broadcasting,
                mutate,
            )
    yield Fault(
        "broadcast/both", BROADCAST, "both cannot be broadcast", _broadcasting, _both_sides
    )
