"""What a vendor prints: descriptor 1 seen from below, since C code does not ask sys.stdout.

Loads with the standard library alone, on Python 3.10.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def captured_stdout() -> Generator[Callable[[], bytes], None, None]:
    """Point descriptor 1 at a file; once the block has ended, the value tells what was written.

    A file, not a pipe: who prints may hold the interpreter's lock, and nobody would read.
    """
    _flush()
    kept = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        content: list[bytes] = []

        def printed() -> bytes:
            return b"".join(content)

        try:
            yield printed
        finally:
            _flush()
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            content.append(file.read())


def _flush() -> None:
    """Let go of what C and Python hold back."""
    sys.stdout.flush()
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)
