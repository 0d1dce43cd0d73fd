"""A whole run, from what was asked to a results folder.

Targets are opened while the cases are prepared; then the journal says what is left to do, a
crew does it, and what stands in the journal becomes the results.
"""

from __future__ import annotations

import hashlib
import json
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from hal.errors import HALError
from hal.targets import Target
from hal_conformance.runner import plan
from hal_conformance.runner.bench import Bench
from hal_conformance.runner.crew import Crew
from hal_conformance.runner.journal import Journal
from hal_conformance.runner.plan import Item, Selection
from hal_conformance.runner.progress import Progress
from hal_conformance.runner.slot import Stopped
from hal_conformance.runner.suites import Prepares, Suite
from hal_conformance.runner.wards import default_limit

if TYPE_CHECKING:
    from hal_conformance.expectations import Expectations
    from hal_conformance.results import Results


LARGE = 200
"""From how many cases on a run takes the fingerprints of its targets along."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do; `memory_limit` is a worker's, in bytes."""

    targets: tuple[Target, ...]
    selection: Selection
    folder: Path
    jobs: int
    command: tuple[str, ...]
    resume: bool = False
    memory_limit: int | None = None

    def subject(self, suites: Mapping[str, Suite], items: Sequence[Item]) -> dict[str, Any]:
        """What must be the same for another session to continue this run."""
        return {
            "targets": {target.name: _asked(target) for target in self.targets},
            "suites": list(self.selection.suites),
            "selection": self.selection.to_json(),
            "corpus": {name: suites[name].info() for name in self.selection.suites},
            "items": _digest(items),
        }


class Interrupted(Exception):
    """The run was stopped by a signal; what had ended is in the journal."""


class Incomplete(Exception):
    """The run could not be ended; what had ended is in the journal."""

    def __init__(self, lost: Mapping[str, HALError]) -> None:
        told = "; ".join(f"{name}: {error.message}" for name, error in lost.items())
        super().__init__(f"could not be opened again: {told}")
        self.lost = dict(lost)


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is complete; `faults` counts failures of the suite itself."""

    results: Results
    expectations: Mapping[str, Expectations]
    faults: int


def conduct(
    request: Request, suites: Callable[[], Mapping[str, Suite]], progress: Progress
) -> Ended:
    """Run everything that has not ended yet, and write the results.

    Args:
        request: what to run.
        suites: gives the suites by name; called while the first workers start.
        progress: told of each case.

    Raises:
        InputError: the request makes no sense, or the folder holds another run.
        HALError: a target cannot be opened.
        Interrupted: a signal stopped it. Incomplete: a target was lost on the way.
    """
    ready: dict[str, Suite] = {}
    limit = request.memory_limit or default_limit(request.jobs)
    bench = Bench(request.targets, ready, limit, progress.note)
    try:
        with _stops(bench):
            bench.begin(_openings(request), request.jobs)
            ready |= suites()
            return _conduct(request, bench, progress)
    except Stopped:
        raise Interrupted from None
    finally:
        bench.close()


def _conduct(
    request: Request,
    bench: Bench,
    progress: Progress,
) -> Ended:
    # Not before the workers are started: these bring pydantic and templates along.
    from hal_conformance.results import write
    from hal_conformance.runner import finish, known

    expectations = {target.name: known.of(target) for target in request.targets}
    suites, targets, selection = bench.suites, request.targets, request.selection
    ids = {name: suites[name].ids() for name in selection.suites}
    items = plan.items([target.name for target in targets], ids, selection)
    about = {"command": list(request.command), "started": finish.now()}
    folder = request.folder
    subject = request.subject(suites, items)
    with _closing(Journal(folder, subject, resume=request.resume, about=about)) as journal:
        _prepare(suites, items, targets)
        bench.wait()
        for target in targets:
            journal.target(target.name, bench.headers[target.name])
        _work(request, bench, journal, items, progress)
        found = finish.collect(
            journal, items, targets, suites, selection, request.jobs, expectations
        )
        write(folder, found)
        return Ended(found, expectations, bench.faults)


def _prepare(
    suites: Mapping[str, Suite], items: Sequence[Item], targets: Sequence[Target]
) -> None:
    for name, suite in suites.items():
        if isinstance(suite, Prepares):
            suite.prepare(list({i.case: None for i in items if i.suite == name}), targets)


def _work(
    request: Request,
    bench: Bench,
    journal: Journal,
    items: Sequence[Item],
    progress: Progress,
) -> None:
    left = [item for item in items if (item.target, item.case) not in journal.ended]
    crew = Crew(bench, journal, left, progress)
    from hal_conformance.fingerprint.background import Background

    to_ask = _to_ask(request, items, journal)
    asked = Background(to_ask, bench.watch_over)
    progress.begin(len(items), len(items) - len(left))
    bench.is_working = True
    try:
        crew.run(min(request.jobs, max(len(left), 1)))
    finally:
        bench.is_working = False
        progress.close()
    if bench.stopping():
        raise Interrupted
    if crew.lost:
        raise Incomplete(crew.lost)
    for target in to_ask:
        journal.fingerprint(target.name, asked.facts(target.name))


def _to_ask(request: Request, items: Sequence[Item], journal: Journal) -> tuple[Target, ...]:
    """Whose arithmetic a run finds out: it costs a second or more, so a large one's only.

    A run that is resumed knows what it found out before.
    """
    if len(items) < LARGE:
        return ()
    return tuple(t for t in request.targets if not journal.facts.get(t.name))


def _openings(request: Request) -> list[str]:
    """Each target once, and the first one for every slot."""
    names = [target.name for target in request.targets]
    return [names[0]] * request.jobs + names[1:]


@contextmanager
def _closing(journal: Journal) -> Generator[Journal]:
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def _stops(bench: Bench) -> Generator[None]:
    """While inside, SIGINT and SIGTERM stop the run; slots at work end by themselves."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  signal's form
        bench.stop()
        if not bench.is_working:
            raise Stopped

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _asked(target: Target) -> dict[str, Any]:
    asked = target.to_json()
    names = ("adapter", "device", "options", "arithmetic", *(["host"] if target.host else []))
    return {name: asked[name] for name in names}


def _digest(items: Sequence[Item]) -> str:
    pairs = sorted((item.target, item.case) for item in items)
    return "sha256:" + hashlib.sha256(json.dumps(pairs).encode()).hexdigest()
