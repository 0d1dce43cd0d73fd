"""`hal conform`: from a command line to a run, and from a run to a summary and an exit code."""

from __future__ import annotations

import gc
import shlex
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hal import registry
from hal import targets as named
from hal.cli import failures, output
from hal.errors import InputError
from hal.targets import Target
from hal_conformance.commands import ending
from hal_conformance.commands.plugin import Plugin
from hal_conformance.making import cores
from hal_conformance.runner import journal, progress
from hal_conformance.runner.plan import Selection, Shard

if TYPE_CHECKING:
    from hal_conformance.profiles.choice import Choice
    from hal_conformance.runner.run import Request
    from hal_conformance.runner.suites import Suite

ROOT = Path("hal-results")
"""Where results go that were not told where to go."""

SLOW = "slow"
"""The label of targets that take more than a fifth of a second a case."""


@dataclass(frozen=True)
class Asked:
    """The command line, parsed."""

    targets: tuple[str, ...]
    suites: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    sample: int | None = None
    sample_slow: int | None = None
    jobs: int | None = None
    shard: str | None = None
    shuffle: int | None = None
    failed_from: Path | None = None
    resume: bool = False
    gate: bool = False
    folder: Path | None = None
    cache: Path | None = None
    timeout_s: float | None = None
    memory_mib: int | None = None
    devices: tuple[Path, ...] = ()
    profile: str | None = None
    plugin: Plugin | None = None

    @cached_property
    def choice(self) -> Choice | None:
        """The profile that was asked for, with its scope."""
        from hal_conformance.profiles.choice import Choice

        return Choice.of(self.profile, self.cache) if self.profile else None

    @property
    def chosen(self) -> tuple[str, ...]:
        """The suites that are run: where a profile narrows them, those that it has cases in."""
        return self.choice.suites(self.suites) if self.choice else self.suites

    @property
    def suite(self) -> str:
        """As --suite names them."""
        return "all" if len(self.suites) > 1 else "".join(self.suites)

    def command(self) -> tuple[str, ...]:
        """The same command, written out; the folder and how it is shown are no part of it."""
        options: list[tuple[str, object]] = [
            ("--suite", self.suite),
            ("--profile", self.profile),
            *(("-k", pattern) for pattern in self.patterns),
            ("--sample", self.sample),
            ("--sample-slow", self.sample_slow),
            ("-j", self.jobs),
            ("--shard", self.shard),
            ("--shuffle", self.shuffle),
            ("--failed-from", self.failed_from),
            ("--cache", self.cache),
            ("--timeout", self.timeout_s),
            ("--memory", self.memory_mib),
            *(("--devices", path) for path in self.devices),
        ]
        words = [word for o, v in options if v is not None for word in (o, str(v))]
        words += self.plugin.words() if self.plugin else []
        return ("hal", "conform", *self.targets, *words, *(["--gate"] if self.gate else []))


def run(asked: Asked, *, as_json: bool) -> int:
    """Run, report, and say how it went.

    Returns:
        The exit code.
    """
    from hal_conformance.runner.run import Incomplete, Interrupted, conduct

    request = request_of(asked)
    try:
        with _rare_collections():
            ended = conduct(request, lambda: suites_of(asked), progress.of_stderr())
            summary = ending.write_reports(ended, request.folder)
    except Interrupted:
        return _unfinished(asked, request, "stopped", failures.INTERRUPTED, as_json=as_json)
    except Incomplete as broken:
        return _unfinished(asked, request, str(broken), failures.BROKE, as_json=as_json)
    return ending.conclude(ended, summary, request.folder, gate=asked.gate, as_json=as_json)


@contextmanager
def _rare_collections() -> Generator[None]:
    """A corpus and its records are half a million objects, next to none of them garbage."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def request_of(asked: Asked) -> Request:
    """What the runner is asked.

    Raises:
        InputError: a target, a shard or the folder makes no sense.
    """
    from hal_conformance.runner.run import Request

    targets = _targets(asked)
    slow = frozenset(target.name for target in targets if SLOW in target.labels)
    return Request(
        targets=targets,
        selection=Selection(
            suites=asked.chosen,
            patterns=asked.patterns,
            sample=asked.sample,
            sample_slow=asked.sample_slow,
            slow=slow if asked.sample_slow else frozenset(),
            shard=Shard.parse(asked.shard) if asked.shard else None,
            shuffle=asked.shuffle,
            failed_from=asked.failed_from,
            profile=asked.choice.record() if asked.choice else None,
        ),
        folder=_folder(asked),
        jobs=asked.jobs or cores(),
        command=asked.command(),
        resume=asked.resume,
        memory_limit=asked.memory_mib << 20 if asked.memory_mib else None,
    )


def _targets(asked: Asked) -> tuple[Target, ...]:
    found = [named.resolve(name, asked.devices) for name in asked.targets]
    found += [asked.plugin.target()] if asked.plugin else []
    if not found:
        raise InputError("nothing to run on: name a TARGET, or a plugin with --ep-library")
    return tuple(_asked_of(target, asked) for target in found)


def _asked_of(target: Target, asked: Asked) -> Target:
    registry.entry(target.adapter)  # a mistyped name is told before the cases are made
    if asked.choice is not None:
        target = asked.choice.target(target)
    if asked.timeout_s is None:
        return target
    times = replace(target.timeouts, compile_s=asked.timeout_s, run_s=asked.timeout_s)
    return replace(target, timeouts=times)


def _folder(asked: Asked) -> Path:
    if asked.folder is not None:
        return asked.folder
    if not asked.resume:
        return ROOT / time.strftime("%Y-%m-%d-%H%M%S")
    runs = sorted(path.parent for path in ROOT.glob(f"*/{journal.NAME}"))
    if not runs:
        raise InputError(f"nothing to resume in {ROOT}; name the folder with -o")
    return runs[-1]


def suites_of(asked: Asked) -> Mapping[str, Suite]:
    """The suites by name; the standard's cases are built where they are not in the cache."""
    found: dict[str, Suite] = {}
    shelf = None
    for name in asked.chosen:
        if name == "onnx":
            from hal_conformance.runner.standard_suite import StandardSuite

            standard = StandardSuite(asked.cache, progress.Preparing())
            standard.ids()  # opens it now, while workers start
            found[name] = standard
        elif name == "api":
            from hal_conformance.runner.api_suite import ApiSuite

            found[name] = ApiSuite()
        elif name == "soak":
            from hal_conformance.soak.suite import SoakSuite

            found[name] = SoakSuite(asked.cache, progress.Preparing())
        elif name == "models":
            from hal_conformance.models.suite import ModelsSuite

            found[name] = ModelsSuite()
        else:
            from hal_conformance.frozen.corpus import FrozenCorpus
            from hal_conformance.frozen.shelf import Shelf
            from hal_conformance.frozen.suite import FrozenSuite

            shelf = shelf or Shelf(asked.cache)
            found[name] = FrozenSuite(FrozenCorpus(name, shelf), progress.Preparing())
    return asked.choice.narrowed(found) if asked.choice else found


def _unfinished(asked: Asked, request: Request, why: str, code: int, *, as_json: bool) -> int:
    again = shlex.join([*asked.command(), "--resume", "-o", str(request.folder)])
    output.note(f"hal: {why}; what has ended is kept. Go on with:")
    output.note(f"  {again}")
    if as_json:
        unfinished = {"folder": str(request.folder), "complete": False, "resume": again}
        output.emit_json({**unfinished, "reason": why})
    return code
