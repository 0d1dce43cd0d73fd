"""Faults of a second shape, of some runs, of versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.power.catalogue.shapes import damaged
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    everywhere,
    mapped,
)

DYNAMIC, STATE, VERSIONS = "only when dynamic", "now and then", "opset versions"


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
    made = damaged(now)
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


def _runs(chosen: Callable[[int], bool], change: Callable[[Value], Value] = damaged) -> Mutate:
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


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _dynamic()
    yield from _lasting()
    yield from _versions()
