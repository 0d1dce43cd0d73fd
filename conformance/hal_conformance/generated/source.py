"""A generated case before anything is expected of it: a model, and what to feed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hal.tensor import Value


@dataclass(frozen=True, slots=True)
class Source:
    """One question: `datasets` are the feeds of the runs of one executable.

    `evidence` says what agreement would show: "proved" where the inputs are all there are,
    "sampled N" otherwise, N being the elements of the largest input. `judged` is "type" where
    the standard leaves the values free. `label` is how the operator is called, `binding` the
    types of its parameters.
    """

    id: str
    model: bytes
    datasets: Sequence[Mapping[str, Value]]
    evidence: str
    judged: Literal["values", "type"]
    label: str
    binding: Mapping[str, str]
