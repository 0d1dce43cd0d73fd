"""The collector of reference cycles, held back while a run's records are in memory.

They are millions of objects, and none of them garbage: each full collection looks at them all.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Generator[None]:
    """No collections inside; what ran before runs again after."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
