"""The standard's own suite for the runner: cases of the corpus, judged in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

from hal.device import Device
from hal.errors import DeviceNotFound, Unsupported
from hal.executable import Executable
from hal.model import Model
from hal.targets import Target
from hal_conformance.corpus import Case, Corpus, standard
from hal_conformance.frozen.answers import worst
from hal_conformance.frozen.bounding import declared
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.frozen.standard import StandardBounds
from hal_conformance.judge import judge, reason_of
from hal_conformance.making import in_silence
from hal_conformance.records import BoundsRecord, IndexRow, Outcome, OutputRecord
from hal_conformance.runner.outcome import Observation

NAME = "onnx"


class StandardSuite:
    """The cases of onnx's suite, opened from the cache (built there at the first use).

    Args:
        cache: where corpora are kept; None for the usual place.
        building: told how many cases of how many are made, where the corpus has to be built.
    """

    def __init__(
        self, cache: Path | None = None, building: Callable[[int, int], None] | None = None
    ) -> None:
        self._cache = cache
        self._building = building

    def prepare(self, cases: Sequence[str], targets: Sequence[Target]) -> None:
        """Make the bounds that these cases are judged by beside the standard's tolerance."""
        names = list(dict.fromkeys(declared(target) for target in targets))
        self._bounds.prepare(cases, names, self._building or in_silence)

    @cached_property
    def _bounds(self) -> StandardBounds:
        return StandardBounds([case.id for case in self.corpus], Shelf(self._cache))

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus itself."""
        return standard(self._cache, self._building)

    def info(self) -> dict[str, Any]:
        """The corpus's hash, and the version of onnx whose suite it is."""
        corpus = self.corpus
        return {
            "hash": corpus.hash,
            "cases": len(corpus),
            "onnx": corpus.versions["onnx"],
        }

    def ids(self) -> Sequence[str]:
        """The ids of all cases; whole networks first, lest a slot wait for one at the end."""
        cases = sorted(self.corpus.cases, key=lambda case: case.kind != "real")
        return [case.id for case in cases]

    def facts(self, case: str) -> dict[str, Any]:
        """The case's hash, and the operators and types of its model."""
        found = self.corpus.case(case)
        facts = found.facts
        return {
            "case_hash": found.hash,
            "ops": facts.ops,
            "dtypes": sorted(facts.dtypes),
        }

    def index_rows(self, cases: Sequence[str]) -> list[IndexRow]:
        """What each case exercises, node by node."""
        return self.corpus.index_rows([self.corpus.case(case) for case in cases])

    def observe(self, device: Device, case: str) -> Observation:
        """Compile, run on every data set until one is wrong, and ask where the nodes ran.

        Raises:
            HALError: the device refused, failed or was lost.
        """
        found = self.corpus.case(case)
        model = Model(found.model, facts=found.facts, digest=found.model_digest)
        with device.compile(model) as exe:
            try:
                outcome, records, bounds, seconds = self._answers(
                    exe, found, declared(device.target)
                )
            except DeviceNotFound as error:  # built for a device that is not on this machine
                return Observation("COMPILED", error.message, compile_s=exe.compile_seconds)
            placement = placement_of(device, exe)
        return Observation(
            outcome.value,
            reason_of(records),
            compile_s=exe.compile_seconds,
            run_s=seconds,
            outputs=tuple(record.model_dump() for record in records),
            placement=placement,
            judged_by=found.judged_by,
            bounds=bounds.model_dump(mode="json") if bounds else None,
        )

    def _answers(
        self, exe: Executable, case: Case, name: str
    ) -> tuple[Outcome, list[OutputRecord], BoundsRecord | None, float]:
        outcome, records, seconds = Outcome.UNJUDGED, list[OutputRecord](), 0.0
        bounds: list[BoundsRecord] = []
        for number, dataset in enumerate(self.corpus.load(case)):
            started = perf_counter()
            got = exe.run_values(dataset.feeds)
            seconds += perf_counter() - started
            outcome, records = judge(case, case.facts.outputs, got, dataset.expected)
            found = self._bounds.judge(case, number, dataset.feeds, got, name)
            bounds += [found] if found else []
            if outcome is not Outcome.PASS:
                break
        return outcome, records, worst(bounds), seconds


def placement_of(device: Device, exe: Executable) -> dict[str, Any] | None:
    """Where the nodes ran; None where that is not claimed, or cannot be told after all.

    An Unsupported here says nothing of the case, which has run: it must not become a GAP.
    """
    if "placement" not in device.info.features:
        return None
    try:
        found = exe.placement()
    except Unsupported:
        return None
    return {**found.counts(), "evidence": found.evidence}
