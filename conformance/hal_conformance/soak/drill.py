"""What a worker is told to repeat, and what it answers: values in files, for they are large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hal.model import Model
from hal.spec import ModelFacts
from hal.tensor import Value
from hal_conformance.corpus.values import Packer, unpack
from hal_conformance.frozen import storage


def write_drill(place: Path, model: Model, datasets: Sequence[Mapping[str, Value]]) -> None:
    """Write a model and the feeds of its runs."""
    packer = Packer()
    index = {
        "model": model.bytes().hex(),
        "digest": model.digest,
        "facts": model.facts.to_json(),
        "datasets": [
            [[name, packer.add(value)] for name, value in feeds.items()] for feeds in datasets
        ],
    }
    storage.write(place, index, packer.content())


def read_drill(place: Path) -> tuple[Model, list[dict[str, Value]]]:
    """What `write_drill` wrote."""
    index, content = storage.read(place)
    facts = ModelFacts.from_json(index["facts"])
    model = Model(bytes.fromhex(index["model"]), facts=facts, digest=index["digest"])
    datasets = [
        {name: unpack(value, content, 0) for name, value in feeds}
        for feeds in index["datasets"]
    ]
    return model, datasets


def write_answers(place: Path, answers: Sequence[Sequence[Value]]) -> None:
    """Write the outputs of one run on each data set."""
    packer = Packer()
    index = [[packer.add(value) for value in outputs] for outputs in answers]
    storage.write(place, index, packer.content())


def read_answers(place: Path) -> list[list[Value]]:
    """What `write_answers` wrote."""
    index, content = storage.read(place)
    return [[unpack(value, content, 0) for value in outputs] for outputs in index]
