"""Writes a bundle: cases as folders of files, and the manifest that lists them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol

from hal import exchange
from hal.spec import ModelFacts
from hal_conformance.corpus import Case, Corpus
from hal_conformance.corpus.case import DataSet
from hal_conformance.frozen.corpus import FrozenCorpus
from hal_conformance.frozen.export import CASE, MODEL, export
from hal_conformance.making import Progress, in_silence
from hal_conformance.offline.manifest import NAME, Listed, Manifest
from hal_conformance.records import CorpusInfo
from hal_conformance.runner.plan import Selection, chosen_cases


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: bounds for which arithmetic, values in which forms beside .pb.

    Without `answers`, what is expected stays here.
    """

    selection: Selection
    arithmetic: str = "fp32"
    forms: tuple[str, ...] = ("pb",)
    answers: bool = True


class Source(Protocol):
    """A suite whose cases can be written."""

    def info(self) -> CorpusInfo: ...
    def ids(self) -> Sequence[str]: ...
    def write(
        self, folder: Path, cases: Sequence[str], order: Order, making: Progress
    ) -> Iterator[Listed]: ...


def write(
    folder: Path, sources: Mapping[str, Source], order: Order, making: Progress = in_silence
) -> Manifest:
    """Write the bundle; nothing is chosen where its list of cases is empty."""
    chosen = chosen_cases({name: each.ids() for name, each in sources.items()}, order.selection)
    listed: list[Listed] = []
    for name, source in sources.items():
        cases = [case for case, suite in chosen.items() if suite == name]
        listed += source.write(folder, cases, order, making)
    manifest = Manifest(
        onnx_hal=metadata.version("onnx-hal"),
        arithmetic=order.arithmetic,
        answers=order.answers,
        suites=list(order.selection.suites),
        k=list(order.selection.patterns) or None,
        sample=order.selection.sample,
        corpus={name: source.info() for name, source in sources.items()},
        cases=listed,
    )
    if listed:
        manifest.write(folder)
    return manifest


class FrozenSource:
    """The cases of a frozen corpus, with their bounds."""

    def __init__(self, corpus: FrozenCorpus) -> None:
        self.corpus = corpus

    def info(self) -> CorpusInfo:
        """The corpus."""
        from hal_conformance.frozen.suite import FrozenSuite

        return CorpusInfo.model_validate(FrozenSuite(self.corpus).info())

    def ids(self) -> Sequence[str]:
        """The ids of all cases."""
        return list(self.corpus.frozen)

    def write(
        self, folder: Path, cases: Sequence[str], order: Order, making: Progress
    ) -> Iterator[Listed]:
        """Write these cases, one after another."""
        self.corpus.prepare(cases, [order.arithmetic] if order.answers else [], making)
        for case in cases:
            question = self.corpus.question(case)
            known = (
                self.corpus.known(question, order.arithmetic)
                if order.answers and question.judged != "refusal"
                else []
            )
            export(folder, question, known, order.arithmetic, order.forms)
            sets = len(question.datasets)
            yield _listed(case, question.hash, self.corpus.suite, question.facts, sets)


class StandardSource:
    """The cases of onnx's own suite, with the standard's answers and tolerances."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def info(self) -> CorpusInfo:
        """The corpus."""
        return CorpusInfo(
            hash=self.corpus.hash, cases=len(self.corpus), onnx=self.corpus.versions["onnx"]
        )

    def ids(self) -> Sequence[str]:
        """The ids of all cases."""
        return [case.id for case in self.corpus]

    def write(
        self, folder: Path, cases: Sequence[str], order: Order, making: Progress
    ) -> Iterator[Listed]:
        """Write these cases, one after another."""
        making(0, len(cases))
        for number, name in enumerate(cases, 1):
            case = self.corpus.case(name)
            self._write(folder / case.id, case, order)
            making(number, len(cases))
            yield _listed(case.id, case.hash, case.suite, case.facts, case.datasets)

    def _write(self, place: Path, case: Case, order: Order) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / MODEL).write_bytes(case.model.read_bytes())
        told = {
            "id": case.id,
            "hash": case.hash,
            "judged": "standard",
            "rtol": case.rtol,
            "atol": case.atol,
            "inputs": [spec.name for spec in case.facts.inputs],
            "outputs": [spec.name for spec in case.facts.outputs],
            "data_sets": case.datasets,
        }
        (place / CASE).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        for number, dataset in enumerate(self.corpus.load(case)):
            self._write_values(place / f"test_data_set_{number}", case, dataset, order)

    def _write_values(self, data: Path, case: Case, dataset: DataSet, order: Order) -> None:
        data.mkdir(exist_ok=True)
        inputs, outputs = case.facts.inputs, case.facts.outputs
        feeds = [dataset.feeds[spec.name] for spec in inputs]
        exchange.write(data, "input", inputs, feeds, order.forms)
        if order.answers:
            exchange.write(data, "output", outputs, dataset.expected, order.forms)


def _listed(case: str, digest: str, suite: str, facts: ModelFacts, sets: int) -> Listed:
    return Listed(
        id=case,
        hash=digest,
        suite=suite,
        data_sets=sets,
        ops=list(facts.ops),
        dtypes=sorted(facts.dtypes),
        inputs=[str(spec) for spec in facts.inputs],
        outputs=[str(spec) for spec in facts.outputs],
    )


def is_answered_bundle(folder: Path) -> bool:
    """Whether a folder is a bundle that holds what is expected."""
    from hal_conformance.offline.manifest import read

    return (folder / NAME).is_file() and read(folder).answers
