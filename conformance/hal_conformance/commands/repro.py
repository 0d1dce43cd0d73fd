"""`hal repro`: one case in a folder of its own, or in this process."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hal import device as devices
from hal import targets as named
from hal.cli import failures, output
from hal.errors import HALError, InputError
from hal.targets import Target
from hal_conformance.commands.gallery import Gallery
from hal_conformance.runner.bench import bound
from hal_conformance.runner.outcome import of_error
from hal_conformance.runner.trials import Trials

if TYPE_CHECKING:
    from hal_conformance.runner.outcome import Observation
    from hal_conformance.runner.suites import Suite


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, parsed."""

    case: str
    target: str
    folder: Path | None = None
    in_process: bool = False
    history: bool = False
    results: Path | None = None
    cache: Path | None = None
    devices: tuple[Path, ...] = ()

    @property
    def place(self) -> Path:
        """The folder to write."""
        default = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"repro-{self.case}-{self.target}")
        return self.folder or Path(default)


def run(asked: Asked, *, as_json: bool) -> int:
    """Do it, and say what was seen.

    Returns:
        The exit code.

    Raises:
        InputError: no such case or target, or the options do not fit together.
    """
    target = named.resolve(asked.target, asked.devices)
    if asked.history and (asked.in_process or asked.results is None):
        raise InputError("--history needs --from RESULTS, and cannot run --in-process")
    if asked.in_process and target.is_foreign:
        raise InputError(
            f"target {target.name!r} lives in another interpreter or on another machine, never "
            "in this process; leave --in-process away"
        )
    if asked.in_process:
        return _in_process(asked, target, as_json=as_json)
    _suite(asked)
    if asked.case.startswith("api/"):
        return _contract(asked, target, as_json=as_json)
    return _folder(asked, target, as_json=as_json)


def _suite(asked: Asked) -> Suite:
    """The suite of the case.

    Raises:
        InputError: there is no such suite.
    """
    suites, name = Gallery(asked.cache).suites, asked.case.partition("/")[0]
    if name not in suites:
        raise InputError(f"no case {asked.case!r}: ids begin with one of {', '.join(suites)}")
    return suites[name]


def _in_process(asked: Asked, target: Target, *, as_json: bool) -> int:
    """Here: breakpoints in an adapter work, and a crash takes this process along."""
    suite = _suite(asked)
    with devices.open(target) as device:
        try:
            seen = suite.observe(bound(device), asked.case)
        except HALError as error:
            traceback.print_exception(error)
            seen = of_error(error)
    return _told(asked, target, seen, [], as_json=as_json)


def _contract(asked: Asked, target: Target, *, as_json: bool) -> int:
    """A contract test, in a worker; there is no folder, since it has no model of its own."""
    seen = Trials(target, {"api": _suite(asked)}).seen(asked.case)
    output.note("a contract test has no model to show: debug it with --in-process")
    return _told(asked, target, seen, [], as_json=as_json)


def _folder(asked: Asked, target: Target, *, as_json: bool) -> int:
    from hal_conformance.runner import repro

    gallery = Gallery(asked.cache)
    trials = Trials(target, gallery.suites)
    before: list[str] = []
    if asked.history and asked.results is not None:
        before = _needed(trials, asked, asked.results)
    evidence = trials.evidence(lambda device: gallery.gather(device, asked.case), before)
    fed = [gallery.shown(one) for one in before if not one.startswith("api/")]
    written = repro.write(asked.place, evidence, fed)
    return _told(asked, target, evidence.seen, written, as_json=as_json)


def _needed(trials: Trials, asked: Asked, results: Path) -> list[str]:
    """The smallest part of the recorded history after which the case fails again."""
    from hal_conformance.runner import history

    whole = history.of(results, asked.target, asked.case)
    if not trials.fails(asked.case, whole):
        output.note(f"it passes after all {len(whole)} cases of its history: try again")
        return []
    needed = history.smallest(whole, lambda part: trials.fails(asked.case, part))
    output.note(f"of {len(whole)} cases, {len(needed)} must run before it: {needed}")
    return needed


def _told(
    asked: Asked,
    target: Target,
    seen: Observation,
    written: Sequence[Path],
    *,
    as_json: bool,
) -> int:
    if as_json:
        output.emit_json(
            {
                "case": asked.case,
                "target": target.name,
                "outcome": seen.outcome,
                "reason": seen.reason,
                "signal": seen.signal,
                "folder": str(asked.place) if written else None,
                "written": [str(path) for path in written],
            }
        )
    else:
        because = f": {seen.reason}" if seen.reason else ""
        output.line(f"{asked.case} on {target.name}: {seen.outcome}{because}")
        for path in written:
            output.line(f"  {path}")
    return failures.DISAGREE if seen.outcome == "PASS" else failures.OK
