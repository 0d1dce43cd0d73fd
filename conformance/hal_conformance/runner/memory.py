"""Ending a worker before it takes the machine's memory with it.

The resident memory of every watched process is read many times a second, from /proc; where there
is none, as on macOS and Windows, nothing is watched and the operating system's own limits hold.
Address-space limits would be stricter but break drivers, which reserve far more than they use.
Only the worker itself is counted, not processes that it starts.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

PERIOD_S = 0.05
SHARE = 0.75  # of the machine's memory, for all workers together
SMALLEST = 1 << 30


@dataclass(slots=True)
class Watched:
    """One worker; `verdict` is set when it was ended, before it was."""

    pid: int
    limit: int
    verdict: str | None = None


class MemoryWatch:
    """One thread that reads the memory of all workers; `close` ends it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._watched: dict[int, Watched] = {}
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="hal-memory", daemon=True)
        self._thread.start()

    def watch(self, pid: int) -> Watched:
        """Begin to watch a process of ours that has not been waited for."""
        watched = Watched(pid, self.limit)
        with self._mutex:
            self._watched[pid] = watched
        return watched

    def forget(self, watched: Watched) -> None:
        """Stop watching it; call this before its process number can be used again."""
        with self._mutex:
            self._watched.pop(watched.pid, None)

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._over.wait(PERIOD_S):
            with self._mutex:
                for watched in list(self._watched.values()):
                    _check(watched)


def _check(watched: Watched) -> None:
    resident = resident_bytes(watched.pid)
    if watched.verdict is None and resident is not None and resident > watched.limit:
        watched.verdict = (
            f"the worker held {resident >> 20} MiB; its limit is {watched.limit >> 20} MiB"
        )
        os.kill(watched.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def resident_bytes(pid: int) -> int | None:
    """The resident memory of a process; None where it cannot be told."""
    try:
        text = Path(f"/proc/{pid}/statm").read_text("ascii")
    except OSError:
        return None
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def default_limit(jobs: int) -> int:
    """A worker's fair share of this machine's memory, in bytes."""
    return max(SMALLEST, int(machine_bytes() * SHARE / jobs))


def machine_bytes() -> int:
    """The memory of this machine, or of this process's control group if that is less."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        whole = 8 << 30
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
    except OSError:
        return whole
    return min(whole, int(text)) if text.isdecimal() else whole
