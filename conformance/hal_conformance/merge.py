"""Several results folders as one: the shards of one run, or more targets beside it.

Refused where the parts cannot speak for one device and one corpus: another device identity,
options or adapter under the same target name, another corpus, another version of what judges,
or one case with two different final records. Times may differ; verdicts may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from hal.errors import InputError
from hal_conformance.records import (
    CaseRecord,
    CorpusInfo,
    IndexRow,
    RunHeader,
    RunPart,
    TargetHeader,
)
from hal_conformance.results import Results, read, write

JUDGES = ("onnx-hal", "onnx")
"""Packages whose version must be the same, because they decide the verdicts."""

_SAME = ("adapter", "device", "adapter_version", "identity", "options", "arithmetic")


def merge_folders(folders: Sequence[Path], out: Path) -> Results:
    """Merge results folders into the folder `out`, which must hold no other results."""
    if (out / "run.json").exists():
        raise InputError(f"{out} already holds results; name another folder with -o")
    merged = merge([read(folder) for folder in folders])
    write(out, merged)
    return merged


def merge(runs: Sequence[Results]) -> Results:
    """One run made of several.

    Raises:
        InputError: they do not belong together; says which two, in what, and what to do.
    """
    if not runs:
        raise InputError("nothing to merge: name at least one results folder")
    records = _records(runs)
    return Results(
        header=_header(runs, len(records)),
        records=records,
        index=_index(runs),
        problems=tuple(f"{run.label}: {text}" for run in runs for text in run.problems),
        label="+".join(run.label for run in runs),
    )


def are_shards(headers: Iterable[RunHeader]) -> bool:
    """Whether every one of the runs is a shard: then they are parts, not rivals."""
    return all(header.selection.get("shard") for header in headers)


def _header(runs: Sequence[Results], cases: int) -> RunHeader:
    headers = [run.header for run in runs]
    _check_judges(runs)
    ends = [header.ended for header in headers]
    return headers[0].model_copy(
        update={
            "suites": _union(header.suites for header in headers),
            "selection": _selection(headers),
            "versions": _joined([header.versions for header in headers]),
            "machine": _joined([header.machine for header in headers]),
            "targets": _targets(runs),
            "corpus": _corpus(runs),
            "cases": max(cases, _asked(headers)),
            "started": min(header.started for header in headers),
            "ended": None if None in ends else max(end for end in ends if end),
            "parts": [part for header in headers for part in _parts(header)],
        }
    )


def _parts(header: RunHeader) -> list[RunPart]:
    if header.parts:
        return header.parts
    part = RunPart(
        command=header.command,
        selection=header.selection,
        machine=header.machine,
        cases=header.cases,
        started=header.started,
        ended=header.ended,
    )
    return [part]


def _asked(headers: Sequence[RunHeader]) -> int:
    """What disjoint shards were asked for in all; overlapping runs cannot be added up."""
    return sum(header.cases for header in headers) if are_shards(headers) else 0


def _selection(headers: Sequence[RunHeader]) -> dict[str, object]:
    """What is still left out: nothing of the shards once all of them are there."""
    selections = [dict(header.selection) for header in headers]
    shards = {str(selection.pop("shard", "") or "") for selection in selections}
    first = {key: value for key, value in selections[0].items() if value}
    same = all({k: v for k, v in other.items() if v} == first for other in selections)
    kept: dict[str, object] = first if same else {"k": [s for s in selections if s]}
    if shards != {""} and not _complete(shards):
        kept = {**kept, "shard": ", ".join(sorted(shards))}
    return kept


def _complete(shards: set[str]) -> bool:
    """Whether every shard is there, as in 1/3, 2/3, 3/3; counting from 0 will do too."""
    pairs = [shard.split("/") for shard in shards]
    if any(len(pair) != 2 or not all(part.isdigit() for part in pair) for pair in pairs):
        return False
    counts = {int(count) for _, count in pairs}
    numbers = {int(number) for number, _ in pairs}
    return len(counts) == 1 and len(numbers) == counts.pop()


def _check_judges(runs: Sequence[Results]) -> None:
    first = runs[0]
    for other in runs[1:]:
        for package in JUDGES:
            ours = first.header.versions.get(package)
            theirs = other.header.versions.get(package)
            if ours != theirs:
                raise InputError(
                    f"{first.label} was judged by {package} {ours}, {other.label} by {theirs}; "
                    "run both with one version, or compare them side by side"
                )


def _targets(runs: Sequence[Results]) -> list[TargetHeader]:
    seen: dict[str, tuple[TargetHeader, str]] = {}
    for run in runs:
        for target in run.header.targets:
            if target.target not in seen:
                seen[target.target] = (target, run.label)
                continue
            first, label = seen[target.target]
            for field in _SAME:
                ours, theirs = getattr(first, field), getattr(target, field)
                if ours != theirs:
                    raise InputError(
                        f"{target.target} is not the same device in {label} and {run.label}: "
                        f"{_difference(field, ours, theirs)}; compare them side by side "
                        "instead, or run all shards on one kind of device"
                    )
    return [target for target, _ in seen.values()]


def _difference(field: str, ours: object, theirs: object) -> str:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        mine = cast("dict[str, object]", ours)
        other = cast("dict[str, object]", theirs)
        for key in sorted({*mine, *other}):
            if mine.get(key) != other.get(key):
                return f"{field} {key}: {mine.get(key)!r} and {other.get(key)!r}"
    return f"{field} {ours!r} and {theirs!r}"


def _corpus(runs: Sequence[Results]) -> dict[str, CorpusInfo]:
    seen: dict[str, tuple[CorpusInfo, str]] = {}
    for run in runs:
        for suite, info in run.header.corpus.items():
            first, label = seen.setdefault(suite, (info, run.label))
            if first != info:
                raise InputError(
                    f"{label} and {run.label} ran different corpora of suite {suite!r}: "
                    f"{_named(first)} and {_named(info)}; run both with one version of it"
                )
    return {suite: info for suite, (info, _) in seen.items()}


def _named(info: CorpusInfo) -> str:
    return f"{info.hash[:19]} ({info.cases} cases)"


def _records(runs: Sequence[Results]) -> tuple[CaseRecord, ...]:
    final: dict[tuple[str, str], tuple[CaseRecord, str]] = {}
    for run in runs:
        for record in run.records:
            key = (record.case, record.target)
            first, label = final.setdefault(key, (record, run.label))
            if first is not record and _verdict(first) != _verdict(record):
                raise InputError(
                    f"{record.case} on {record.target} has two different final records: "
                    f"{first.outcome.value} in {label}, {record.outcome.value} in {run.label}; "
                    "the device or the machine changed in between: run that case again "
                    f"(`hal repro`), or compare the runs side by side"
                )
    return tuple(record for record, _ in final.values())


def _verdict(record: CaseRecord) -> CaseRecord:
    """The record without its executions, which never take the same time twice."""
    return record.model_copy(update={"attempts": []})


def _index(runs: Sequence[Results]) -> tuple[IndexRow, ...]:
    rows: dict[str, tuple[IndexRow, str]] = {}
    for run in runs:
        for row in run.index:
            first, label = rows.setdefault(row.case, (row, run.label))
            if first.case_hash != row.case_hash:
                raise InputError(
                    f"{row.case} is not the same case in {label} and {run.label}: "
                    f"{first.case_hash} and {row.case_hash}; run both with one corpus"
                )
    return tuple(row for row, _ in rows.values())


def _union(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(item for items in lists for item in items))


def _joined(dicts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Facts of several runs; where they differ, all of them with a bar between."""
    keys = _union(dicts)
    return {key: " | ".join(_union([d[key]] for d in dicts if key in d)) for key in keys}
