"""What everything that makes cases in processes of its own has in common."""

from __future__ import annotations

import os
from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""

ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    # One thread a process: both cores are in use, and sums come out in one order.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
"""What processes that make cases are started with."""


def in_silence(done: int, of: int) -> None:
    """Tell nobody."""


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
