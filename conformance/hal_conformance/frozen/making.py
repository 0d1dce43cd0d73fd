"""Makes parts of a corpus: `python -m hal_conformance.frozen.making`, for workshop.py.

Reads an order a line from its standard input, answers with a line each, and ends when the input
closes: it dies with its parent.
"""

from __future__ import annotations

import hashlib
import json
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from hal.inspection import facts_of
from hal.tensor import Value
from hal_conformance.corpus import Case
from hal_conformance.corpus.rows import row_of
from hal_conformance.frozen.bounding import ASSUMED, known
from hal_conformance.frozen.lock import Frozen
from hal_conformance.frozen.parts import (
    QUESTIONS,
    file_of,
    read_questions,
    write_bounds,
    write_questions,
)
from hal_conformance.frozen.question import Question
from hal_conformance.generated import Source, generate
from hal_conformance.numerics.arithmetic import arithmetic

STANDARD_PARTS = 16
"""Into how many parts the standard's cases are dealt."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to make: the questions of a part (unless they are there), its bounds, its lines."""

    folder: Path | None
    part: str
    arithmetics: Sequence[str] = ()
    cache: str | None = None

    def to_line(self) -> str:
        """As a line of JSON."""
        return json.dumps(
            {
                "folder": None if self.folder is None else str(self.folder),
                "part": self.part,
                "arithmetics": list(self.arithmetics),
                "cache": self.cache,
            }
        )

    @classmethod
    def parse(cls, line: str) -> Order:
        """The order in a line."""
        told = json.loads(line)
        folder = Path(told["folder"]) if told["folder"] is not None else None
        return cls(folder, told["part"], told["arithmetics"], told["cache"])


def main() -> None:
    """Take orders until there are no more."""
    warnings.simplefilter("ignore")  # references divide by zero on purpose
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"lines": make(Order.parse(line))}
        except Exception:  # noqa: BLE001  the parent says what it was, with the trace
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


def make(order: Order) -> list[str]:
    """Make a part.

    Returns:
        The lines of its lock, where it has no folder to be written to.
    """
    if order.folder is None:
        return [str(line) for line in _frozen(order.part)]
    if order.part.startswith("onnx/"):
        questions = standard_questions(order)
    else:
        place = file_of(order.folder, order.part, QUESTIONS)
        if not place.exists():
            write_questions(place, [question_of(s) for s in sources(order.part)])
        questions = list(read_questions(place).values())
    for name in order.arithmetics:
        write_bounds(file_of(order.folder, order.part, name), questions, name)
    return []


def _frozen(part: str) -> Iterator[Frozen]:
    for source in sources(part):
        question = question_of(source)
        found = known(question, arithmetic(ASSUMED), statistics=False)
        yield Frozen.of(question, found)


def sources(part: str) -> Iterator[Source]:
    """The generated cases of a part."""
    suite, *words = part.split("/")
    if suite == "ops":
        return generate(op=words[-1])
    from hal_conformance.generated.graphs import generate_graphs

    return (source for source in generate_graphs(words[0]))


def question_of(source: Source) -> Question:
    """The case with what can be told of its model."""
    model = onnx.ModelProto.FromString(source.model)
    facts = facts_of(model)
    row = row_of(model, source.id.partition("/")[0]) if source.judged != "refusal" else {}
    return Question(
        id=source.id,
        hash=source.hash,
        model=source.model,
        digest=hashlib.sha256(source.model).hexdigest(),
        facts=facts,
        datasets=source.datasets,
        evidence=source.evidence,
        judged=source.judged,
        relations=source.relations,
        row=row,
    )


def standard_questions(order: Order) -> list[Question]:
    """The cases of onnx's suite that are dealt to a part, as questions."""
    from hal_conformance.corpus import standard

    corpus = standard(order.cache)
    number = int(order.part.rpartition("/")[2])
    return [
        standard_question(case, [data.feeds for data in corpus.load(case)])
        for place, case in enumerate(corpus)
        if place % STANDARD_PARTS == number and case.kind != "real"
    ]


def standard_question(case: Case, datasets: Sequence[Mapping[str, Value]]) -> Question:
    """A case of onnx's suite as a question."""
    return Question(
        id=case.id,
        hash=case.hash,
        model=case.model.read_bytes(),
        digest=case.model_digest,
        facts=case.facts,
        datasets=datasets,
        evidence="",
        judged="values",
        relations=(),
        row={},
    )


if __name__ == "__main__":
    main()
