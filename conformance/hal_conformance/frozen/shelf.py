"""Where parts stand: read from the cache, and made there where they are missing."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import hal_conformance
from hal_conformance.corpus import default_cache
from hal_conformance.corpus.build import ONNX
from hal_conformance.corpus.values import CorpusError
from hal_conformance.frozen import parts
from hal_conformance.frozen.making import Order
from hal_conformance.frozen.question import Known, Question
from hal_conformance.frozen.workshop import Workshop
from hal_conformance.making import Progress, cores, in_silence

_PACKAGES = ("ml_dtypes", "numpy", "onnx")
_WRITERS = ("corpus", "frozen", "generated", "numerics")
_UNUSED_DAYS = 14.0
_Read = TypeVar("_Read")


class Shelf:
    """The parts of all corpora that this very code makes with the packages installed.

    Args:
        cache: where corpora are kept; None for the usual place.
        jobs: how many processes make parts; None for the cores.
    """

    def __init__(
        self, cache: str | os.PathLike[str] | None = None, jobs: int | None = None
    ) -> None:
        self.cache = Path(cache) if cache is not None else default_cache()
        self._jobs = jobs or cores()
        self._questions: dict[str, dict[str, Question]] = {}
        self._bounds: dict[tuple[str, str], tuple[dict[str, Any], memoryview]] = {}
        self._mutex = threading.RLock()

    @cached_property
    def folder(self) -> Path:
        """Where the files lie."""
        folder = self.cache / f"frozen-{ONNX}-{_key()}"
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        _sweep(folder)
        return folder

    def prepare(
        self, wanted: Iterable[str], arithmetics: Sequence[str], progress: Progress
    ) -> None:
        """Make what is missing of these parts.

        Raises:
            CorpusError: one could not be made.
        """
        orders = [order for part in wanted for order in self._missing(part, arithmetics)]
        if not orders:
            return
        with Workshop(min(self._jobs, len(orders))) as workshop:
            for _ in workshop.make(orders, progress):
                pass

    def _missing(self, part: str, arithmetics: Sequence[str]) -> Iterator[Order]:
        kinds = [parts.QUESTIONS] if not part.startswith("onnx/") else []
        has = {kind: self._file(part, kind).exists() for kind in (*kinds, *arithmetics)}
        if not all(has.values()):
            left = [name for name in arithmetics if not has[name]]
            yield Order(self.folder, part, left, str(self.cache))

    def questions(self, part: str) -> Mapping[str, Question]:
        """The cases of a part."""
        with self._mutex:
            found = self._questions.get(part)
            if found is None:
                found = self._read(part, parts.QUESTIONS, parts.read_questions)
                self._questions[part] = found
            return found

    def known(self, part: str, question: Question, arithmetic: str) -> list[Known]:
        """What is known of the outputs of each data set of a case under an arithmetic."""
        with self._mutex:
            found = self._bounds.get((part, arithmetic))
            if found is None:
                found = self._read(part, arithmetic, parts.read_bounds)
                self._bounds[part, arithmetic] = found
        entries, content = found
        return parts.known_of(question, entries[question.id], content, arithmetic)

    def _read(self, part: str, kind: str, read: Callable[[Path], _Read]) -> _Read:
        place = self._file(part, kind)
        with suppress(FileNotFoundError):
            try:
                return read(place)
            except CorpusError:
                place.unlink()  # damaged: made again
        self.prepare([part], [] if kind == parts.QUESTIONS else [kind], in_silence)
        return read(place)

    def _file(self, part: str, kind: str) -> Path:
        return parts.file_of(self.folder, part, kind)


def _key() -> str:
    """A hash of the code and the packages that decide what a file holds."""
    hashed = hashlib.sha256(repr([(p, metadata.version(p)) for p in _PACKAGES]).encode())
    root = Path(hal_conformance.__file__).parent
    for package in _WRITERS:
        for path in sorted((root / package).rglob("*.py")):
            hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]


def _sweep(folder: Path) -> None:
    """Remove what other versions made and nobody has used for two weeks."""
    for other in folder.parent.glob("frozen-*"):
        with suppress(OSError):
            if other != folder and time.time() - other.stat().st_mtime > _UNUSED_DAYS * 86400:
                shutil.rmtree(other, ignore_errors=True)
