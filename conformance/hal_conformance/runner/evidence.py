"""What one case does on one device, in full: for `hal repro`, which shows it to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hal.device import Device
from hal.errors import HALError
from hal.executable import Executable
from hal.model import Model
from hal.targets import Target
from hal.tensor import Value
from hal_conformance.corpus import Case, Corpus, DataSet
from hal_conformance.judge import judge, reason_of
from hal_conformance.numerics.pair import Quantity
from hal_conformance.runner.outcome import Observation, of_error


@dataclass(frozen=True, slots=True)
class Shown:
    """A case as it is shown: `rtol` and `atol` are the standard's, where it judges.

    `bounds` are what outputs are judged by otherwise; `refusal`: there must be none.
    """

    id: str
    model: Model
    names: Sequence[str]
    rtol: float = 0.0
    atol: float = 0.0
    bounds: Sequence[Quantity] | None = None
    refusal: bool = False

    @classmethod
    def of(cls, case: Case) -> Shown:
        """A case of the standard's."""
        names = [spec.name for spec in case.facts.outputs]
        return cls(case.id, model_of(case), names, case.rtol, case.atol)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run of a case: what went in, what had to come out, what came out (None: nothing).

    `target` has the options that were asked.
    """

    target: Target
    case: Shown
    seen: Observation
    feeds: Mapping[str, Value]
    expected: Sequence[Value]
    got: Sequence[Value] | None


def gather(device: Device, corpus: Corpus, case: Case) -> Evidence:
    """Run the case on its data sets up to the first that is wrong; errors are evidence too."""
    datasets = corpus.load(case)
    shown = datasets[0]
    try:
        with device.compile(model_of(case)) as exe:
            for shown in datasets[:-1]:
                found = _answer(device, exe, case, shown)
                if found.seen.outcome != "PASS":
                    return found
            shown = datasets[-1]
            return _answer(device, exe, case, shown)
    except HALError as error:
        seen = of_error(error)
        expected = shown.expected
        return Evidence(device.target, Shown.of(case), seen, shown.feeds, expected, None)


def _answer(device: Device, exe: Executable, case: Case, dataset: DataSet) -> Evidence:
    got = exe.run_values(dataset.feeds)
    outcome, records = judge(case, case.facts.outputs, got, dataset.expected)
    seen = Observation(outcome.value, reason_of(records))
    return Evidence(device.target, Shown.of(case), seen, dataset.feeds, dataset.expected, got)


def model_of(case: Case) -> Model:
    """The case's model, with what is known of it."""
    return Model(case.model, facts=case.facts, digest=case.model_digest)
