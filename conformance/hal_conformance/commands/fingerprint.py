"""`hal fingerprint`: facts of targets, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from hal import targets as named
from hal.cli import failures, output
from hal.errors import InputError
from hal_conformance.fingerprint import Taken, take
from hal_conformance.fingerprint.fact import Probe
from hal_conformance.fingerprint.probes import PROBES


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, parsed."""

    targets: tuple[str, ...]
    only: tuple[str, ...] = ()
    long: bool = False
    differences: bool = False
    devices: tuple[Path, ...] = ()


def run(asked: Asked, *, as_json: bool) -> int:
    """Ask, and say what was answered.

    Returns:
        The exit code.

    Raises:
        InputError: no such target or fact.
    """
    probes = _chosen(asked.only)
    if asked.differences and len(asked.targets) < 2:
        raise InputError("--differences compares targets; name two or more")
    found = [take(named.resolve(name, asked.devices), probes=probes) for name in asked.targets]
    if as_json:
        output.emit_json({"schema": 1, "fingerprints": [one.to_json() for one in found]})
    elif asked.long:
        _long(found)
    else:
        _table(found, differences=asked.differences)
    return failures.OK


def _chosen(only: Sequence[str]) -> tuple[Probe, ...]:
    chosen = tuple(
        probe
        for probe in PROBES
        if not only or any(fnmatchcase(probe.fact, glob) for glob in only)
    )
    if not chosen:
        raise InputError(f"no fact is named {' or '.join(only)}; `hal fingerprint` lists them")
    return chosen


def _table(found: Sequence[Taken], *, differences: bool) -> None:
    rows = [
        [fact.id, *(one.values.get(fact.id, "") for one in found)]
        for fact in found[0].facts
        if not differences or len({one.values.get(fact.id) for one in found}) > 1
    ]
    output.table(["fact", *(one.target for one in found)], rows)
    for one in found:
        output.line(f"{one.target}: {len(one.facts)} facts in {one.seconds:.1f} s, {one.hash}")


def _long(found: Sequence[Taken]) -> None:
    for one in found:
        output.line(f"{one.target}: {one.device['name']}, {one.hash}")
        for fact in one.facts:
            output.line()
            output.line(f"{fact.id}: {fact.value}")
            output.line(f"  means  {fact.means}")
            output.line(f"  model  {fact.probe}")
            output.line(f"  seen   {fact.seen}")
