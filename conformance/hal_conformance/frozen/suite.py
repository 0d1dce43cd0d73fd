"""A frozen corpus for the runner: cases from the cache, answers judged in this process."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from hal.device import Device
from hal.errors import CompileError, DeviceNotFound, ExecutionError, InputError, Unsupported
from hal.executable import Executable
from hal.targets import Target
from hal_conformance.corpus.build import ONNX
from hal_conformance.frozen import answers
from hal_conformance.frozen.answers import Judged, Remembered
from hal_conformance.frozen.bounding import declared
from hal_conformance.frozen.corpus import FrozenCorpus
from hal_conformance.frozen.question import Question
from hal_conformance.making import Progress, in_silence
from hal_conformance.records import BoundsRecord, IndexRow, Outcome
from hal_conformance.runner.outcome import Observation
from hal_conformance.runner.standard_suite import placement_of

_REFUSALS = (Unsupported, CompileError, ExecutionError, InputError)


class FrozenSuite:
    """The cases of a frozen corpus, each judged by the bounds of what the target declares."""

    def __init__(self, corpus: FrozenCorpus, making: Progress = in_silence) -> None:
        self.corpus = corpus
        self._making = making
        self._memory = Remembered()

    def info(self) -> dict[str, Any]:
        """The corpus's hash, and the version of onnx that it was derived from."""
        return {"hash": self.corpus.hash, "cases": len(self.corpus.frozen), "onnx": ONNX}

    def ids(self) -> Sequence[str]:
        """The ids of all cases, operator by operator."""
        return list(self.corpus.frozen)

    def prepare(self, cases: Sequence[str], targets: Sequence[Target]) -> None:
        """Make what these cases need and the cache lacks."""
        names = dict.fromkeys(declared(target) for target in targets)
        self.corpus.prepare(cases, list(names), self._making)
        for case in cases:  # before any of them runs: whether each is the one that is frozen
            self.corpus.question(case)

    def facts(self, case: str) -> dict[str, Any]:
        """The case's hash, and the operators and types of its model."""
        question = self.corpus.question(case)
        return {
            "case_hash": question.hash,
            "ops": question.facts.ops,
            "dtypes": sorted(question.facts.dtypes),
        }

    def index_rows(self, cases: Sequence[str]) -> list[IndexRow]:
        """What each case exercises, node by node."""
        found = (self.corpus.question(case) for case in cases)
        return [
            IndexRow.model_validate(
                {**question.row, "case": question.id, "case_hash": question.hash}
                | {"suite": self.corpus.suite, "evidence": question.evidence}
            )
            for question in found
        ]

    def observe(self, device: Device, case: str) -> Observation:
        """Compile, run on every data set until one is wrong, and ask where the nodes ran.

        Raises:
            HALError: the device refused, failed or was lost.
        """
        question = self.corpus.question(case)
        name = declared(device.target)
        if question.judged == "refusal":
            return refused(device, question, name)
        with device.compile(question.to_model()) as exe:
            try:
                judged, seconds = self._answers(exe, question, name)
            except DeviceNotFound as error:  # built for a device that is not on this machine
                return Observation("COMPILED", error.message, compile_s=exe.compile_seconds)
            placement = placement_of(device, exe)
        bounds = judged.bounds
        return Observation(
            bounds.outcome.value,
            bounds.reason,
            compile_s=exe.compile_seconds,
            run_s=seconds,
            outputs=_told(judged),
            placement=placement,
            judged_by=(f"{bounds.tier} {name}",),
            bounds=bounds.model_dump(mode="json"),
        )

    def _answers(self, exe: Executable, question: Question, name: str) -> tuple[Judged, float]:
        known = self.corpus.known(question, name)
        judged: list[Judged] = []
        seconds = 0.0
        for number, feeds in enumerate(question.datasets):
            started = perf_counter()
            got = exe.run_values(feeds)
            seconds += perf_counter() - started
            judged.append(self._memory.judge(question, number, got, known[number], name))
            if judged[-1].bounds.outcome is Outcome.FAIL:
                break
        decisive = answers.worst([each.bounds for each in judged])
        return next(each for each in judged if each.bounds is decisive), seconds


def _told(judged: Judged) -> tuple[dict[str, Any], ...]:
    """The outputs in detail, where something is wrong with them."""
    if judged.bounds.outcome is Outcome.PASS:
        return ()
    return tuple(record.model_dump() for record in judged.outputs)


def refused(device: Device, question: Question, name: str) -> Observation:
    """PASS where the model, or its feeds, are refused by an error that says so."""
    try:
        with device.compile(question.to_model()) as exe:
            for feeds in question.datasets:
                exe.run_values(feeds)
    except _REFUSALS:
        outcome, reason = Outcome.PASS, None
    else:
        outcome, reason = Outcome.FAIL, "it must be refused, and was accepted"
    bounds = BoundsRecord(arithmetic=name, tier="refusal", outcome=outcome, reason=reason)
    return Observation(
        outcome.value, reason, judged_by=("refusal",), bounds=bounds.model_dump(mode="json")
    )
