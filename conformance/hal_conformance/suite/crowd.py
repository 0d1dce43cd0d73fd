"""Running things at once, and not waiting for ever for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic

PATIENCE_S = 30.0


def for_a_while(times: int, patience_s: float = PATIENCE_S / 3) -> Iterator[int]:
    """Count from 0 to below `times`, or until time is over: being slow breaks no promise."""
    end = monotonic() + patience_s
    for number in range(times):
        yield number
        if monotonic() > end:
            return


def at_once(jobs: Sequence[Callable[[], None]]) -> None:
    """Start every job at the same moment, a thread each; fail with the first that fails.

    Raises:
        AssertionError: a job failed an assertion, or is not done in `PATIENCE_S`.
        Exception: what else a job raised.
    """
    start = threading.Barrier(len(jobs))
    failures: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            start.wait(PATIENCE_S)
            job()
        except BaseException as error:  # noqa: BLE001  raised again by the caller's thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    if failures:
        raise failures[0]
    stuck = sum(thread.is_alive() for thread in threads)
    if stuck:
        raise AssertionError(
            f"{stuck} of {len(threads)} threads are not done after {PATIENCE_S:.0f} s"
        )
