"""Faults of some shapes only, of broadcasting, of a second shape, of some runs, of versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import Array
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

BROADCAST, SOME, DYNAMIC = "broadcast", "only some shapes", "only when dynamic"
STATE, VERSIONS = "now and then", "opset versions"

_LARGE_RANK, _LONG_ROW, _MANY = 5, 17, 1000

Condition = Callable[[tuple[int, ...]], bool]


def _broadcasting(operator: Operator) -> bool:
    told = (operator.newest.doc or "").lower()
    return "broadcast" in told and (len(operator.inputs) > 1 or "data_0" in operator.inputs)


def _damaged(value: Value) -> Value:
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
        return [_damaged(value) for value in results]

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
    return [_damaged(value) for value in results]


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


def _remembered(change: Callable[[Tensor, Tensor], Array]) -> Mutate:
    """From the second run on, what the first returned has its part in the result."""

    def mutate(call: Call) -> Values:
        results = call.evaluate()
        if call.run == 0:
            call.memory["first"] = results
            return results
        pairs = zip(results, call.memory["first"], strict=False)
        return [_mixed(now, then, change) for now, then in pairs]

    return mutate


def _mixed(now: Value, then: Value, change: Callable[[Tensor, Tensor], Array]) -> Value:
    if isinstance(now, Tensor) and isinstance(then, Tensor):
        return Tensor(np.asarray(change(now, then), now.array.dtype), now.dtype)
    if isinstance(now, list) and isinstance(then, list):
        return [_mixed(a, b, change) for a, b in zip(now, then, strict=False)]
    return now


def _in_first_shape(now: Tensor, then: Tensor) -> Array:
    """The result in the shape that the first run had."""
    return np.resize(now.array, then.shape) if now.array.size else then.array


def _only_first_size(now: Tensor, then: Tensor) -> Array:
    """As many elements as in the first run; the rest is what memory held."""
    made = now.array.copy()
    made.reshape(-1)[then.array.size :] = "" if made.dtype.kind == "O" else made.dtype.type(0)
    return made


def _strides_of_first(now: Tensor, then: Tensor) -> Array:
    """Elements lie where the first shape's rows put them."""
    if not now.shape or not then.shape or now.shape == then.shape or not now.array.size:
        return now.array
    width = max(now.shape[-1], then.shape[-1])
    rows = now.array.reshape(-1, now.shape[-1])
    filler: Any = "" if rows.dtype.kind == "O" else rows.dtype.type(0)
    padded = np.full((rows.shape[0], width), filler, rows.dtype)
    padded[:, : now.shape[-1]] = rows
    return padded.reshape(-1)[: now.array.size].reshape(now.shape)


def _damaged_if_new_shape(now: Tensor, then: Tensor) -> Array:
    if now.shape == then.shape:
        return now.array
    made = _damaged(now)
    return made.array if isinstance(made, Tensor) else now.array


def _stale_input(place: int) -> Mutate:
    """An operand that fits is kept from the first run, as if it were a weight."""

    def mutate(call: Call) -> Values:
        given = call.tensor(place)
        if call.run == 0:
            call.memory["operand"] = given
            return call.evaluate()
        kept = call.memory["operand"]
        if given is None or kept is None or kept.shape != given.shape:
            return call.evaluate()
        return call.evaluate(call.replaced(place, kept))

    return mutate


def _runs(chosen: Callable[[int], bool], change: Callable[[Value], Value] = _damaged) -> Mutate:
    def mutate(call: Call) -> Values:
        results = call.evaluate()
        return [change(v) for v in results] if chosen(call.run) else results

    return mutate


def _last_bit(value: Value) -> Value:
    """The last bit of the first element: nondeterminism within every bound."""

    def one(tensor: Tensor) -> Tensor:
        array = tensor.array
        if not array.size or array.dtype.kind in "Ob":
            return tensor
        made = np.ascontiguousarray(array).copy()
        bits = made.reshape(-1).view(np.uint8)
        bits[0] ^= np.uint8(1)
        return Tensor(made, tensor.dtype)

    return mapped(value, one)


def _one_element(value: Value) -> Value:
    def one(tensor: Tensor) -> Tensor:
        array = tensor.array
        if not array.size or array.dtype.kind == "O":
            return tensor
        made = array.copy()
        flat = made.reshape(-1)
        flat[-1] = flat[0] if flat.size > 1 else flat.dtype.type(1)
        return Tensor(made, tensor.dtype)

    return mapped(value, one)


