"""How much a process grows from run to run, once it is warm."""

from __future__ import annotations

import gc
import os
from pathlib import Path

SAMPLES = 16


class Gauge:
    """Reads the process's resident memory now and then.

    The first half of the readings is warm-up; the least of those that follow is compared with
    the least of the last, so that a single peak says nothing.
    """

    def __init__(self, runs: int) -> None:
        self._every = max(1, runs // SAMPLES)
        self._seen: list[int] = []

    def after(self, run: int) -> None:
        """A run has ended; the first is 1."""
        if run % self._every == 0:
            gc.collect(0)
            self._seen.append(resident() or 0)

    def growth(self) -> float | None:
        """Bytes a run, None where there are too few readings or the system tells nothing."""
        half, few = len(self._seen) // 2, max(1, len(self._seen) // 8)
        if half <= few or not self._seen[0]:
            return None
        early, late = min(self._seen[half : half + few]), min(self._seen[-few:])
        return (late - early) / (self._every * (len(self._seen) - half - few))


def resident() -> int | None:
    """The process's resident memory in bytes; None where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
