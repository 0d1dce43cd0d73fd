"""The files of a part: its questions, and its bounds under each arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hal.spec import ModelFacts
from hal_conformance.corpus.values import Packer, unpack
from hal_conformance.frozen import quantities, storage
from hal_conformance.frozen.bounding import known
from hal_conformance.frozen.question import Known, Question
from hal_conformance.generated.source import Relation
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.pair import Quantity

QUESTIONS = "questions"


def file_of(folder: Path, part: str, kind: str) -> Path:
    """Where a file of a part lies: its questions, or its bounds under an arithmetic."""
    return folder / f"{part.replace('/', '-')}.{kind}"


def write_questions(place: Path, questions: Sequence[Question]) -> None:
    """Write the questions of a part."""
    packer = Packer()
    entries = [
        {
            "id": question.id,
            "hash": question.hash,
            "model": question.model.hex(),
            "digest": question.digest,
            "facts": question.facts.to_json(),
            "evidence": question.evidence,
            "judged": question.judged,
            "relations": [[r.kind, r.left, r.right] for r in question.relations],
            "row": dict(question.row),
            "datasets": [
                [[name, packer.add(value)] for name, value in feeds.items()]
                for feeds in question.datasets
            ],
        }
        for question in questions
    ]
    storage.write(place, entries, packer.content())


def read_questions(place: Path) -> dict[str, Question]:
    """The questions in a file, by id.

    Raises:
        FileNotFoundError: there is none. CorpusError: it is damaged.
    """
    entries, content = storage.read(place)
    return {
        entry["id"]: Question(
            id=entry["id"],
            hash=entry["hash"],
            model=bytes.fromhex(entry["model"]),
            digest=entry["digest"],
            facts=ModelFacts.from_json(entry["facts"]),
            datasets=[
                {name: unpack(value, content, 0) for name, value in feeds}
                for feeds in entry["datasets"]
            ],
            evidence=entry["evidence"],
            judged=entry["judged"],
            relations=[Relation(*relation) for relation in entry["relations"]],
            row=entry["row"],
        )
        for entry in entries
    }


def write_bounds(place: Path, questions: Sequence[Question], name: str) -> None:
    """Compute and write what is known of a part under an arithmetic."""
    packer = Packer()
    entries: dict[str, Any] = {}
    for question in questions:
        found = known(question, arithmetic(name), statistics=question.is_graph)
        entries[question.id] = [_packed(each, packer) for each in found]
    storage.write(place, entries, packer.content())


def _packed(found: Known, packer: Packer) -> dict[str, Any]:
    """As JSON; what jumps is left out, to be computed again."""
    told: dict[str, Any] = {"tier": found.tier, "vacuous": found.vacuous}
    if not all(quantities.is_kept(quantity) for quantity in found.expected):
        return told | {"jumps": True}
    told["expected"] = [quantities.pack(quantity, packer) for quantity in found.expected]
    if found.primitive is found.expected:
        told["primitive"] = True
    elif found.primitive is not None:
        told["primitive"] = [quantities.pack(one, packer) for one in found.primitive]
    return told


def read_bounds(place: Path) -> tuple[dict[str, Any], memoryview]:
    """What `known_of` reads: entries by case, and their arrays.

    Raises:
        FileNotFoundError: there is none. CorpusError: it is damaged.
    """
    return storage.read(place)


def known_of(
    question: Question, entry: Sequence[Any], content: memoryview, name: str
) -> list[Known]:
    """What is known of a question under an arithmetic, from its entry."""
    if any(told.get("jumps") for told in entry):
        return known(question, arithmetic(name), statistics=question.is_graph)
    return [_known(told, content) for told in entry]


def _known(told: dict[str, Any], content: memoryview) -> Known:
    expected = _quantities(told["expected"], content)
    primitive = told.get("primitive")
    tight = expected if primitive is True else _quantities(primitive, content)
    return Known(told["tier"], expected, tight if primitive else None, told["vacuous"])


def _quantities(described: Sequence[Any] | None, content: memoryview) -> list[Quantity]:
    return [quantities.read(one, content) for one in described or ()]
