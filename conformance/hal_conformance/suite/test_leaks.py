"""Nothing is left behind: memory, descriptors and threads over hundreds of rounds.

A round is compile, run, close. The model's weight and result are a quarter of a megabyte each,
so a device that keeps either of them grows faster than any allocator does once it is warm.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from hal.device import Device
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import Skip, promise

ROUNDS = 500
PATIENCE_S = 60.0  # a device that compiles slowly is judged by fewer rounds
FEWEST = 60
SAMPLED = 20  # collecting garbage takes longer than a round does
SIZE = 1 << 16  # elements of the weight, and of the result


@promise("leaks/memory-of-programs", timeout_s=150)
def test_compiling_running_and_closing_leaks_no_memory(device: Device, zoo: Zoo) -> None:
    rounds = _rounds(device, zoo)
    _stays_flat(rounds, ROUNDS, zoo.dtype.numpy.itemsize * SIZE, "round")


@promise("leaks/memory-of-runs", timeout_s=150)
def test_running_leaks_no_memory(device: Device, zoo: Zoo) -> None:
    x = zoo.array([1] * SIZE)
    with device.compile(zoo.heavy(SIZE)) as exe:
        _stays_flat(lambda: exe({"x": x}), ROUNDS, x.nbytes, "run")


@promise("leaks/descriptors", timeout_s=150)
def test_no_descriptor_stays_open(device: Device, zoo: Zoo) -> None:
    _stays_equal(_rounds(device, zoo), _descriptors, "open descriptors")


@promise("leaks/threads", timeout_s=150)
def test_no_thread_stays_alive(device: Device, zoo: Zoo) -> None:
    _stays_equal(_rounds(device, zoo), _threads, "live threads")


def _rounds(device: Device, zoo: Zoo) -> Callable[[], object]:
    model, x = zoo.heavy(SIZE), zoo.array([1] * SIZE)

    def one() -> None:
        with device.compile(model) as exe:
            exe({"x": x})
            exe.submit({"x": x}).result()

    return one


def _repeat(action: Callable[[], object], times: int) -> Iterator[int]:
    """Act again and again, and say how often; stops early when patience ends."""
    end = monotonic() + PATIENCE_S
    for done in range(1, times + 1):
        action()
        yield done
        if done >= FEWEST and monotonic() > end:
            return


def _stays_flat(action: Callable[[], object], times: int, grain: int, unit: str) -> None:
    """Fail if the process grows by more than an eighth of `grain` a round, once it is warm.

    Memory is read after Python has collected its garbage. The first half of the rounds is
    warm-up; of the second half, the least seen early is compared with the least seen late, so
    that a single peak accuses nobody.
    """
    if _resident() is None:
        raise Skip("this system does not tell a process's resident memory")
    seen: list[int] = []
    done = 0
    for done in _repeat(action, times):
        if done % SAMPLED == 0:
            gc.collect()
            seen.append(_resident() or 0)
    half, few = len(seen) // 2, max(1, len(seen) // 8)
    early, late = min(seen[half : half + few]), min(seen[-few:])
    growth = (late - early) / (SAMPLED * (len(seen) - half - few))
    if growth > grain / 8:
        raise AssertionError(
            f"the process grew by {growth / 1024:.0f} KiB a {unit} in the second half of "
            f"{done}; the weight and the result are {grain / 1024:.0f} KiB each"
        )


def _stays_equal(
    action: Callable[[], object], count: Callable[[], int | None], what: str
) -> None:
    """Fail if the count rises by one in ten rounds or faster, once it is warm."""
    if count() is None:
        raise Skip(f"this system does not tell the number of {what}")
    seen = [count() or 0 for _ in _repeat(action, ROUNDS // 5)]
    half = len(seen) // 2
    rounds = len(seen) - 1 - half
    growth = min(seen[-5:]) - min(seen[half : half + 5])
    if growth * 10 >= rounds:
        raise AssertionError(
            f"{growth} more {what} over the last {rounds} of {len(seen)} rounds"
        )


def _resident() -> int | None:
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _descriptors() -> int | None:
    for folder in ("/proc/self/fd", "/dev/fd"):
        if os.path.isdir(folder):
            return len(os.listdir(folder))
    return None


def _threads() -> int | None:
    """Threads of the process, the vendor's own included where the system tells."""
    folder = "/proc/self/task"
    return len(os.listdir(folder)) if os.path.isdir(folder) else threading.active_count()
