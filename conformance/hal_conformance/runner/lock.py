"""One run a folder: a lock that the kernel drops when its process dies, however it dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hal.errors import InputError

NAME = ".lock"
_WINDOWS_BYTE = 1 << 20  # msvcrt locks bytes, and a locked byte cannot be read: not the pid's


class FolderLock:
    """Holds a folder for this process until `release`, or until the process ends.

    Raises:
        InputError: another process holds it; the message has its number.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._descriptor)
        except OSError as error:
            owner = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise InputError(
                f"another run (process {owner or 'unknown'}) is writing to {folder}; "
                "wait for it to end, or choose another folder with -o"
            ) from error
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the folder go; the lock's file stays, since removing it would be a race."""
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
