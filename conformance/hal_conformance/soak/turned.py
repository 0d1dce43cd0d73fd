"""Other feeds for a model: as legal as those it has, and with another answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hal.tensor import Tensor, Value

FEWEST = 9
"""Elements from which a tensor is data; a shorter one may say how (scales, epsilons, axes)."""

_COUNTS = frozenset({"int32", "int64", "uint64", "bool"})
"""Types that say where and how many: turned round, they may mean what is not there.

Where all is of type bool, that is the data.
"""


def turned(feeds: Mapping[str, Value]) -> dict[str, Value] | None:
    """The same feeds with the elements of every tensor of data moved on by one.

    Each tensor keeps its elements, and so its range. None where that changes nothing.
    """
    types = {value.dtype.name for value in feeds.values() if isinstance(value, Tensor)}
    kept = frozenset[str]() if types == {"bool"} else _COUNTS
    made = {name: _turned(value, kept) for name, value in feeds.items()}
    changed = any(made[name] is not value for name, value in feeds.items())
    return made if changed else None


def runs_of(datasets: Sequence[Mapping[str, Value]]) -> list[Mapping[str, Value]]:
    """The feeds to alternate between: the data sets, and each once more with other answers.

    The largest come first: what is left over from them is then too long for all others, while
    the suite of operators, whose larger sizes come second, sees what is too short.
    """
    others = [other for feeds in datasets if (other := turned(feeds)) is not None]
    return sorted([*datasets, *others], key=_elements, reverse=True)


def _elements(feeds: Mapping[str, Value]) -> int:
    return sum(value.array.size for value in feeds.values() if isinstance(value, Tensor))


def _turned(value: Value, kept: frozenset[str]) -> Value:
    if isinstance(value, list):
        items = [_turned(item, kept) for item in value]
        changed = any(new is not old for new, old in zip(items, value, strict=True))
        return items if changed else value
    if not isinstance(value, Tensor) or value.dtype.name in kept:
        return value
    if value.array.size < FEWEST:
        return value
    array = np.roll(value.array, 1)
    if np.array_equal(array, value.array):
        return value
    array.setflags(write=False)
    return Tensor(array, value.dtype)
