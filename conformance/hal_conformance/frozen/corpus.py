"""A frozen corpus: the cases that a lock names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from hal.errors import InputError
from hal_conformance.corpus.values import CorpusError
from hal_conformance.frozen import lock
from hal_conformance.frozen.lock import Frozen
from hal_conformance.frozen.question import Known, Question, part_of
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.making import Progress

SUITES = ("ops", "graphs")


class FrozenCorpus:
    """The cases of a suite, whose parts are made at first use.

    Args:
        suite: "ops" or "graphs".
        shelf: where the parts stand.
    """

    def __init__(self, suite: str, shelf: Shelf) -> None:
        self.suite = suite
        self.shelf = shelf

    @cached_property
    def frozen(self) -> Mapping[str, Frozen]:
        """The lines of the lock, by case."""
        return lock.read(self.suite)

    @cached_property
    def hash(self) -> str:
        """One hash for all cases."""
        return lock.hash_of(self.frozen.values())

    def parts(self) -> Sequence[str]:
        """The parts that there are."""
        return list(dict.fromkeys(part_of(case) for case in self.frozen))

    def question(self, case: str) -> Question:
        """A case.

        Raises:
            InputError: there is none. CorpusError: what this code makes is not what is frozen.
        """
        if case not in self.frozen:
            raise InputError(f"no case {case!r} among the {len(self.frozen)} of {self.suite}")
        found = self.shelf.questions(part_of(case)).get(case)
        if found is None or not found.hash.startswith(f"sha256:{self.frozen[case].hash}"):
            raise CorpusError(
                f"{case} is not made as it was frozen: the lock, the generator and the "
                "installed onnx do not belong together; `hal corpus verify` lists what differs"
            )
        return found

    def prepare(
        self, cases: Iterable[str], arithmetics: Sequence[str], making: Progress
    ) -> None:
        """Make what these cases need and the cache lacks."""
        wanted = dict.fromkeys(part_of(case) for case in cases)
        self.shelf.prepare(wanted, arithmetics, making)

    def known(self, question: Question, arithmetic: str) -> list[Known]:
        """What is known of the outputs of each data set under an arithmetic."""
        return self.shelf.known(part_of(question.id), question, arithmetic)
