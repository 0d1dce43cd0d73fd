"""The files a worker needs on another machine: `hal` and the adapter's package, as one archive.

The archive is named by its own hash, so that a machine which has it is not sent it again, and
two versions do not meet.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hal.worker.staging import source

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = frozenset({"__pycache__", "scaffold"})


@dataclass(frozen=True, slots=True)
class Pack:
    """A zip archive and the SHA-256 of its bytes."""

    data: bytes
    digest: str


@lru_cache(maxsize=8)
def pack(module: str) -> Pack:
    """The archive for a worker whose adapter lies in that module.

    Raises:
        AdapterError: the module's package is not found.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in (source("hal"), source(module.partition(".")[0])):
            for path in sorted(_files(package)):
                name = path.relative_to(package.parent).as_posix()
                archive.writestr(_entry(name), path.read_bytes())
    data = stream.getvalue()
    return Pack(data, hashlib.sha256(data).hexdigest())


def _files(package: Path) -> Iterator[Path]:
    if package.is_file():
        yield package
        return
    for path in package.rglob("*"):
        if path.is_file() and _LEFT_OUT.isdisjoint(path.relative_to(package).parts):
            yield path


def _entry(name: str) -> zipfile.ZipInfo:
    """The same for the same file, whenever and wherever it was written."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
