"""Cases as trials of a faulty device: would the answer FAIL?

`ByBounds` judges as the runner judges the generated cases of a target that declares fp32;
`ByTolerance` judges the standard's own cases by the standard's tolerances. A trial that a
correct device does not pass is none, and counted.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import numpy as np
import onnx

from hal.tensor import Tensor, Value
from hal_conformance import judge as standard
from hal_conformance.corpus.case import Case, DataSet
from hal_conformance.frozen import relations
from hal_conformance.frozen.bounding import known
from hal_conformance.frozen.hypotheses import Asked, as_right
from hal_conformance.frozen.making import standard_question
from hal_conformance.frozen.question import Known, Question
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import exactly
from hal_conformance.numerics.verdict import Hypothesis, settle
from hal_conformance.power.device import FP32, Clean, Device, Faulty, Refused, same
from hal_conformance.power.fault import Values
from hal_conformance.records import Outcome
from hal_conformance.soak.endure import RUNS
from hal_conformance.soak.turned import runs_of

REPEATS = RUNS

PATIENCE_S = 5.0
"""Processor time for one run of a device with a fault; beyond that it hangs."""


class Trial:
    """A case. `feeds` are those of the runs of one executable."""

    def __init__(
        self, name: str, model: onnx.ModelProto, feeds: Sequence[Mapping[str, Value]]
    ) -> None:
        self.id = name
        self.model = model
        self.feeds = feeds
        self.names = [value.name for value in model.graph.output]

    @cached_property
    def fed(self) -> list[dict[str, Quantity]]:
        """The feeds, exact."""
        return [{k: exactly(v) for k, v in feeds.items()} for feeds in self.feeds]

    @cached_property
    def clean(self) -> list[Clean]:
        """What a correct device holds, a data set each."""
        with np.errstate(all="ignore"):
            return [Device(self.model).clean(feeds) for feeds in self.fed]

    @cached_property
    def sound(self) -> bool:
        """Whether a correct device can be run and does not fail."""
        try:
            right = [Device(self.model).outputs(held) for held in self.clean]
            return not any(self.fails(k, got) for k, got in enumerate(right))
        except Exception:  # noqa: BLE001  the reference cannot be had: no trial
            return False

    def fails(self, number: int, got: Values) -> bool:
        """Whether an answer to a data set is a FAIL."""
        raise NotImplementedError

    def finds(self, faulty: Faulty) -> bool:
        """Whether the faulty device FAILs here."""
        device = Device(self.model, faulty)
        for number, held in enumerate(self.clean):
            faulty.run = number
            try:
                with _patience():
                    got = device.run(held)
            except Exception:  # noqa: BLE001  it says so, or a later node cannot take what it made
                return True
            if got is not None and self._judged(number, got):
                return True
        return False

    def repeats(self, faulty: Faulty) -> str:
        """What the soak suite's runs show: "differs", "wrong", or nothing.

        Each data set is run once, then all in an order without a period. Equal feeds owe equal
        bits, and the first answer to each is judged.
        """
        device, held = Device(self.model, faulty), self.clean
        order = [*range(len(held))]
        order += random.Random(self.id).choices(order, k=REPEATS - len(held))
        first: dict[int, Values | None] = {}
        for number, chosen in enumerate(order):
            faulty.run = number
            try:
                got = device.run(held[chosen])
            except Refused:
                return "wrong"
            if chosen not in first:
                first[chosen] = got
            elif not _alike(first[chosen], got):
                return "differs"
        judged = (got is not None and self._judged(n, got) for n, got in first.items())
        return "wrong" if any(judged) else ""

    def _judged(self, number: int, got: Values) -> bool:
        try:
            with np.errstate(all="ignore"):
                return self.fails(number, got)
        except Exception:  # noqa: BLE001  what cannot be compared is not counted as found
            return False


@contextmanager
def _patience() -> Generator[None]:
    """Raises TimeoutError in what takes too long: a tree with a ring in it is never walked."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer after {PATIENCE_S:g} s of computing")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _alike(left: Values | None, right: Values | None) -> bool:
    if left is None or right is None:
        return left is right
    return len(left) == len(right) and all(map(same, left, right))


class ByBounds(Trial):
    """One of our cases, or a fresh one."""

    def __init__(self, question: Question) -> None:
        model = onnx.ModelProto.FromString(question.model)
        super().__init__(question.id, model, question.datasets)
        self._question = question
        self._right: dict[int, Sequence[Hypothesis]] = {}

    @cached_property
    def soaked(self) -> ByBounds:
        """The case as the soak suite runs it: with other feeds of the same shapes."""
        datasets = runs_of(self._question.datasets)
        made = ByBounds(replace(self._question, datasets=datasets))
        return made if made.sound else self

    @cached_property
    def known(self) -> list[Known]:
        """What is known of the outputs under fp32."""
        return known(self._question, FP32, statistics=self.id.startswith("graphs/"))

    def fails(self, number: int, got: Values) -> bool:
        found = self.known[number]
        if not found.expected:
            return False
        declared = [Hypothesis(FP32.name, FP32, found.expected)]
        if found.tier == "type":
            shapes = [np.shape(q.value) for q in found.expected if isinstance(q, Pair)]
            if [value.shape for value in got if isinstance(value, Tensor)] != shapes:
                return True
        elif settle(self.names, got, declared).outcome is Outcome.FAIL:
            declared = [*declared, *self._also(number)]
        if settle(self.names, got, declared).outcome is Outcome.FAIL:
            return True
        return relations.broken(self._question, got, found) is not None

    def _also(self, number: int) -> Sequence[Hypothesis]:
        """What is as right as fp32."""
        if number not in self._right:
            asked = Asked(self._question, number, self.known[number], FP32, 0.0)
            self._right[number] = list(as_right(asked))
        return self._right[number]


class ByTolerance(Trial):
    """One of the standard's cases, as the standard judges it."""

    def __init__(self, case: Case, sets: Sequence[DataSet]) -> None:
        super().__init__(
            case.id,
            onnx.ModelProto.FromString(case.model.read_bytes()),
            [data.feeds for data in sets],
        )
        self._case = case
        self._expected = [data.expected for data in sets]

    @cached_property
    def by_bounds(self) -> ByBounds:
        """The same case, judged by bounds."""
        return ByBounds(standard_question(self._case, self.feeds))

    def fails(self, number: int, got: Values) -> bool:
        specs = self._case.facts.outputs
        outcome, _ = standard.judge(self._case, specs, got, self._expected[number])
        return outcome is Outcome.FAIL
