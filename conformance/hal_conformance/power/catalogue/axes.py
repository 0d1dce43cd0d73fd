"""Wrong axes: off by one, counted from the wrong end, only the first of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hal.tensor import Tensor
from hal_conformance.power.fault import Call, Fault, Mutate, Operator, Values, with_array

FAMILY = "wrong axis"

Change = Callable[[list[int], int], list[int]]
"""What becomes of axes, given the rank."""


def _has_axes(operator: Operator) -> bool:
    names = {*operator.attributes, *operator.inputs}
    return bool(names & {"axis", "axes", "batch_axis", "time_axis"})


def _moved(change: Change) -> Mutate:
    """Axes, whether an attribute or an input, changed."""

    def mutate(call: Call) -> Values:
        rank = _rank(call)
        changed: dict[str, Any] = {}
        for name in ("axis", "axes", "batch_axis", "time_axis"):
            value: int | list[int] | None = call.attributes.get(name)
            if isinstance(value, int):
                changed[name] = change([value], rank)[0]
            elif isinstance(value, list):
                changed[name] = change(value, rank)
        inputs = list(call.inputs)
        place = call.position("axis", "axes")
        given = None if place is None else call.tensor(place)
        if place is not None and given is not None:
            listed = [int(v) for v in given.array.ravel()]
            made = np.asarray(change(listed, rank), given.array.dtype)
            inputs[place] = with_array(given, made.reshape(given.shape if given.shape else ()))
        return call.evaluate(inputs, **changed)

    return mutate


def _rank(call: Call) -> int:
    first = next((v for v in call.inputs if isinstance(v, Tensor)), None)
    return max(1, len(first.shape)) if first is not None else 1


def _first_only(call: Call) -> Values:
    place = call.position("axes")
    given = None if place is None else call.tensor(place)
    if place is not None and given is not None and given.array.size > 1:
        return call.evaluate(call.replaced(place, with_array(given, given.array[:1])))
    axes: list[int] = call.attributes.get("axes") or []
    if len(axes) > 1:
        return call.evaluate(axes=axes[:1])
    return call.evaluate()


def faults() -> Iterator[Fault]:
    """Faults of operators with an axis or axes."""
    changes: tuple[tuple[str, str, Change], ...] = (
        ("next", "the axis after the one asked for", lambda a, r: [(i + 1) % r for i in a]),
        ("previous", "the axis before it", lambda a, r: [(i - 1) % r for i in a]),
        (
            "always-last",
            "the last axis, whichever is asked for",
            lambda a, r: [r - 1 for _ in a],
        ),
        ("always-first", "the first axis, whichever is asked for", lambda a, _: [0 for _ in a]),
        (
            "negative-is-first",
            "an axis counted from the back is read as the first",
            lambda a, _: [max(i, 0) for i in a],
        ),
        (
            "negative-off-by-one",
            "an axis counted from the back is one too low",
            lambda a, r: [(i + r - 1) % r if i < 0 else i for i in a],
        ),
        ("sign-lost", "the sign of the axis is lost", lambda a, _: [abs(i) for i in a]),
        (
            "from-the-back",
            "an axis is counted from the back",
            lambda a, r: [r - 1 - i % r for i in a],
        ),
        (
            "at-most-second",
            "axes beyond the second are read as the second",
            lambda a, r: [min(i % r, 1) for i in a],
        ),
        (
            "wrong-from-rank-4",
            "from four dimensions on, the axis after the one asked for",
            lambda a, r: [(i + 1) % r if r >= 4 else i for i in a],
        ),
    )
    for label, summary, change in changes:
        yield Fault(f"axis/{label}", FAMILY, summary, _has_axes, _moved(change))
    yield Fault("axis/first-of-several", FAMILY, "only the first axis", _has_axes, _first_only)
