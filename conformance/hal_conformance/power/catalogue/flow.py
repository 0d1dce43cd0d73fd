"""Control flow, sequences and text."""

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
    Values,
    admitting,
    among,
    mapped,
    with_array,
)

CONTROL, TEXT = "control flow and sequences", "text"


def _trips(by: int) -> Mutate:
    def mutate(call: Call) -> Values:
        given = call.tensor(0)
        if given is None:
            return call.evaluate()
        return call.evaluate(call.replaced(0, with_array(given, given.array + by)))

    return mutate


def _condition(value: Callable[[Array], Array], place: int) -> Mutate:
    def mutate(call: Call) -> Values:
        given = call.tensor(place)
        if given is None or given.array.dtype.kind != "b":
            return call.evaluate()
        return call.evaluate(call.replaced(place, with_array(given, value(given.array))))

    return mutate


def _carried_initial(call: Call) -> Values:
    """The first state that is carried out is the one that went in."""
    results = call.evaluate()
    first = 2 if call.operator.op == "Loop" else 0
    value = call.inputs[first] if first < len(call.inputs) else None
    count = len(call.inputs) - first
    if value is None or not results or (call.operator.op == "Scan" and not count):
        return results
    fits = isinstance(value, Tensor) and isinstance(results[0], Tensor)
    return [value, *results[1:]] if fits or isinstance(value, list) else results


def _scans_turned(call: Call) -> Values:
    results = call.evaluate()
    count = len(call.inputs) - (2 if call.operator.op == "Loop" else 0)
    if call.operator.op == "Scan":
        count -= int(call.attributes.get("num_scan_inputs", 0))
    return [
        mapped(v, lambda t: with_array(t, np.flip(t.array, 0)) if t.shape else t)
        if k >= count
        else v
        for k, v in enumerate(results)
    ]


def _sequence(change: Callable[[list[Value]], list[Value]]) -> Mutate:
    """The sequences that go in, changed."""

    def mutate(call: Call) -> Values:
        return call.evaluate([change(v) if isinstance(v, list) else v for v in call.inputs])

    return mutate


def _sequence_out(change: Callable[[list[Value]], list[Value]]) -> Mutate:
    return lambda call: [change(v) if isinstance(v, list) else v for v in call.evaluate()]


def _control() -> Iterator[Fault]:
    loops = among("Loop", "Scan")
    rows: tuple[tuple[str, str, Any, Mutate], ...] = (
        ("loop/one-trip-less", "a loop ends one trip early", among("Loop"), _trips(-1)),
        ("loop/one-trip-more", "a loop runs one trip more", among("Loop"), _trips(1)),
        (
            "loop/condition-true",
            "the first condition is true",
            among("Loop"),
            _condition(np.ones_like, 1),
        ),
        (
            "if/inverted",
            "the other branch is taken",
            among("If"),
            _condition(np.logical_not, 0),
        ),
        ("if/always-then", "then is taken", among("If"), _condition(np.ones_like, 0)),
        ("if/always-else", "else is taken", among("If"), _condition(np.zeros_like, 0)),
        ("loop/carried-initial", "the first state is never updated", loops, _carried_initial),
        ("loop/scans-turned", "what is collected comes in reverse", loops, _scans_turned),
        (
            "where/inverted",
            "the condition means its opposite",
            among("Where", "Compress"),
            _any_condition,
        ),
    )
    for label, summary, where, mutate in rows:
        yield Fault(label, CONTROL, summary, where, mutate)
    sequences = admitting("seq(")
    yield Fault(
        "sequence/first-lost",
        CONTROL,
        "the first is lost",
        sequences,
        _sequence(lambda v: v[1:]),
    )
    yield Fault(
        "sequence/reversed", CONTROL, "read in reverse", sequences, _sequence(lambda v: v[::-1])
    )
    yield Fault(
        "sequence/result-reversed",
        CONTROL,
        "in reverse",
        sequences,
        _sequence_out(lambda v: v[::-1]),
    )
    yield Fault(
        "sequence/one-for-all",
        CONTROL,
        "the first for all",
        sequences,
        _sequence_out(lambda v: [v[0]] * len(v) if v else v),
    )
    yield Fault(
        "sequence/always-appended",
        CONTROL,
        "inserted at the end",
        among("SequenceInsert"),
        _appended,
    )
    yield Fault(
        "optional/always-there",
        CONTROL,
        "an empty optional is said to be there",
        among("OptionalHasElement"),
        lambda call: [
            mapped(v, lambda t: with_array(t, np.ones(t.shape))) for v in call.evaluate()
        ],
    )


def _any_condition(call: Call) -> Values:
    place = call.position("condition")
    given = None if place is None else call.tensor(place)
    if place is None or given is None:
        return call.evaluate()
    return call.evaluate(call.replaced(place, with_array(given, ~given.array)))


def _appended(call: Call) -> Values:
    return call.evaluate(call.inputs[:2])


def _texts(change: Callable[[str], str], *, inputs: bool = False) -> Mutate:
    def one(tensor: Tensor) -> Tensor:
        if tensor.dtype.name != "string":
            return tensor
        made = np.array([*(change(str(t)) for t in tensor.array.ravel()), None], object)[:-1]
        return Tensor(made.reshape(tensor.shape), tensor.dtype)

    if inputs:
        return lambda call: call.evaluate([mapped(v, one) for v in call.inputs])
    return lambda call: [mapped(v, one) for v in call.evaluate()]


def _text() -> Iterator[Fault]:
    strings = admitting("string")
    for label, summary, mutate in (
        (
            "ascii-only",
            "what is not ASCII is lost",
            _texts(lambda t: t.encode("ascii", "ignore").decode()),
        ),
        ("latin-1", "UTF-8 is read as Latin-1", _texts(lambda t: t.encode().decode("latin-1"))),
        ("cut-at-comma", "text ends at a comma", _texts(lambda t: t.partition(",")[0])),
        ("empty-is-none", "empty text becomes 'None'", _texts(lambda t: t or "None")),
        ("stripped", "blanks at the ends are lost", _texts(str.strip)),
        ("lower", "letters become small", _texts(str.lower)),
        ("short", "text is cut to 4 characters", _texts(lambda t: t[:4])),
        ("input-lower", "case is not looked at", _texts(str.lower, inputs=True)),
        ("input-stripped", "blanks are not looked at", _texts(str.strip, inputs=True)),
    ):
        yield Fault(f"text/{label}", TEXT, summary, strings, mutate)


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _control()
    yield from _text()
