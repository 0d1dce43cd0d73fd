"""A results folder in and out: `run.json`, `results.jsonl`, `index.jsonl`.

`read` gives everything the reports, the merge and the gate work on. What a killed run may leave
behind (a torn last line, a case recorded twice) is listed in `Results.problems`; what no run
writes (no run.json, another schema, a damaged line in the middle) is an InputError.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from hal.errors import InputError
from hal_conformance.garbage import uncollected
from hal_conformance.records import (
    PART_OF_CORPUS,
    SCHEMA,
    CaseRecord,
    IndexRow,
    Outcome,
    RunHeader,
    TargetHeader,
)

HEADER = "run.json"
JOURNAL = "journal.jsonl"
RECORDS = "results.jsonl"
INDEX = "index.jsonl"

AT_ONCE = 2000
"""Lines that are parsed together."""

_Row = TypeVar("_Row", CaseRecord, IndexRow)
_RECORD_LIST = TypeAdapter(list[CaseRecord])
_INDEX_LIST = TypeAdapter(list[IndexRow])


@dataclass(frozen=True, slots=True)
class Results:
    """One run: its header, one final record a case and target, and the corpus rows it used.

    `problems` are sentences about what is damaged; `label` names the run beside others.
    """

    header: RunHeader
    records: tuple[CaseRecord, ...]
    index: tuple[IndexRow, ...] = ()
    problems: tuple[str, ...] = ()
    label: str = ""

    def of_target(self, target: str) -> list[CaseRecord]:
        """The records of one target, in the order they were written."""
        return [record for record in self.records if record.target == target]

    def target(self, name: str) -> TargetHeader:
        """The header of one target."""
        for header in self.header.targets:
            if header.target == name:
                return header
        known = ", ".join(header.target for header in self.header.targets) or "none"
        raise InputError(f"no target {name!r} in this run; it has: {known}")


def corpus_size(header: RunHeader) -> int:
    """How many cases the whole corpus of the run's suites holds, a target; 0 if unknown."""
    return sum(info.cases for info in header.corpus.values())


def is_whole(header: RunHeader) -> bool:
    """Whether the run was asked for its whole corpus: no filter, shard or list of failures."""
    return not any(header.selection.get(key) for key in PART_OF_CORPUS)


def is_picked(header: RunHeader) -> bool:
    """Whether its cases were picked by hand: by their ids, or because they had failed."""
    return any(header.selection.get(key) for key in ("k", "failed_from"))


def to_line(row: CaseRecord | IndexRow) -> bytes:
    """One line of `results.jsonl` or `index.jsonl`, with its newline.

    What has its default is left out; so are the outputs of a pass that the bounds judged,
    whose margin and grade stand in `bounds`.
    """
    if isinstance(row, IndexRow):
        return row.model_dump_json(exclude_defaults=True).encode() + b"\n"
    told = row.bounds is not None and "standard" not in row.judged_by
    brief = {"outputs"} if told and row.outcome is Outcome.PASS else None
    line = row.model_dump_json(by_alias=True, exclude_defaults=True, exclude=brief)
    return b'{"schema":%d,%s\n' % (SCHEMA, line[1:].encode())


def read(folder: Path | str) -> Results:
    """Read a results folder.

    Raises:
        InputError: it is no results folder, or one of another schema, or it is damaged.
    """
    folder = Path(folder)
    header = read_header(folder)
    with uncollected():
        return _read(folder, header)


def _read(folder: Path, header: RunHeader) -> Results:
    records, problems = _read_rows(folder / RECORDS, CaseRecord, _RECORD_LIST)
    index, more = _read_rows(folder / INDEX, IndexRow, _INDEX_LIST)
    final = {(record.case, record.target): record for record in records}
    if len(final) < len(records):
        twice = len(records) - len(final)
        problems.append(f"{RECORDS}: {twice} record(s) stand for a case that has a later one")
    return Results(
        header=header,
        records=tuple(final.values()),
        index=tuple(index),
        problems=(*problems, *more),
        label=folder.resolve().name,
    )


