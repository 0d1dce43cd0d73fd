"""A slot runs one item at a time in a warm worker, and repeats alone what went wrong.

A worker is believed as long as all goes well in it. When a case ends as FAIL, ERROR, CRASH,
HANG or OOM, that worker is given up, and the case runs again, alone, in a fresh one, which
then stays as the slot's warm worker. Only what happens twice is the case's own; anything else
is a FLAKE, recorded with what the first worker had run before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hal_conformance.runner.outcome import AGAIN, Attempt, Observation
from hal_conformance.runner.plan import Item


class Stopped(Exception):
    """The run is being stopped: what a worker did last means nothing."""


class Session(Protocol):
    """A warm worker on one target."""

    @property
    def alive(self) -> bool:
        """Whether it can take another case."""
        ...

    def observe(self, item: Item) -> Observation:
        """Run the case and judge it; what goes wrong is part of the observation."""
        ...

    def close(self) -> None:
        """Ask the worker to leave."""
        ...

    def kill(self) -> None:
        """End the worker at once."""
        ...


Opener = Callable[[str], Session]
"""Opens a session on a target."""


class Slot:
    """One of the `-j` places in which cases run; used by one thread."""

    def __init__(self, number: int, opener: Opener, stopping: Callable[[], bool]) -> None:
        self._number = number
        self._open = opener
        self._stopping = stopping
        self._workers = 0
        self._session: Session | None = None
        self._target: str | None = None
        self._name = ""
        self._history: list[str] = []

    def run(self, item: Item) -> list[Attempt]:
        """The attempts that decide the case: one, or two where the first went wrong.

        Raises:
            Stopped: the run is being stopped; nothing may be concluded.
            HALError: no worker could be opened on the target.
        """
        first = self._attempt(item)
        if first.seen.outcome not in AGAIN:
            return [first]
        self._give_up()
        return [first, self._attempt(item, alone=True)]

    def _attempt(self, item: Item, *, alone: bool = False) -> Attempt:
        session = self._warm(item.target)
        history = tuple(self._history)
        seen = session.observe(item)
        if self._stopping():
            raise Stopped
        attempt = Attempt(seen, self._name, alone, history)
        self._history.append(item.case)
        if not session.alive:
            self._give_up()
        return attempt

    def _warm(self, target: str) -> Session:
        if self._stopping():
            raise Stopped
        if self._session is not None and self._target == target:
            return self._session
        self.retire()
        self._workers += 1
        self._name = f"w{self._number}.{self._workers}"
        self._session = self._open(target)
        self._target = target
        return self._session

    def retire(self) -> None:
        """Let the worker go; the next case gets a fresh one."""
        session = self._forget()
        if session is not None:
            session.close()

    def _give_up(self) -> None:
        session = self._forget()
        if session is not None:
            session.kill()

    def _forget(self) -> Session | None:
        session, self._session, self._history = self._session, None, []
        return session
