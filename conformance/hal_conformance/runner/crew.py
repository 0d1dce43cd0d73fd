"""The threads of a run: one a slot, taking items from one queue until it is empty.

The threads wait for workers, which do the computing; what runs between two waits is short, so
they are made to hand over the interpreter much sooner than Python's own five milliseconds.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from hal.errors import HALError
from hal_conformance.runner.bench import Bench
from hal_conformance.runner.journal import Journal
from hal_conformance.runner.outcome import Attempt, record
from hal_conformance.runner.plan import Item
from hal_conformance.runner.progress import Progress
from hal_conformance.runner.slot import Slot, Stopped

TICK_S = 0.1
HAND_OVER_S = 0.0005


class Crew:
    """Runs items to their final records, in the journal.

    `lost` says of each target that could not be opened again why not: its items stay open.
    """

    def __init__(
        self, bench: Bench, journal: Journal, items: Sequence[Item], progress: Progress
    ) -> None:
        self.lost: dict[str, HALError] = {}
        self._bench = bench
        self._journal = journal
        self._queue = deque(items)
        self._progress = progress
        self._mutex = threading.Lock()
        self._broken: BaseException | None = None

    def run(self, jobs: int) -> None:
        """Work until the queue is empty or the bench is stopped.

        Raises:
            BaseException: whatever broke a slot, once all have ended.
        """
        threads = [
            threading.Thread(target=self._work, args=(number,), name=f"hal-slot-{number}")
            for number in range(jobs)
        ]
        with _quick_hand_over():
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(TICK_S)
                    self._progress.tick()
        if self._broken is not None:
            raise self._broken

    def _work(self, number: int) -> None:
        session = self._journal.sessions
        name = f"w{number}" if session == 1 else f"w{number}@{session}"
        slot = Slot(name, self._bench, self._begun)
        try:
            while (item := self._next()) is not None:
                if slot.target not in (None, item.target):
                    self._settle(slot)
                self._one(slot, item)
            self._settle(slot)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001  raised again by `run`, in its thread
            self._broken = error
            self._bench.stop()
        finally:
            slot.retire()

    def _next(self) -> Item | None:
        with self._mutex:
            while self._queue and self._queue[0].target in self.lost:
                self._queue.popleft()
            return self._queue.popleft() if self._queue else None

    def _begun(self, item: Item, worker: str) -> None:
        self._journal.start(item.target, item.case, worker)

    def _one(self, slot: Slot, item: Item) -> None:
        known = self._journal.held.get((item.target, item.case))
        try:
            if known is None:
                attempts = slot.run(item)
            else:
                attempts = slot.again_alone(item, Attempt.kept(*known))
        except HALError as error:
            self._lose(item.target, error)
            return
        if slot.holds(item):
            self._journal.hold(item.target, item.case, attempts[0].keep())
        else:
            self._end(item, attempts)

    def _settle(self, slot: Slot) -> None:
        try:
            for item, attempts in slot.settle():
                self._end(item, attempts)
        except HALError as error:
            self._lose(str(slot.target), error)

    def _end(self, item: Item, attempts: list[Attempt]) -> None:
        facts = self._bench.suites[item.suite].facts(item.case)
        if "ops" in facts:  # it computes something
            facts["arithmetic"] = self._bench.headers[item.target]["arithmetic"]
        final = record(item.target, item.case, facts, attempts)
        self._journal.end(final)
        self._progress.ended(final)

    def _lose(self, target: str, error: HALError) -> None:
        with self._mutex:
            self.lost[target] = error


@contextmanager
def _quick_hand_over() -> Generator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(HAND_OVER_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
