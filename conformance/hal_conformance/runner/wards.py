"""Wards: workers that are ended when the run stops, or when they take too much memory.

The resident memory of every ward is read many times a second, from /proc; where there is none,
as on macOS and Windows, nothing is watched and the operating system's own limits hold.
Address-space limits would be stricter but break drivers, which reserve far more than they use.
Only the worker itself is counted, not processes that it starts. On another machine nothing is
counted.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal.worker.client import WorkerAdapter

PERIOD_S = 0.05
SHARE = 0.75  # of the machine's memory, for all workers together
SMALLEST = 1 << 30


class Ward:
    """One worker process; `verdict` says why it was ended, before it is."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.verdict: str | None = None
        # A handle names this process for ever; its number may be another's once it is reaped.
        self._handle = os.pidfd_open(pid) if sys.platform == "linux" else -1

    def end(self) -> None:
        """Kill it now, from any thread; harmless where it has ended."""
        try:
            if sys.platform == "linux":
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGTERM)
        except OSError:
            return  # it has ended by itself

    def release(self) -> None:
        """Let go of the handle."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class DistantWard(Ward):
    """A worker on another machine, which can be ended and not watched."""

    def __init__(self, end: Callable[[], None]) -> None:
        self.pid = -1
        self.verdict = None
        self._cut = end

    def end(self) -> None:
        """Cut the connection, from any thread."""
        self._cut()

    def release(self) -> None:
        """Nothing is held."""


class MemoryWatch:
    """One thread that reads the memory of all wards; `close` ends it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._wards: set[Ward] = set()
        self._mutex = threading.RLock()  # `end_all` may interrupt its own thread, in a signal
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="hal-memory", daemon=True)
        self._thread.start()

    def add(self, pid: int) -> Ward:
        """Watch a child process of ours that has not been waited for."""
        ward = Ward(pid)
        with self._mutex:
            self._wards.add(ward)
        return ward

    def over(self, worker: WorkerAdapter) -> Ward:
        """Watch a worker, wherever it runs."""
        if worker.host is None:
            return self.add(worker.pid)
        ward = DistantWard(worker.end)
        with self._mutex:
            self._wards.add(ward)
        return ward

    def remove(self, ward: Ward) -> None:
        """Stop watching it."""
        with self._mutex:
            self._wards.discard(ward)
            ward.release()

    def end_all(self) -> None:
        """Kill every ward now."""
        with self._mutex:
            for ward in list(self._wards):
                ward.end()

    def close(self) -> None:
        """Stop watching."""
        self._over.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._over.wait(PERIOD_S):
            with self._mutex:
                for ward in self._wards:
                    self._check(ward)

    def _check(self, ward: Ward) -> None:
        resident = resident_bytes(ward.pid)
        if ward.verdict is None and resident is not None and resident > self.limit:
            held, limit = resident >> 20, self.limit >> 20
            ward.verdict = f"the worker held {held} MiB of memory; its limit is {limit} MiB"
            ward.end()


def resident_bytes(pid: int) -> int | None:
    """The resident memory of a process; None where it cannot be told."""
    try:
        text = Path(f"/proc/{pid}/statm").read_text("ascii")
    except OSError:
        return None
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") if text else None


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
