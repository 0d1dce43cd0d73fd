"""A corpus on disk: how it is written, and how it is opened again.

    manifest.json    what corpus this is; the size and hash of each file below
    index.json       the cases, without their values
    data.bin         the values, packed (values.py)
    rows.jsonl       an IndexRow a case, in the order of the index
    models/HASH.onnx

`Part` collects cases and writes a part; `join` makes a corpus of parts; `read` opens it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hal.spec import ModelFacts
from hal.tensor import Tensor, Value
from hal_conformance.corpus.case import DataSet
from hal_conformance.corpus.values import (
    CorpusError,
    Description,
    Packer,
    content_of,
    described,
)

FORMAT = 1
MANIFEST, INDEX, DATA, ROWS, MODELS = (
    "manifest.json",
    "index.json",
    "data.bin",
    "rows.jsonl",
    "models",
)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A case before it is stored."""

    id: str
    suite: str
    model: bytes
    facts: ModelFacts
    row: Mapping[str, Any]
    rtol: float
    atol: float
    datasets: Sequence[DataSet]
    judged_by: tuple[str, ...] = ("standard",)


def digest(content: bytes | memoryview) -> str:
    """The hash of some bytes, with its prefix."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _compact(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":"), sort_keys=True).encode()


class Part:
    """Some cases of a corpus, written to files of their own by a process of its own."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._number = number
        self._packer = Packer()
        self._names: list[list[str]] = []
        self._entries: list[bytes] = []
        self._rows: list[bytes] = []

    def add(self, source: Source) -> None:
        """Store one case."""
        model = hashlib.sha256(source.model).hexdigest()
        _model_path(self._folder, model).write_bytes(source.model)
        identity = case_hash(source, model)
        goldens = digest(_compact([_exact(data.expected) for data in source.datasets]))
        self._names.append([source.id, identity, goldens])
        self._entries.append(_compact(self._entry(source, identity, model)))
        row = {**source.row, "case": source.id, "case_hash": identity}
        self._rows.append(_compact(row))

    def _entry(self, source: Source, identity: str, model: str) -> Json:
        return {
            "id": source.id,
            "hash": identity,
            "suite": source.suite,
            "model": model,
            "size": len(source.model),
            "facts": source.facts.to_json(),
            "rtol": source.rtol,
            "atol": source.atol,
            "judged_by": source.judged_by,
            "part": self._number,
            "datasets": [self._dataset(data) for data in source.datasets],
        }

    def _dataset(self, data: DataSet) -> Description:
        feeds = [[name, self._packer.add(value)] for name, value in data.feeds.items()]
        return [feeds, [self._packer.add(value) for value in data.expected]]

    def write(self) -> None:
        """Write what was collected."""
        for kind, content in (
            ("names", _compact(self._names)),
            ("cases", b"\n".join(self._entries)),
            ("rows", b"\n".join(self._rows)),
            ("values", self._packer.content()),
        ):
            (self._folder / f"part-{self._number}.{kind}").write_bytes(content)


def _model_path(folder: Path, name: str) -> Path:
    return folder / MODELS / f"{name}.onnx"


def case_hash(source: Source, model: str) -> str:
    """What the case asks: it does not change where only the last bits of a golden do."""
    return digest(
        _compact(
            {
                "model": model,
                "rtol": source.rtol,
                "atol": source.atol,
                "judged_by": source.judged_by,
                "datasets": [
                    [
                        [[name, described(v, _by_value)] for name, v in d.feeds.items()],
                        [described(value, _by_type) for value in d.expected],
                    ]
                    for d in source.datasets
                ],
            }
        )
    )


def _exact(values: Iterable[Value]) -> list[Description]:
    return [described(value, _by_value) for value in values]


def _by_value(tensor: Tensor) -> Description:
    content = hashlib.sha256(content_of(tensor)).hexdigest()
    return [tensor.dtype.name, list(tensor.shape), content]


def _by_type(tensor: Tensor) -> Description:
    """Exactly for whole numbers, booleans and text; type and shape for floating point.

    NumPy's vector paths move the last bits of floating point goldens from one CPU to another.
    """
    if tensor.dtype.name.startswith(("float", "bfloat", "complex")):
        return [tensor.dtype.name, list(tensor.shape)]
    return _by_value(tensor)


def join(folder: Path, parts: int, suite: str, versions: Mapping[str, str]) -> int:
    """Make a corpus of the parts in `folder`, and count its cases.

    A case that two parts hold, because a module imports another, must be the same in both.

    Raises:
        CorpusError: two parts disagree.
    """
    cases, values = _gather(folder, parts)
    order = sorted(cases)
    files = {
        DATA: b"".join(values),
        INDEX: b"[" + b",\n".join(cases[key].entry for key in order) + b"]\n",
        ROWS: b"".join(cases[key].row + b"\n" for key in order),
    }
    manifest = {
        "format": FORMAT,
        "suite": suite,
        "versions": dict(versions),
        "hash": digest(_compact([[key, cases[key].hashes[0]] for key in order])),
        "goldens": digest(_compact([[key, cases[key].hashes[1]] for key in order])),
        "bases": [sum(map(len, values[:number])) for number in range(parts)],
        "files": {name: [len(content), digest(content)] for name, content in files.items()},
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / MANIFEST).write_bytes(json.dumps(manifest, indent=1).encode() + b"\n")
    return len(order)


@dataclass(frozen=True, slots=True)
class _Joined:
    """A case as its part wrote it; `hashes` are its own and that of its goldens."""

    hashes: list[str]
    entry: bytes
    row: bytes


def _gather(folder: Path, parts: int) -> tuple[dict[str, _Joined], list[bytes]]:
    """The cases of all parts, and the packed values of each."""
    cases: dict[str, _Joined] = {}
    values: list[bytes] = []
    for number in range(parts):
        names, entries, rows, packed = _take(folder, number)
        values.append(packed)
        for (key, *hashes), entry, row in zip(names, entries, rows, strict=True):
            if cases.setdefault(key, _Joined(hashes, entry, row)).hashes != hashes:
                raise CorpusError(f"{key} was generated twice, and differently")
    return cases, values


def _take(folder: Path, number: int) -> tuple[list[list[str]], list[bytes], list[bytes], bytes]:
    """The contents of a part, which is removed."""
    paths = [folder / f"part-{number}.{kind}" for kind in ("names", "cases", "rows", "values")]
    names, cases, rows, values = (path.read_bytes() for path in paths)
    for path in paths:
        path.unlink()
    return json.loads(names), cases.splitlines(), rows.splitlines(), values
