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
from hal_conformance.runner.outcome import record
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
        slot = Slot(number, self._bench.open, self._bench.stopping)
        try:
            while (item := self._next()) is not None:
                self._one(slot, item)
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

    def _one(self, slot: Slot, item: Item) -> None:
        self._journal.start(item.target, item.case)
        try:
            attempts = slot.run(item)
        except HALError as error:
            with self._mutex:
                self.lost[item.target] = error
            return
        facts = self._bench.suites[item.suite].facts(item.case)
        final = record(item.target, item.case, facts, attempts)
        self._journal.end(final)
        self._progress.ended(final)


@contextmanager
def _quick_hand_over() -> Generator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(HAND_OVER_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
