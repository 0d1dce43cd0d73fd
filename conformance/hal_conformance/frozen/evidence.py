"""What one frozen case does on one device, in full: for `hal repro`."""

from __future__ import annotations

from collections.abc import Sequence

from hal.device import Device
from hal.errors import HALError
from hal.tensor import Value
from hal_conformance.frozen import answers
from hal_conformance.frozen.bounding import declared
from hal_conformance.frozen.corpus import FrozenCorpus
from hal_conformance.frozen.export import value_of
from hal_conformance.frozen.question import Known, Question
from hal_conformance.frozen.suite import refused
from hal_conformance.records import Outcome
from hal_conformance.runner.evidence import Evidence, Shown
from hal_conformance.runner.outcome import Observation, of_error


def gather(device: Device, corpus: FrozenCorpus, case: str) -> Evidence:
    """Run the case on its data sets up to the first that is wrong; errors are evidence too."""
    question, name = corpus.question(case), declared(device.target)
    if question.judged == "refusal":
        shown = Shown(case, question.to_model(), question.names, refusal=True)
        seen = refused(device, question, name)
        return Evidence(device.target, shown, seen, question.first(), [], None)
    known, number, got = corpus.known(question, name), 0, list[Value]()
    seen = Observation(Outcome.UNJUDGED.value)
    try:
        with device.compile(question.to_model()) as exe:
            for number, feeds in enumerate(question.datasets):
                got = exe.run_values(feeds)
                judged = answers.judge(question, number, got, known[number], name).bounds
                seen = Observation(judged.outcome.value, judged.reason)
                if judged.outcome is Outcome.FAIL:
                    break
    except HALError as error:
        return _evidence(device, question, number, known[number], of_error(error), None)
    return _evidence(device, question, number, known[number], seen, got)


def _evidence(
    device: Device,
    question: Question,
    number: int,
    known: Known,
    seen: Observation,
    got: Sequence[Value] | None,
) -> Evidence:
    expected = [value_of(quantity) for quantity in known.expected]
    shown = Shown(question.id, question.to_model(), question.names, bounds=known.expected)
    return Evidence(device.target, shown, seen, question.datasets[number], expected, got)
