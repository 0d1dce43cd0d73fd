"""The worker's side of a conversation over standard input and output, as SSH gives them.

Standard library alone. `guard` comes first, before anything is loaded; `Pipes` is what the
channel then talks over.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import tempfile
from contextlib import suppress


class Pipes:
    """Standard input and output as one stream; descriptors 0 and 1 are then the vendor's."""

    def __init__(self) -> None:
        self._input, self._output = os.dup(0), os.dup(1)  # not inherited by its children
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def recv(self, size: int) -> bytes:
        """What has arrived, at most that much; nothing at the end."""
        return os.read(self._input, size)

    def recv_into(self, buffer: memoryview) -> int:
        """Fill a buffer with what has arrived; how much that was."""
        return os.readv(self._input, [buffer])

    def sendall(self, data: bytes | memoryview) -> None:
        """Write all of it."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._output, view) :]

    def settimeout(self, seconds: float | None) -> None:
        """Nothing: the worker waits for its client as long as the connection stands."""

    def close(self) -> None:
        """Close both."""
        os.close(self._input)
        os.close(self._output)


def guard() -> None:
    """Leave a small process behind that ends this one with all it starts, once nobody listens.

    The connection's end, or this process's own, is what it waits for. It then kills the whole
    process group, even while a vendor's library holds the interpreter, and removes the folder
    of temporary files, which from here on is a new one.
    """
    scratch = tempfile.mkdtemp(prefix="onnx-hal-")
    tempfile.tempdir = os.environ["TMPDIR"] = scratch
    worker = os.getpid()
    if os.getpgrp() != worker:
        os.setpgid(0, 0)
    watched, held = os.pipe()
    if os.fork():
        os.close(watched)  # `held` stays open, and closes with this process
        return
    try:
        os.setsid()
        os.close(held)
        _wait(watched)
    finally:
        _end(worker, scratch)
        os._exit(0)


def _wait(worker: int) -> None:
    """Until the pipe from the worker, or standard input, is hung up."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # else the other side would not see the worker's own end
    os.dup2(nothing, 2)
    poll = select.poll()
    poll.register(worker, 0)
    poll.register(0, 0)
    poll.poll()


def _end(worker: int, scratch: str) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody is left of it
        os.killpg(worker, signal.SIGKILL)
    shutil.rmtree(scratch, ignore_errors=True)
