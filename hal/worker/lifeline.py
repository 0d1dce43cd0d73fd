"""A worker dies with its parent, even while a vendor's library holds the interpreter.

The parent keeps the writing end of a pipe, which nobody writes to: the kernel closes it when
the parent ends, however it ends. On Linux the kernel then kills the worker's whole process
group, so that a vendor's own child processes go too; a thread that waits on the pipe ends the
worker on other systems, as long as the interpreter runs.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

_F_SETSIG = 10  # <asm-generic/fcntl.h>; Python's fcntl does not name it


def hold(descriptor: int) -> None:
    """Die when the other end of the pipe `descriptor` closes."""
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
    threading.Thread(target=_wait, args=(descriptor,), name="hal-lifeline", daemon=True).start()


def _wait(descriptor: int) -> None:
    try:
        os.read(descriptor, 1)
    except OSError:  # a vendor closed it: nothing left to hold on to
        return
    os._exit(1)
