"""The nouns of a corpus: a case, and the values it is run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hal.spec import ModelFacts
from hal.tensor import Value


@dataclass(frozen=True, slots=True)
class Case:
    """One question to a device: a model, and how its answers are judged.

    `hash` covers the model, the feeds, the tolerances, and what is expected: types and shapes
    exactly, values exactly unless they are floating point (docs/decisions/0002-hashes.md).
    `model` is a file of the cache; `hal.model.Model(case.model, facts=case.facts,
    digest=case.model_digest)` needs no parsing. `datasets` counts what `Corpus.load` gives.
    """

    id: str
    hash: str
    suite: str
    model: Path
    model_digest: str
    facts: ModelFacts
    rtol: float
    atol: float
    datasets: int
    judged_by: tuple[str, ...] = ("standard",)

    @property
    def kind(self) -> str:
        """The second part of the id: "node", "simple", "real", ..."""
        return self.id.split("/", 2)[1]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Values to feed, and what must come out, in the order of the model's outputs.

    Arrays are read-only; those of a corpus lie in a mapped file.
    """

    feeds: Mapping[str, Value]
    expected: tuple[Value, ...]
