"""The cases of all suites, one by one: for `hal repro`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from hal.device import Device
from hal.tensor import Value
from hal_conformance.frozen.corpus import SUITES, FrozenCorpus
from hal_conformance.frozen.evidence import gather as gather_frozen
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.frozen.suite import FrozenSuite
from hal_conformance.runner.api_suite import ApiSuite
from hal_conformance.runner.evidence import Evidence, Shown, gather
from hal_conformance.runner.standard_suite import StandardSuite
from hal_conformance.runner.suites import Suite


class Gallery:
    """What can be shown of a case, wherever it comes from.

    Args:
        cache: where corpora are kept; None for the usual place.
    """

    def __init__(self, cache: Path | None) -> None:
        self._standard = StandardSuite(cache)
        shelf = Shelf(cache)
        self._frozen = {name: FrozenCorpus(name, shelf) for name in SUITES}

    @cached_property
    def suites(self) -> Mapping[str, Suite]:
        """The suites by name."""
        frozen = {name: FrozenSuite(corpus) for name, corpus in self._frozen.items()}
        return {"onnx": self._standard, "api": ApiSuite(), **frozen}

    def gather(self, device: Device, case: str) -> Evidence:
        """What the case does on the device.

        Raises:
            InputError: there is no such case.
        """
        frozen = self._frozen.get(case.partition("/")[0])
        if frozen is not None:
            return gather_frozen(device, frozen, case)
        corpus = self._standard.corpus
        return gather(device, corpus, corpus.case(case))

    def shown(self, case: str) -> tuple[Shown, Mapping[str, Value]]:
        """The case, and its first feeds."""
        frozen = self._frozen.get(case.partition("/")[0])
        if frozen is not None:
            question = frozen.question(case)
            return Shown(case, question.to_model(), question.names), question.first()
        found = self._standard.corpus.case(case)
        return Shown.of(found), self._standard.corpus.load(found)[0].feeds
