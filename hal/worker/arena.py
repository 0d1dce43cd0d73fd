"""Memory two processes share, without a name that could outlive them.

An arena is an anonymous file (memfd on Linux, an unlinked temporary file on other POSIX
systems) whose descriptor travels over the socket. It vanishes with the last process that holds
it, kill -9 included. One side writes, the other reads, turn by turn.
"""

from __future__ import annotations

import mmap
import os
import socket
import tempfile

AVAILABLE = hasattr(socket, "send_fds") and hasattr(socket, "AF_UNIX")
THRESHOLD = 1 << 16
"""Buffers below this many bytes travel in the message itself."""

ALIGN = 64
"""Where buffers begin, for vector instructions."""


class Writer:
    """The side that owns the memory; it grows by being replaced."""

    def __init__(self) -> None:
        self._map: mmap.mmap | None = None

    def begin(self, size: int) -> int | None:
        """Make room for a message of `size` bytes; a new descriptor where the memory grew.

        Raises:
            MemoryError: there is no room.
        """
        if self._map is not None and len(self._map) >= size:
            return None
        if self._map is not None:
            self._map.close()
            self._map = None
        length = 1 << max(20, (size - 1).bit_length())
        try:
            descriptor, self._map = _anonymous(length)
        except OSError as error:
            raise MemoryError(f"no shared memory of {length} bytes: {error}") from error
        return descriptor

    def write(self, offset: int, buffer: memoryview) -> None:
        """Copy a buffer to its place."""
        if self._map is None:
            raise RuntimeError("begin() comes first")
        memoryview(self._map)[offset : offset + len(buffer)] = buffer


class Reader:
    """The side that reads what the other wrote."""

    def __init__(self) -> None:
        self._map: mmap.mmap | None = None

    def adopt(self, descriptor: int) -> None:
        """Use the memory behind a descriptor that arrived; the descriptor is closed."""
        try:
            self._map = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)

    def view(self, offset: int, length: int) -> memoryview:
        """A view of the other side's bytes, valid until its next message."""
        if self._map is None:
            raise RuntimeError("the other side named shared memory it never sent")
        return memoryview(self._map)[offset : offset + length]


def padded(length: int) -> int:
    """The length rounded up so that the next buffer is aligned for vector instructions."""
    return -(-length // ALIGN) * ALIGN


def _anonymous(length: int) -> tuple[int, mmap.mmap]:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("onnx-hal", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        os.ftruncate(descriptor, length)
        return descriptor, mmap.mmap(descriptor, length)
    except BaseException:
        os.close(descriptor)
        raise
