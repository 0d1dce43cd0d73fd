"""`hal corpus build`, `verify`, `freeze` and `export`: the frozen corpora."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hal.cli import failures, output
from hal.errors import InputError
from hal_conformance.frozen import lock
from hal_conformance.frozen import verify as verifying
from hal_conformance.frozen.corpus import SUITES, FrozenCorpus
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.numerics.arithmetic import ARITHMETICS, arithmetic
from hal_conformance.runner.plan import Selection
from hal_conformance.runner.progress import Preparing

if TYPE_CHECKING:
    from hal_conformance.offline.bundle import Source

SHOWN = 20
"""How many differences are listed; --json has all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, parsed; without suites, all of them."""

    suites: tuple[str, ...] = ()
    arithmetics: tuple[str, ...] = ("fp32",)
    patterns: tuple[str, ...] = ()
    jobs: int = 1
    cache: Path | None = None

    def names(self) -> list[str]:
        """The arithmetics by name.

        Raises:
            InputError: there is no such arithmetic.
        """
        if "all" in self.arithmetics:
            return list(ARITHMETICS)
        return [arithmetic(name).name for name in self.arithmetics]


@dataclass(frozen=True, slots=True)
class Exported:
    """What of the cases is exported, and in which forms beside .pb."""

    sample: int | None = None
    questions: bool = False
    forms: tuple[str, ...] = ()


def build(asked: Asked, *, as_json: bool) -> int:
    """Make what the cache lacks, and say what is there.

    Returns:
        The exit code.
    """
    from hal_conformance.corpus import standard
    from hal_conformance.frozen.standard import PARTS

    names, shelf = asked.names(), Shelf(asked.cache, asked.jobs)
    started = time.perf_counter()
    rows: list[dict[str, object]] = []
    for suite in asked.suites or (*SUITES, "onnx"):
        if suite == "onnx":
            cases, whole = len(standard(asked.cache, Preparing())), "onnx's own suite"
            wanted: Sequence[str] = PARTS
        else:
            corpus = FrozenCorpus(suite, shelf)
            wanted, cases, whole = corpus.parts(), len(corpus.frozen), corpus.hash
        shelf.prepare(wanted, names, Preparing())
        rows.append({"suite": suite, "cases": cases, "hash": whole})
    size = sum(path.stat().st_size for path in shelf.folder.iterdir())
    seconds = time.perf_counter() - started
    if as_json:
        told = {"folder": str(shelf.folder), "bytes": size, "seconds": seconds}
        output.emit_json(told | {"arithmetics": names, "suites": rows})
        return failures.OK
    for row in rows:
        output.line(f"{row['suite']}: {row['cases']:,} cases, {row['hash']}")
    output.line(f"{shelf.folder}: {size / 1e6:.0f} MB, bounds for {', '.join(names)}")
    output.note(f"{seconds:.0f} s")
    return failures.OK


def verify(asked: Asked, *, as_json: bool) -> int:
    """Make everything anew and compare it with what is frozen; the cache is not used.

    Returns:
        The exit code.
    """
    found: dict[str, object] = {}
    differing = 0
    for suite in asked.suites or SUITES:
        corpus = FrozenCorpus(suite, Shelf(asked.cache))
        started = time.perf_counter()
        made = verifying.made(verifying.parts_of(suite), asked.jobs, Preparing())
        differences = list(verifying.compare(corpus.frozen, made))
        differing += len(differences)
        seconds = time.perf_counter() - started
        found[suite] = {
            "cases": len(made),
            "hash": corpus.hash,
            "seconds": seconds,
            "differences": [{"case": d.case, "what": d.what} for d in differences],
        }
        if as_json:
            continue
        word = "as frozen" if not differences else f"{len(differences):,} differ from the lock"
        output.line(f"{suite}: {len(made):,} cases in {seconds:.0f} s, {word}; {corpus.hash}")
        for one in differences[:SHOWN]:
            output.line(f"  {one.case} {one.what}")
    if as_json:
        output.emit_json({"suites": found, "differences": differing})
    return failures.DISAGREE if differing else failures.OK


def freeze(asked: Asked, *, as_json: bool) -> int:
    """Write the locks anew from what the generator makes now.

    Returns:
        The exit code.
    """
    from hal_conformance.profiles.suites import publish

    found: dict[str, object] = {}
    for suite in asked.suites or SUITES:
        made = verifying.made(verifying.parts_of(suite), asked.jobs, Preparing())
        whole = lock.write(suite, made)
        found[suite] = {"cases": len(made), "hash": whole}
        if not as_json:
            output.line(f"{suite}: {len(made):,} cases frozen, {whole}")
    profiles = publish()
    if as_json:
        output.emit_json({"suites": found, "profiles": profiles})
    else:
        output.line(f"scopes of {profiles} profiles published")
    return failures.OK


def export(asked: Asked, folder: Path, what: Exported, *, as_json: bool) -> int:
    """Write a bundle of cases that any language can read.

    Returns:
        The exit code.

    Raises:
        InputError: no case is chosen, more than one arithmetic, or the folder is not empty.
    """
    from hal_conformance.offline import bundle

    names = asked.names()
    if len(names) != 1:
        raise InputError("bounds.npz holds one arithmetic; name one")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; a bundle wants a folder of its own")
    suites = asked.suites or SUITES
    order = bundle.Order(
        Selection(suites, patterns=asked.patterns, sample=what.sample),
        names[0],
        tuple(dict.fromkeys(("pb", *what.forms))),
        answers=not what.questions,
    )
    made = bundle.write(folder, _sources(asked, suites), order, Preparing())
    if not made.cases:
        raise InputError(f"no case matches {' or '.join(map(repr, asked.patterns))}")
    if as_json:
        told = {"folder": str(folder), "cases": len(made.cases), "arithmetic": names[0]}
        output.emit_json(told)
    else:
        kept = f"with the bounds of {names[0]}" if made.answers else "without what is expected"
        output.line(f"{folder}: {len(made.cases):,} cases {kept}")
    return failures.OK


def _sources(asked: Asked, suites: Sequence[str]) -> dict[str, Source]:
    from hal_conformance.corpus import standard
    from hal_conformance.offline.bundle import FrozenSource, StandardSource

    shelf = Shelf(asked.cache, asked.jobs)
    found: dict[str, Source] = {}
    for name in suites:
        if name == "onnx":
            found[name] = StandardSource(standard(asked.cache, Preparing()))
        else:
            found[name] = FrozenSource(FrozenCorpus(name, shelf))
    return found
