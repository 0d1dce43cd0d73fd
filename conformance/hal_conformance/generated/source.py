"""A generated case before anything is expected of it: a model, and what to feed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hal.tensor import Tensor, Value
from hal_conformance.corpus.values import content_of, described


@dataclass(frozen=True, slots=True)
class Relation:
    """What two outputs of one model owe each other, without any reference.

    "same": equal bit for bit. "near": within the sum of their bounds.
    """

    kind: Literal["same", "near"]
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Source:
    """One question: `datasets` are the feeds of the runs of one executable.

    `evidence` says what agreement would show: "proved" where the inputs are all there are,
    "sampled N" otherwise, N being the elements of the largest input. `judged` is "type" where
    the standard leaves the values free, "refusal" where the model must be refused: compiling
    it, or running it on its feeds, fails cleanly on a correct device. `relations` hold between
    outputs, beside what each is itself. `label` is how the operator is called, `binding` the
    types of its parameters.
    """

    id: str
    model: bytes
    datasets: Sequence[Mapping[str, Value]]
    evidence: str
    judged: Literal["values", "type", "refusal"]
    label: str
    binding: Mapping[str, str]
    relations: Sequence[Relation] = ()

    @property
    def hash(self) -> str:
        """What is asked, exactly: it covers the id, the model and every bit of the feeds."""
        hashed = hashlib.sha256(f"{self.id}\0{self.evidence}\0{self.judged}\0".encode())
        hashed.update(self.model)
        for feeds in self.datasets:
            told = [[name, described(value, _exactly)] for name, value in feeds.items()]
            hashed.update(json.dumps(told).encode())
        for relation in self.relations:
            hashed.update(f"{relation.kind}\0{relation.left}\0{relation.right}\0".encode())
        return f"sha256:{hashed.hexdigest()}"


def _exactly(tensor: Tensor) -> list[object]:
    content = hashlib.sha256(content_of(tensor)).hexdigest()
    return [tensor.dtype.name, list(tensor.shape), content]
