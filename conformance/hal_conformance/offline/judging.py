"""From answers to a results folder: the same suites, verdicts and records as in a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from hal.device import Device
from hal.errors import HALError, InputError
from hal.targets import Target
from hal_conformance.offline.answers import Answers, is_answered
from hal_conformance.offline.lab import Lab
from hal_conformance.offline.manifest import Manifest
from hal_conformance.runner import finish, known
from hal_conformance.runner.journal import Journal
from hal_conformance.runner.outcome import Attempt, Observation, of_error, record, told
from hal_conformance.runner.plan import Item
from hal_conformance.runner.progress import Progress
from hal_conformance.runner.run import Ended
from hal_conformance.runner.suites import Prepares, Suite

SHOWN = 3
"""How many cases of another version are named."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed in, and where the results go."""

    answers: Path
    manifest: Manifest
    lab: Lab
    expectations: tuple[Path, ...]
    folder: Path
    command: tuple[str, ...]

    @property
    def target(self) -> Target:
        """The target that is judged."""
        return self.lab.to_target(self.expectations)

    def items(self) -> list[Item]:
        """The cases that have an answer.

        Raises:
            InputError: none has.
        """
        found = [
            Item(self.lab.target, case.id, case.suite)
            for case in self.manifest.cases
            if is_answered(self.answers / case.id)
        ]
        if not found:
            first = self.manifest.cases[0].id
            raise InputError(
                f"{self.answers} holds no answer to any of {len(self.manifest.cases):,} cases; "
                f"looked for {first}/test_data_set_0/output_0.pb, .npy, outputs.json, and "
                f"{first}/status.txt"
            )
        return found


def judge(
    handed: Handed, suites: Callable[[], Mapping[str, Suite]], progress: Progress
) -> Ended:
    """Judge every case that has an answer, and write the results.

    Raises:
        InputError: the bundle is of another version, or the folder is in use.
    """
    from hal_conformance.results import write

    items, ready, target = handed.items(), suites(), handed.target
    _same(handed.manifest, ready)
    expectations = {target.name: known.of(target)}
    for name, suite in ready.items():
        if isinstance(suite, Prepares):
            suite.prepare([item.case for item in items if item.suite == name], [target])
    about = {"command": list(handed.command), "started": finish.now()}
    subject = {"judged": target.to_json(), "cases": len(items)}
    with closing(Journal(handed.folder, subject, resume=False, about=about)) as journal:
        journal.target(target.name, _header(handed))
        faults = _records(handed, ready, items, journal, progress)
        selection = handed.manifest.selection
        found = finish.collect(journal, items, [target], ready, selection, 1, expectations)
        found = replace(found, header=found.header.model_copy(update=_said(handed.lab, found)))
        write(handed.folder, found)
    return Ended(found, expectations, faults)


def _same(manifest: Manifest, suites: Mapping[str, Suite]) -> None:
    """Whether these are the cases that this version would ask."""
    ids = {name: set(suite.ids()) for name, suite in suites.items()}
    other = [
        case.id
        for case in manifest.cases
        if case.id not in ids[case.suite]
        or suites[case.suite].facts(case.id)["case_hash"] != case.hash
    ]
    if other:
        raise InputError(
            f"{len(other):,} of {len(manifest.cases):,} cases are not those of this version "
            f"({', '.join(other[:SHOWN])}): the bundle was exported by onnx-hal "
            f"{manifest.onnx_hal}; judge with that version, or export and run anew"
        )


def _records(
    handed: Handed,
    suites: Mapping[str, Suite],
    items: Sequence[Item],
    journal: Journal,
    progress: Progress,
) -> int:
    """Judge into the journal; returns how often the suite itself failed."""
    faults = 0
    progress.begin(len(items), 0)
    try:
        for item in items:
            seen = _observe(handed, suites[item.suite], item.case)
            faults += seen.reason is not None and seen.reason.startswith(FAULT)
            facts = suites[item.suite].facts(item.case)
            facts["arithmetic"] = handed.target.arithmetic
            attempt = Attempt(replace(seen, reason=told(seen.reason)), "offline", ())
            final = record(item.target, item.case, facts, [attempt])
            journal.end(final)
            progress.ended(final)
            progress.tick()
    finally:
        progress.close()
    return faults


FAULT = "the suite itself failed: "


def _observe(handed: Handed, suite: Suite, case: str) -> Observation:
    info = handed.lab.to_info()
    with Device(handed.target, Answers(handed.answers / case, info), info) as device:
        try:
            seen = suite.observe(device, case)
        except InputError:  # of a status that nobody can read
            raise
        except HALError as error:
            seen = of_error(error)
        except Exception as error:  # noqa: BLE001  one case must not end it all; it is counted
            return Observation("ERROR", f"{FAULT}{type(error).__name__}: {error}")
    return replace(seen, compile_s=None, run_s=None)  # of reading files


def _header(handed: Handed) -> dict[str, Any]:
    """What is known of the target, as `records.TargetHeader`."""
    target = handed.target
    return {
        "target": target.name,
        "adapter": target.adapter,
        "device": target.device,
        "adapter_version": metadata.version("onnx-hal"),
        "identity": handed.lab.to_info().to_json(),
        "options": target.options.to_json(),
        "arithmetic": target.arithmetic,
        "labels": list(target.labels),
    }


def _said(lab: Lab, found: Any) -> dict[str, Any]:
    """What the lab says of its machine and versions, in the header."""
    header = found.header
    told = {"versions": {**header.versions, **lab.versions}}
    return told | ({"machine": lab.machine} if lab.machine else {})
