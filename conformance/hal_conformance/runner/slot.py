"""A slot runs one item at a time in a warm worker, and asks twice about what went wrong.

Only what happens twice, under two histories that have nothing in common, is the case's own;
anything else is a FLAKE, recorded with what the first worker had run before. Where the worker
ended (CRASH, HANG, OOM), the case runs again at once, alone in a fresh one. Where it survived
(FAIL, ERROR) and can still do what it did before, it goes on, and the case is held: when the
slot's target is done, one fresh worker repeats what was held, the last first, so that no case
meets there what it had met before. The same outcome for the same reason settles it; otherwise
the case runs once more, alone. docs/decisions/0004-second-opinions.md has the argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

    @property
    def cut_off(self) -> bool:
        """Whether its machine is known to be gone, which no case is to be blamed for."""
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


class House(Protocol):
    """Where a slot gets its workers, and whom it tells what it is about to do."""

    def open(self, target: str) -> Session:
        """A session on a target."""
        ...

    def stopping(self) -> bool:
        """Whether the run is being stopped."""
        ...


Begun = Callable[[Item, str], None]
"""Told of each item, with the worker's name, just before it runs for the first time."""


class Slot:
    """One of the `-j` places in which cases run; used by one thread."""

    def __init__(self, name: str, house: House, begun: Begun) -> None:
        self.name = name
        self.target: str | None = None
        self._house = house
        self._begun = begun
        self._workers = 0
        self._session: Session | None = None
        self._history: list[str] = []
        self._sound: Item | None = None  # the last that passed in this worker
        self._held: list[tuple[Item, Attempt]] = []

    @property
    def worker(self) -> str:
        """The name of the worker that runs now, or ran last."""
        return f"{self.name}.{self._workers}"

    def run(self, item: Item) -> list[Attempt]:
        """The attempts so far: they settle the case, unless it is `held`.

        Raises:
            Stopped: the run is being stopped; nothing may be concluded.
            HALError: no worker could be opened on the target.
        """
        self._warm(item.target)
        self._begun(item, self.worker)
        first = self._attempt(item)
        if first.seen.outcome not in AGAIN:
            self._sound = item if first.seen.outcome == "PASS" else self._sound
            return [first]
        if self._session is not None and self._is_sound():
            self._held.append((item, first))
            return [first]
        return self.again_alone(item, first)

    def holds(self, item: Item) -> bool:
        """Whether the item that was run last waits for a second opinion."""
        return bool(self._held) and self._held[-1][0] == item

    def again_alone(self, item: Item, *before: Attempt) -> list[Attempt]:
        """The attempts so far and one more, in a fresh worker."""
        self._give_up()
        return [*before, self._attempt(item)]

    def settle(self) -> Iterator[tuple[Item, list[Attempt]]]:
        """The second opinions on everything that is held, the last first."""
        if self._held:
            self.retire()
        while self._held:
            item, first = self._held.pop()
            second = self._attempt(item)
            if second.alone or second.agrees(first):
                yield item, [first, second]
            else:
                yield item, self.again_alone(item, first, second)

    def retire(self) -> None:
        """Let the worker go; the next case gets a fresh one."""
        session = self._forget()
        if session is not None:
            session.close()

    def _attempt(self, item: Item) -> Attempt:
        session = self._warm(item.target)
        history = tuple(self._history)
        seen = session.observe(item)
        if self._house.stopping():
            raise Stopped
        attempt = Attempt(seen, self.worker, history)
        self._history.append(item.case)
        if not session.alive:
            self._give_up()
        return attempt

    def _is_sound(self) -> bool:
        """Whether the worker can still do what it did before."""
        return self._sound is not None and self._attempt(self._sound).seen.outcome == "PASS"

    def _warm(self, target: str) -> Session:
        if self._house.stopping():
            raise Stopped
        if self._session is not None and self._session.cut_off:
            self._give_up()
        if self._session is not None and self.target == target:
            return self._session
        self.retire()
        self._workers += 1
        self._session = self._house.open(target)
        self.target = target
        return self._session

    def _give_up(self) -> None:
        session = self._forget()
        if session is not None:
            session.kill()

    def _forget(self) -> Session | None:
        session, self._session, self._history = self._session, None, []
        self._sound = None
        return session
