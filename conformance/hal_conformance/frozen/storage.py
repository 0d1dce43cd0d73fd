"""A file of a part: an index in JSON and packed arrays, written whole and checked when opened.

8 bytes     "halpart1"
32 bytes    SHA-256 of everything after this header
8 bytes     the length of the index, little endian
index       JSON, padded with spaces to a multiple of 64 bytes
arrays      as corpus/values.py packs them
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hal_conformance.corpus.values import CorpusError

MAGIC = b"halpart1"
_HEADER = struct.Struct("<8s32sQ")


def write(path: Path, index: Any, content: bytes) -> None:
    """Write the file, whole or not at all."""
    text = json.dumps(index, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + _HEADER.size) % 64)
    digest = hashlib.sha256(text)
    digest.update(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_HEADER.pack(MAGIC, digest.digest(), len(text)))
            file.write(text)
            file.write(content)
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def read(path: Path) -> tuple[Any, memoryview]:
    """The index, and the packed arrays as a mapped file.

    Raises:
        FileNotFoundError: there is none. CorpusError: it is damaged.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < _HEADER.size:
            raise CorpusError(f"{path} is damaged: it is too short")
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    magic, digest, length = _HEADER.unpack(mapped[: _HEADER.size])
    rest = mapped[_HEADER.size :]
    if magic != MAGIC or hashlib.sha256(rest).digest() != digest:
        raise CorpusError(f"{path} is damaged: its hash is not the one that was written")
    return json.loads(bytes(rest[:length])), rest[length:]
