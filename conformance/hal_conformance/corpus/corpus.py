"""A corpus that was built: its cases, their values, their index rows."""

from __future__ import annotations

import gc
import json
import mmap
import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal.errors import InputError
from hal.spec import ModelFacts
from hal_conformance.corpus.case import Case, DataSet
from hal_conformance.corpus.folder import (
    DATA,
    FORMAT,
    INDEX,
    MANIFEST,
    MODELS,
    ROWS,
    Json,
    digest,
)
from hal_conformance.corpus.values import CorpusError, unpack

if TYPE_CHECKING:
    from hal_conformance.records import IndexRow


class Corpus:
    """An immutable set of cases in a folder; open it with `Corpus.open`.

    `hash` covers the ids and hashes of all cases; `goldens` the exact bits of what is expected,
    which differ in their last places from one CPU to another; `versions` are those of the
    packages that it was made with; `cases` are sorted by id.
    """

    def __init__(
        self, folder: Path, manifest: Json, entries: Sequence[Json], data: memoryview
    ) -> None:
        self.folder = folder
        self.suite: str = manifest["suite"]
        self.hash: str = manifest["hash"]
        self.goldens: str = manifest["goldens"]
        self.versions: Mapping[str, str] = manifest["versions"]
        self.cases: tuple[Case, ...] = tuple(_case(folder, entry) for entry in entries)
        self._manifest = manifest
        self._by_id = {case.id: case for case in self.cases}
        bases = manifest["bases"]
        self._values = {e["id"]: (bases[e["part"]], e["datasets"]) for e in entries}
        self._data = data
        self._rows: dict[str, bytes] | None = None

    @classmethod
    def open(cls, folder: Path) -> Corpus:
        """The corpus in a folder, after checking that every byte of it is what was written.

        Raises:
            CorpusError: there is none, it is damaged, or it is of another format.
        """
        try:
            with _no_collection():
                return cls._open(folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorpusError(f"the corpus in {folder} is damaged: {error}") from error

    @classmethod
    def _open(cls, folder: Path) -> Corpus:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT:
            raise CorpusError(f"the corpus in {folder} has format {manifest['format']}")
        data = _mapped(folder / DATA)
        _check(folder / DATA, data, manifest)
        index = (folder / INDEX).read_bytes()
        _check(folder / INDEX, index, manifest)
        entries = json.loads(index)
        _check_models(folder, entries)
        if (folder / ROWS).stat().st_size != manifest["files"][ROWS][0]:
            raise CorpusError(f"{folder / ROWS} is damaged: it has another size")
        return cls(folder, manifest, entries, data)

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def case(self, case_id: str) -> Case:
        """The case of that id.

        Raises:
            InputError: there is none.
        """
        found = self._by_id.get(case_id)
        if found is None:
            raise InputError(f"no case {case_id!r} among the {len(self)} of {self.suite}")
        return found

    def load(self, case: Case) -> Sequence[DataSet]:
        """The values of a case; arrays are read-only views of the mapped file.

        Raises:
            CorpusError: the model file is no longer what was written.
        """
        if digest(case.model.read_bytes()) != f"sha256:{case.model_digest}":
            raise CorpusError(f"{case.model} was changed; delete {self.folder} and run again")
        base, sets = self._values[case.id]
        return [
            DataSet(
                {name: unpack(value, self._data, base) for name, value in feeds},
                tuple(unpack(value, self._data, base) for value in expected),
            )
            for feeds, expected in sets
        ]

    def index_rows(self, cases: Iterable[Case]) -> list[IndexRow]:
        """What each case exercises, node by node; read from disk at the first call."""
        from pydantic import TypeAdapter

        from hal_conformance.records import IndexRow

        if self._rows is None:
            content = (self.folder / ROWS).read_bytes()
            _check(self.folder / ROWS, content, self._manifest)
            lines = content.splitlines()
            self._rows = {case.id: line for case, line in zip(self.cases, lines, strict=True)}
        asked = b",".join(self._rows[case.id] for case in cases)
        return TypeAdapter(list[IndexRow]).validate_json(b"[" + asked + b"]")

    def __repr__(self) -> str:
        return f"Corpus({self.suite}, {len(self)} cases, {self.hash})"


def _case(folder: Path, entry: Json) -> Case:
    return Case(
        id=entry["id"],
        hash=entry["hash"],
        suite=entry["suite"],
        model=Path(f"{folder}/{MODELS}/{entry['model']}.onnx"),
        model_digest=entry["model"],
        facts=ModelFacts.from_json(entry["facts"]),
        rtol=entry["rtol"],
        atol=entry["atol"],
        datasets=len(entry["datasets"]),
        judged_by=tuple(entry["judged_by"]),
    )


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _check(path: Path, content: bytes | memoryview, manifest: Json) -> None:
    size, expected = manifest["files"][path.name]
    if len(content) != size or digest(content) != expected:
        raise CorpusError(f"{path} is damaged: its hash is not the one that was written")


def _check_models(folder: Path, entries: Sequence[Json]) -> None:
    """Whether each model is there and has its size; `Corpus.load` checks its bytes."""
    with os.scandir(folder / MODELS) as files:
        sizes: dict[str, Any] = {file.name: file.stat().st_size for file in files}
    for entry in entries:
        if sizes.get(f"{entry['model']}.onnx") != entry["size"]:
            raise CorpusError(f"the model of {entry['id']} is missing or damaged")


@contextmanager
def _no_collection() -> Generator[None]:
    """Without the garbage collector, which would walk all the new objects in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
