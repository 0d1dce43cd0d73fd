"""`hal judge`: answers that were made elsewhere, judged as if they had been made here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hal.errors import InputError
from hal_conformance.commands import conform, ending
from hal_conformance.runner import progress


@dataclass(frozen=True)
class Asked:
    """The command line, parsed; `said` are fields of run.json."""

    answers: Path
    bundle: Path | None = None
    said: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expectations: tuple[Path, ...] = ()
    gate: bool = False
    folder: Path | None = None
    cache: Path | None = None

    def command(self) -> tuple[str, ...]:
        """The same command, written out."""
        words = ["hal", "judge", str(self.answers)]
        words += ["--bundle", str(self.bundle)] if self.bundle else []
        for name, value in self.said.items():
            words += [f"--{name}", str(value)] if value is not None else []
        words += [word for path in self.expectations for word in ("--expectations", str(path))]
        return (*words, *(["--gate"] if self.gate else []))


def run(asked: Asked, *, as_json: bool) -> int:
    """Judge, report, and say how it went.

    Returns:
        The exit code.

    Raises:
        InputError: there are no answers, no bundle, or they do not belong together.
    """
    from hal_conformance.offline import bundle, lab, manifest
    from hal_conformance.offline.judging import Handed, judge

    if not asked.answers.is_dir():
        raise InputError(f"no folder of answers at {asked.answers}")
    if bundle.is_answered_bundle(asked.answers):
        raise InputError(
            f"{asked.answers} is a bundle that holds what is expected: those files would pass "
            "for the device's. Write answers into a folder of their own, and name the bundle "
            "with --bundle; or export with --questions"
        )
    listed = manifest.read(asked.bundle or asked.answers)
    folder = asked.folder or conform.ROOT / time.strftime("%Y-%m-%d-%H%M%S")
    handed = Handed(
        answers=asked.answers,
        manifest=listed,
        lab=lab.read(asked.answers, asked.said),
        expectations=asked.expectations,
        folder=folder,
        command=asked.command(),
    )
    wanted = conform.Asked(targets=(), suites=tuple(listed.suites), cache=asked.cache)
    ended = judge(handed, lambda: conform.suites_of(wanted), progress.of_stderr())
    summary = ending.write_reports(ended, folder)
    code = ending.conclude(ended, summary, folder, gate=asked.gate, as_json=as_json)
    missing = len(listed.cases) - len(ended.results.records)
    if missing:
        ending.note_missing(missing, len(listed.cases))
    return code
