"""The soak suite for the runner: repeated inside the worker, judged in this process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import onnx

from hal.device import Device
from hal.errors import DeviceNotFound
from hal.model import Model
from hal.targets import Target
from hal.worker.client import WorkerAdapter
from hal_conformance.corpus import Corpus, standard
from hal_conformance.corpus.build import ONNX
from hal_conformance.corpus.rows import row_of
from hal_conformance.frozen import answers
from hal_conformance.frozen.answers import Judged
from hal_conformance.frozen.bounding import declared, known
from hal_conformance.frozen.corpus import SUITES, FrozenCorpus
from hal_conformance.frozen.question import Question, part_of
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.generated.source import Source
from hal_conformance.making import Progress, in_silence
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.records import IndexRow, Outcome
from hal_conformance.runner.outcome import Observation
from hal_conformance.soak import endure, large
from hal_conformance.soak.drill import read_answers, write_drill
from hal_conformance.soak.endure import Endured
from hal_conformance.soak.sample import SAMPLE
from hal_conformance.soak.turned import runs_of

NAME = "soak"
VERSION = 2
"""Part of every case's hash: what is repeated, how often, and how it is compared."""

_FROZEN = tuple(f"{name}/" for name in SUITES)
_GROWTH = 1024.0  # bytes a run from which growth is told


class SoakSuite:
    """A fixed sample of cases, each run hundreds of times in one executable.

    Args:
        cache: where corpora are kept; None for the usual place.
        making: told how many parts of the corpus are made, where some have to be.
    """

    def __init__(self, cache: Path | None = None, making: Progress = in_silence) -> None:
        self._cache = cache
        self._making = making
        self._mutex = Lock()
        self._questions: dict[str, Question] = {}

    def info(self) -> dict[str, Any]:
        """A hash over the cases of the sample, and how often they are run."""
        hashed = hashlib.sha256()
        for case in self.ids():
            hashed.update(f"{case} {self._hash(case)}\n".encode())
        return {
            "hash": f"sha256:{hashed.hexdigest()}",
            "cases": len(self.ids()),
            "onnx": ONNX,
        }

    def ids(self) -> Sequence[str]:
        """The ids of all cases."""
        sampled = [case for cases in SAMPLE.values() for case in cases]
        return [f"{NAME}/{case}" for case in (*self._large_ids, *sampled)]

    def prepare(self, cases: Sequence[str], targets: Sequence[Target]) -> None:  # noqa: ARG002  bounds are computed when they are needed
        """Make the parts of the corpus that the cases come from."""
        origins = [_origin(case) for case in cases]
        parts = dict.fromkeys(part_of(case) for case in origins if case.startswith(_FROZEN))
        self._shelf.prepare(parts, [], self._making)

    def facts(self, case: str) -> dict[str, Any]:
        """The case's hash, and the operators and types of its model."""
        facts = self.question(case).facts
        return {
            "case_hash": self._hash(case),
            "ops": facts.ops,
            "dtypes": sorted(facts.dtypes),
        }

    def index_rows(self, cases: Sequence[str]) -> list[IndexRow]:
        """What each case exercises, node by node."""
        rows: list[IndexRow] = []
        for case in cases:
            model = onnx.ModelProto.FromString(self.question(case).model)
            told = {"case": case, "case_hash": self._hash(case)}
            rows.append(IndexRow.model_validate({**row_of(model, NAME), **told}))
        return rows

    def observe(self, device: Device, case: str) -> Observation:
        """Repeat the case in the worker; where that is another interpreter, from here.

        Raises:
            HALError: the device refused, failed or was lost.
        """
        question = self.question(case)
        try:
            endured, compile_s = _repeated(device, case, question)
        except DeviceNotFound as error:  # built for a device that is not on this machine
            return Observation("COMPILED", error.message)
        return _observation(device, question, endured, compile_s)

    def question(self, case: str) -> Question:
        """A case: the one that it repeats, with one more set of feeds."""
        with self._mutex:
            if case not in self._questions:
                self._questions[case] = self._question(case)
            return self._questions[case]

    def _question(self, case: str) -> Question:
        origin = _origin(case)
        if origin.startswith(_FROZEN):
            found = self._corpus_of(origin).question(origin)
        elif origin.startswith("onnx/"):
            found = _of_standard(self._standard, origin)
        else:
            found = _of_source(self._large[origin])
        return replace(found, id=case, datasets=runs_of(found.datasets))

    def _hash(self, case: str) -> str:
        origin = _origin(case)
        if origin.startswith(_FROZEN):
            repeated = self._corpus_of(origin).frozen[origin].hash
        elif origin.startswith("onnx/"):
            repeated = self._standard.case(origin).hash
        else:
            repeated = self._large[origin].hash
        told = f"{VERSION} {endure.RUNS} {endure.THREADS} {repeated}"
        return f"sha256:{hashlib.sha256(told.encode()).hexdigest()}"

    def _corpus_of(self, origin: str) -> FrozenCorpus:
        return self._frozen[origin.partition("/")[0]]

    @cached_property
    def _shelf(self) -> Shelf:
        return Shelf(self._cache)

    @cached_property
    def _frozen(self) -> Mapping[str, FrozenCorpus]:
        return {name: FrozenCorpus(name, self._shelf) for name in SUITES}

    @cached_property
    def _standard(self) -> Corpus:
        return standard(self._cache)

    @cached_property
    def _large(self) -> dict[str, Source]:
        return {source.id: source for source in large.sources().values()}

    @property
    def _large_ids(self) -> Sequence[str]:
        return list(self._large)