def _accumulated(now: Tensor, then: Tensor) -> Array:
    """The output was not cleared: results add up."""
    if now.shape != then.shape or now.array.dtype.kind in "Ob":
        return now.array
    return now.array + then.array


def _of_version(choose: Callable[[list[int], int], int | None]) -> Mutate:
    def mutate(call: Call) -> Values:
        versions = [int(schema.since_version) for schema in call.operator.history]
        other = choose(versions, call.version)
        if other is None or other == call.version:
            return call.evaluate()
        return call.evaluate(version=other)

    return mutate


def _previous(versions: list[int], now: int) -> int | None:
    return max((v for v in versions if v < now), default=None)


def _next(versions: list[int], now: int) -> int | None:
    return min((v for v in versions if v > now), default=None)


def faults() -> Iterator[Fault]:
    """All of them."""
    for label, summary, condition in _CONDITIONS:
        yield Fault(f"only/{label}", SOME, f"wrong {summary}", everywhere, _when(condition))
    yield Fault(
        "only/empty", SOME, "empty results get an element", everywhere, _empty_not_empty
    )
    yield from _broadcasts()
    yield from _dynamic()
    yield from _lasting()
    yield from _versions()


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


def _at_least(count: int) -> Callable[[Operator], bool]:
    return lambda operator: len(operator.inputs) > count


def _dynamic() -> Iterator[Fault]:
    for label, summary, change in (
        ("first-shape", "later results have the first run's shape", _in_first_shape),
        ("first-size", "later results end where the first did", _only_first_size),
        ("first-strides", "later rows lie as in the first run", _strides_of_first),
        ("new-shape-wrong", "results of another shape are wrong", _damaged_if_new_shape),
    ):
        yield Fault(
            f"dynamic/{label}", DYNAMIC, summary, everywhere, _remembered(change), lasting=True
        )
    for place in range(3):
        yield Fault(
            f"dynamic/operand-{place}-kept",
            DYNAMIC,
            f"operand {place} is that of the first run",
            _at_least(place),
            _stale_input(place),
            lasting=True,
        )


def _lasting() -> Iterator[Fault]:
    moments: tuple[tuple[str, str, Callable[[int], bool]], ...] = (
        ("every-2nd", "every second run is wrong", lambda r: r % 2 == 1),
        ("every-7th", "every seventh run is wrong", lambda r: r % 7 == 6),
        ("every-50th", "every 50th run is wrong", lambda r: r % 50 == 49),
        ("every-250th", "every 250th run is wrong", lambda r: r % 250 == 249),
        ("after-100", "all runs after 100 are wrong", lambda r: r >= 100),
        ("second-only", "the second run is wrong", lambda r: r == 1),
        ("all-but-first", "all runs but the first are wrong", lambda r: r > 0),
    )
    for label, summary, chosen in moments:
        yield Fault(f"runs/{label}", STATE, summary, everywhere, _runs(chosen), lasting=True)
    yield Fault(
        "runs/one-element-every-50th",
        STATE,
        "one element is wrong in every 50th run",
        everywhere,
        _runs(lambda r: r % 50 == 49, _one_element),
        lasting=True,
    )
    yield Fault(
        "runs/last-bit-every-20th",
        STATE,
        "a last bit differs in every 20th run",
        everywhere,
        _runs(lambda r: r % 20 == 19, _last_bit),
        lasting=True,
    )
    yield Fault(
        "runs/output-not-cleared",
        STATE,
        "results add to those of the first run",
        everywhere,
        _remembered(_accumulated),
        lasting=True,
    )
    yield Fault(
        "runs/stale-output",
        "stale, aliased or misplaced output",
        "every run returns what the first did",
        everywhere,
        _remembered(lambda _, then: then.array),
        lasting=True,
    )


def _versions() -> Iterator[Fault]:
    def where(operator: Operator) -> bool:
        return len(operator.history) > 1

    choices: tuple[tuple[str, str, Callable[[list[int], int], int | None]], ...] = (
        ("previous", "computed as the version before", _previous),
        ("next", "computed as the version after", _next),
        ("newest", "computed as the newest version", lambda v, _: max(v)),
        ("oldest", "computed as the oldest version", lambda v, _: min(v)),
    )
    for label, summary, choose in choices:
        yield Fault(f"version/{label}", VERSIONS, summary, where, _of_version(choose))
