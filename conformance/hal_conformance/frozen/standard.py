"""The standard's own cases judged by bounds, beside the standard's tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hal.tensor import Value
from hal_conformance.corpus import Case
from hal_conformance.frozen.answers import Remembered
from hal_conformance.frozen.making import STANDARD_PARTS, standard_question
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.making import Progress
from hal_conformance.records import BoundsRecord

PARTS = tuple(f"onnx/{number:02}" for number in range(STANDARD_PARTS))


class StandardBounds:
    """What the bounds say of answers to the standard's cases.

    Args:
        cases: the ids of all cases, in the corpus's order.
        shelf: where the bounds stand.
    """

    def __init__(self, cases: Sequence[str], shelf: Shelf) -> None:
        self._part = {case: PARTS[place % STANDARD_PARTS] for place, case in enumerate(cases)}
        self._shelf = shelf
        self._memory = Remembered()

    def prepare(
        self, cases: Sequence[str], arithmetics: Sequence[str], making: Progress
    ) -> None:
        """Make what these cases need and the cache lacks."""
        self._shelf.prepare(dict.fromkeys(self._part[c] for c in cases), arithmetics, making)

    def judge(
        self,
        case: Case,
        number: int,
        feeds: Mapping[str, Value],
        got: Sequence[Value],
        name: str,
    ) -> BoundsRecord | None:
        """The verdict on the answer to one data set; None for whole networks.

        Their weights are one number everywhere, so that next to nothing would be noticed.
        """
        if case.kind == "real":
            return None
        question = standard_question(case, [feeds] * case.datasets)
        known = self._shelf.known(self._part[case.id], question, name)
        return self._memory.judge(question, number, got, known[number], name).bounds