def _origin(case: str) -> str:
    return case.removeprefix(f"{NAME}/")


def _of_standard(corpus: Corpus, case: str) -> Question:
    found = corpus.case(case)
    return Question(
        id=case,
        hash=found.hash,
        model=found.model.read_bytes(),
        digest=found.model_digest,
        facts=found.facts,
        datasets=[data.feeds for data in corpus.load(found)],
        evidence="",
        judged="values",
        relations=(),
        row={},
    )


def _of_source(source: Source) -> Question:
    model = Model(source.model)
    return Question(
        id=source.id,
        hash=source.hash,
        model=source.model,
        digest=model.digest,
        facts=model.facts,
        datasets=source.datasets,
        evidence=source.evidence,
        judged=source.judged,
        relations=(),
        row={},
    )


def _repeated(device: Device, case: str, question: Question) -> tuple[Endured, float]:
    """How the repetitions went, and how long the compilation took."""
    target, worker = device.target, device.adapter
    if target.is_foreign or not isinstance(worker, WorkerAdapter):
        with device.compile(question.to_model()) as exe:
            return endure.endure(exe, question.datasets, case), exe.compile_seconds
    with TemporaryDirectory(prefix="hal-soak-") as folder:
        drill, told = Path(folder, "drill"), Path(folder, "answers")
        write_drill(drill, question.to_model(), question.datasets)
        found = worker.call(
            "hal_conformance.soak.endure:run_case",
            {
                "target": target.to_json(),
                "drill": str(drill),
                "answers": str(told),
                "seed": case,
            },
            timeout_s=2 * endure.PATIENCE_S + target.timeouts.compile_s + target.timeouts.run_s,
        )
        compile_s = found.pop("compile_s")
        return Endured(answers=read_answers(told), **found), compile_s


def _observation(
    device: Device, question: Question, endured: Endured, compile_s: float
) -> Observation:
    """PASS where all runs agreed and nothing FAILs; what no bound can judge may still agree."""
    name = declared(device.target)
    expected = known(question, arithmetic(name), statistics=False)
    judged = [
        answers.judge(question, number, got, expected[number], name)
        for number, got in enumerate(endured.answers)
    ]
    wrong = next((each for each in judged if each.bounds.outcome is Outcome.FAIL), None)
    bounds = wrong.bounds if wrong else answers.worst([each.bounds for each in judged])
    outcome, reason = _outcome(device, endured, wrong)
    outputs = wrong.outputs if wrong else ()
    return Observation(
        outcome,
        reason,
        compile_s=compile_s,
        run_s=endured.seconds,
        outputs=tuple(record.model_dump() for record in outputs),
        judged_by=("repetition", *([f"{bounds.tier} {name}"] if bounds else [])),
        bounds=bounds.model_dump(mode="json") if bounds else None,
    )


def _outcome(device: Device, endured: Endured, wrong: Judged | None) -> tuple[str, str | None]:
    runs = f"{endured.runs} runs alone and {endured.threaded} by {endure.THREADS} threads"
    grown = _grown(endured)
    if endured.fault:
        claims = "deterministic" in device.info.features
        claim = "" if claims else " (the device does not claim to be deterministic)"
        return "FAIL", f"{endured.fault}{claim}{grown}"
    if wrong is not None:
        return "FAIL", f"every run: {wrong.bounds.reason}{grown}"
    if min(endured.runs, endured.threaded) < endure.RUNS:
        wanted = f"{endure.RUNS} each were to be done in {endure.PATIENCE_S:.0f} s"
        return "UNJUDGED", f"{runs}, all alike; {wanted}{grown}"
    return "PASS", f"{runs}{grown}" if grown else None


def _grown(endured: Endured) -> str:
    grown = endured.grown_bytes
    if grown is None or grown < _GROWTH:
        return ""
    return f"; the process grew by {grown / 1024:.1f} KiB a run"
