"""From a finished journal to a results folder: records in order, header, index, reports."""

from __future__ import annotations

import platform
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from pydantic import TypeAdapter

from hal import registry
from hal.processor import processor
from hal.targets import Target
from hal_conformance import results
from hal_conformance.expectations import Expectations, apply_all
from hal_conformance.fingerprint.fact import digest
from hal_conformance.records import SCHEMA, CaseRecord, IndexRow, RunHeader, TargetHeader
from hal_conformance.report.verdict import judge
from hal_conformance.runner.journal import Journal
from hal_conformance.runner.known import files, hashes
from hal_conformance.runner.plan import Item, Selection
from hal_conformance.runner.suites import Suite

_RECORDS = TypeAdapter(list[CaseRecord])
_JUDGES = ("onnx-hal", "onnx", "numpy", "ml_dtypes")


def collect(
    journal: Journal,
    items: Sequence[Item],
    targets: Sequence[Target],
    suites: Mapping[str, Suite],
    selection: Selection,
    jobs: int,
    known: Mapping[str, Expectations],
) -> results.Results:
    """The results of a run whose items have all ended: by target, then by case id."""
    place = {target.name: number for number, target in enumerate(targets)}
    ordered = sorted(items, key=lambda item: (place[item.target], item.case))
    headers = [_target_header(target, journal) for target in targets]
    rows = [journal.ended[item.target, item.case] for item in ordered]
    records = apply_all(_RECORDS.validate_python(rows), known, headers)
    return results.Results(
        header=_header(journal, targets, headers, suites, selection, jobs, len(rows)),
        records=tuple(records),
        index=tuple(_index(ordered, suites)),
    )


def _target_header(target: Target, journal: Journal) -> TargetHeader:
    found = dict(journal.targets[target.name])
    facts = journal.facts.get(target.name)
    if facts:
        found["fingerprint"] = found["fingerprint"] | {"hash": digest(facts), "facts": facts}
    found["expectations"] = hashes(files(target))
    return TargetHeader.model_validate(found)


def _index(items: Sequence[Item], suites: Mapping[str, Suite]) -> Iterator[IndexRow]:
    """The rows of the cases that ran, by suite, then by case id."""
    for name, suite in suites.items():
        yield from suite.index_rows(sorted({i.case for i in items if i.suite == name}))


def _header(
    journal: Journal,
    targets: Sequence[Target],
    headers: list[TargetHeader],
    suites: Mapping[str, Suite],
    selection: Selection,
    jobs: int,
    cases: int,
) -> RunHeader:
    return RunHeader.model_validate(
        {
            "schema": SCHEMA,
            "command": journal.about["command"],
            "suites": list(selection.suites),
            "selection": selection.to_json(),
            "versions": versions(targets),
            "machine": machine(),
            "targets": headers,
            "corpus": {name: suites[name].info() for name in selection.suites},
            "cases": cases,
            "started": journal.about["started"],
            "ended": now(),
            "jobs": jobs,
            "profile": selection.profile,
        }
    )


def now() -> str:
    """This moment, as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(targets: Sequence[Target]) -> dict[str, str]:
    """The versions of what ran and judged."""
    names = {target.adapter for target in targets} & {*registry.names()}
    adapters = [registry.entry(name).distribution for name in sorted(names)]
    found = {"python": platform.python_version()}
    for name in (*_JUDGES, *adapters):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an adapter registered without a distribution of its own
    return found


def machine() -> dict[str, str]:
    """The machine that ran it."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processor": processor(),
        "python": sys.implementation.name,
    }


def summary(found: results.Results) -> dict[str, Any]:
    """The verdict on each target and how many cases ended how, for `--json`."""
    targets: dict[str, Any] = {}
    for header in found.header.targets:
        records = found.of_target(header.target)
        verdict = judge(header.target, records, found.header)
        counts = Counter(record.outcome.value for record in records)
        targets[header.target] = {
            "verdict": verdict.conformance.value,
            "detail": verdict.detail,
            "cases": len(records),
            "outcomes": dict(counts),
            "unexpected": sum(record.unexpected for record in records),
        }
    return targets