def read_header(folder: Path) -> RunHeader:
    """Read `run.json` alone."""
    path = folder / HEADER
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        if (folder / JOURNAL).exists():
            raise InputError(
                f"the run in {folder} has not ended and has no {HEADER} yet; "
                f"repeat its `hal conform` with --resume -o {folder}"
            ) from None
        raise InputError(
            f"{folder} is no results folder: it has no {HEADER}; "
            "name the folder that `hal conform -o DIR` wrote"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        return RunHeader.model_validate_json(text)
    except ValidationError as error:
        raise InputError(_explain(path, None, text, error)) from error


def write(folder: Path | str, results: Results) -> None:
    """Write a results folder, each file whole or not at all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    header = results.header.model_dump_json(by_alias=True, indent=1)
    replace(folder / INDEX, b"".join(map(to_line, results.index)))
    ordered = sorted(results.records, key=lambda record: record.case)  # targets side by side
    replace(folder / RECORDS, b"".join(map(to_line, ordered)))
    replace(folder / HEADER, header.encode() + b"\n")


def replace(path: Path, content: bytes) -> None:
    """Put a file in place in one step, so that nobody ever reads half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read_rows(
    path: Path, kind: type[_Row], whole: TypeAdapter[list[_Row]]
) -> tuple[list[_Row], list[str]]:
    content = _content(path)
    if content is None:
        return [], [f"{path.name} is missing"]
    lines = content.split(b"\n")
    torn = lines.pop()
    problems: list[str] = []
    if torn:
        try:
            kind.model_validate_json(torn)
            lines.append(torn)
        except ValidationError:
            problems.append(
                f"{path.name}: the last line is torn ({len(torn)} bytes) and left out"
            )
    lines = [line for line in lines if line.strip()]
    rows: list[_Row] = []
    for start in range(0, len(lines), AT_ONCE):
        some = lines[start : start + AT_ONCE]
        try:
            found = whole.validate_json(b"[" + b",".join(some) + b"]")
        except ValidationError:
            return _row_by_row(path, content.split(b"\n"), kind), problems
        if len(found) != len(some):
            return _row_by_row(path, content.split(b"\n"), kind), problems
        rows += found
    return rows, problems


def _content(path: Path) -> bytes | None:
    """The file, or what its `.gz` unpacks to: results that are kept are kept small."""
    if path.exists():
        return path.read_bytes()
    packed = path.with_name(f"{path.name}.gz")
    if not packed.exists():
        return None
    try:
        return gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{packed} cannot be unpacked: {error}") from error


def _row_by_row(path: Path, lines: Sequence[bytes], kind: type[_Row]) -> list[_Row]:
    """The slow way, which knows the line of a mistake; the last line may be torn."""
    rows: list[_Row] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = kind.model_validate_json(line)
        except ValidationError as error:
            if number == len(lines):
                continue
            raise InputError(_explain(path, number, line, error)) from error
        rows.append(row)
    return rows


def _explain(path: Path, number: int | None, text: bytes, error: ValidationError) -> str:
    where = f"{path}:{number}" if number else str(path)
    try:
        data: object = json.loads(text)
    except ValueError:
        return f"{where} is not JSON: {error.errors()[0]['msg']}"
    schema = cast("dict[str, object]", data).get("schema") if isinstance(data, dict) else None
    if schema not in (None, SCHEMA):
        return _other_schema(path, number, schema)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "it"
    return f"{where}: {field}: {first['msg']}"


def _other_schema(path: Path, number: int | None, schema: object) -> str:
    where = f"{path}:{number}" if number else str(path)
    return (
        f"{where} has results schema {schema}, and this version of onnx-hal reads {SCHEMA}; "
        "use the version that wrote it, or run again"
    )
