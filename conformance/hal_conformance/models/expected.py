"""Typical bounds, kept: made once for a model, its input and an arithmetic, then read.

    CACHE/models/KEY/CASE-HASH.ARITHMETIC

KEY stands for the code and the packages that decide what a bound is; what other versions made
and nobody has used for two weeks is removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import suppress
from functools import cached_property
from importlib import metadata
from pathlib import Path

import hal_conformance
from hal.paths import cache_folder
from hal_conformance.corpus.values import CorpusError, Packer
from hal_conformance.frozen import quantities, storage
from hal_conformance.models.cases import Case
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.pair import Quantity
from hal_conformance.numerics.typical import typical

_PACKAGES = ("ml_dtypes", "numpy", "onnx")
_UNUSED_DAYS = 14.0


class Bounds:
    """The bounds of cases, from the cache or made there.

    Args:
        cache: the folder of all of them; None for the usual place.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache or cache_folder() / "models"

    def of(self, case: Case, name: str) -> list[Quantity]:
        """The outputs of a case with their bounds under the arithmetic of that name.

        Raises:
            Missing: the model or its input is not here.
        """
        place = self._folder / f"{case.hash[:32]}.{name}"
        with suppress(FileNotFoundError):
            try:
                index, content = storage.read(place)
                return [quantities.read(one, content) for one in index]
            except CorpusError:
                place.unlink()  # damaged: made again
        made = typical(case.proto, case.quantities, arithmetic(name))
        packer = Packer()
        index = [quantities.pack(one, packer) for one in made]
        storage.write(place, index, packer.content())
        return made

    @cached_property
    def _folder(self) -> Path:
        folder = self._cache / key()
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        for other in self._cache.iterdir():
            with suppress(OSError):
                unused = time.time() - other.stat().st_mtime
                if other != folder and unused > _UNUSED_DAYS * 86400:
                    shutil.rmtree(other, ignore_errors=True)
        return folder


def key() -> str:
    """A hash of the code and the packages that decide what a bound is."""
    hashed = hashlib.sha256(repr([(p, metadata.version(p)) for p in _PACKAGES]).encode())
    for path in sorted((Path(hal_conformance.__file__).parent / "numerics").rglob("*.py")):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]
