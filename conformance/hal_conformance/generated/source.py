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

    @property
    def hash(self) -> str:
        """What is asked, exactly: it covers the id, the model and every bit of the feeds."""
        hashed = hashlib.sha256(f"{self.id}\0{self.evidence}\0{self.judged}\0".encode())
        hashed.update(self.model)
        for feeds in self.datasets:
            told = [[name, described(value, _exactly)] for name, value in feeds.items()]
            hashed.update(json.dumps(told).encode())
        return f"sha256:{hashed.hexdigest()}"


def _exactly(tensor: Tensor) -> list[object]:
    content = hashlib.sha256(content_of(tensor)).hexdigest()
    return [tensor.dtype.name, list(tensor.shape), content]
