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
        self._entries: list[Json] = []
        self._rows: list[Json] = []

    def add(self, source: Source) -> None:
        """Store one case."""
        name = hashlib.sha256(source.model).hexdigest()
        _model_path(self._folder, name).write_bytes(source.model)
        identity = case_hash(source, name)
        self._entries.append(
            {
                "id": source.id,
                "hash": identity,
                "suite": source.suite,
                "model": name,
                "size": len(source.model),
                "facts": source.facts.to_json(),
                "rtol": source.rtol,
                "atol": source.atol,
                "judged_by": source.judged_by,
                "goldens": digest(_compact([_exact(d.expected) for d in source.datasets])),
                "datasets": [
                    [
                        [[key, self._packer.add(value)] for key, value in d.feeds.items()],
                        [self._packer.add(value) for value in d.expected],
                    ]
                    for d in source.datasets
                ],
            }
        )
        self._rows.append({**source.row, "case": source.id, "case_hash": identity})

    def write(self) -> None:
        """Write what was collected."""
        content = {"cases": self._entries, "rows": self._rows}
        (self._folder / f"part-{self._number}.bin").write_bytes(self._packer.content())
        (self._folder / f"part-{self._number}.json").write_bytes(_compact(content))


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
    entries, rows, data = _gather(folder, parts)
    order = sorted(entries)
    _write(folder, DATA, b"".join(data))
    _write(folder, INDEX, _compact([entries[key] for key in order]))
    _write(folder, ROWS, b"".join(_compact(rows[key]) + b"\n" for key in order))
    manifest = {
        "format": FORMAT,
        "suite": suite,
        "versions": dict(versions),
        "hash": digest(_compact([[key, entries[key]["hash"]] for key in order])),
        "goldens": digest(_compact([[key, entries[key]["goldens"]] for key in order])),
        "files": {name: _fingerprint(folder / name) for name in (INDEX, DATA, ROWS)},
    }
    _write(folder, MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")
    return len(order)


def _gather(folder: Path, parts: int) -> tuple[dict[str, Json], dict[str, Json], list[bytes]]:
    entries: dict[str, Json] = {}
    rows: dict[str, Json] = {}
    data: list[bytes] = []
    base = 0
    for number in range(parts):
        description, packed = (folder / f"part-{number}.{kind}" for kind in ("json", "bin"))
        content = json.loads(description.read_bytes())
        for entry, row in zip(content["cases"], content["rows"], strict=True):
            known = entries.setdefault(entry["id"], {**entry, "base": base})
            rows.setdefault(entry["id"], row)
            if known["hash"] != entry["hash"] or known["goldens"] != entry["goldens"]:
                raise CorpusError(f"{entry['id']} was generated twice, and differently")
        data.append(packed.read_bytes())
        base += len(data[-1])
        description.unlink()
        packed.unlink()
    return entries, rows, data


def _write(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)


def _fingerprint(path: Path) -> list[Any]:
    content = path.read_bytes()
    return [len(content), digest(content)]
