"""What a frozen case asks, and what is known of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from hal.model import Model
from hal.spec import ModelFacts
from hal.tensor import Value
from hal_conformance.generated.source import Relation
from hal_conformance.numerics.pair import Quantity

Tier: TypeAlias = Literal["sound", "typical", "relation", "type", "refusal"]
"""By what an answer is judged: a proof, statistics, another output, its type, its absence."""


@dataclass(frozen=True)
class Question:
    """One case: a model, and the feeds of the runs of one executable.

    `evidence`, `judged` and `relations` are those of `generated.source.Source`.
    """

    id: str
    hash: str
    model: bytes
    digest: str
    facts: ModelFacts
    datasets: Sequence[Mapping[str, Value]]
    evidence: str
    judged: Literal["values", "type", "refusal"]
    relations: Sequence[Relation]
    row: Mapping[str, Any]

    @cached_property
    def names(self) -> list[str]:
        """The outputs' names, in the model's order."""
        return [output.name for output in self.facts.outputs]

    @property
    def is_graph(self) -> bool:
        """Whether statistics may speak where the proof says nothing: not of one operator."""
        return not self.id.startswith("ops/")

    def first(self) -> Mapping[str, Value]:
        """The feeds of the first run; none where nothing is to be run."""
        return self.datasets[0] if self.datasets else {}

    def to_model(self) -> Model:
        """The model, of which nothing need be parsed."""
        return Model(self.model, facts=self.facts, digest=self.digest)


@dataclass(frozen=True)
class Known:
    """The outputs of one data set under one arithmetic.

    `expected` and `primitive` are those of `numerics.verdict.Hypothesis`. `vacuous` says why
    agreement would show nothing, None where it would.
    """

    tier: Tier
    expected: Sequence[Quantity]
    primitive: Sequence[Quantity] | None
    vacuous: str | None


def part_of(case: str) -> str:
    """The part that holds a case: "ops/Conv", "ops/ai.onnx.ml/Scaler", "graphs/fusion"."""
    words = case.split("/")
    return "/".join(words[: 3 if "." in words[1] else 2])
