"""The strict count of our cases and of the standard's, an operator at a time, side by side."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import hal_conformance
from hal.paths import cache_folder
from hal_conformance.corpus import standard
from hal_conformance.corpus.case import Case
from hal_conformance.corpus.corpus import Corpus
from hal_conformance.generated import generate, registry
from hal_conformance.generated.coverage import Operator
from hal_conformance.generated.strict.asked import Asked, of_source, of_standard
from hal_conformance.generated.strict.counting import Counted, Counter
from hal_conformance.making import cores

_READ = ("generated", "numerics")
"""The packages whose code decides what counts."""


def strict(place: Path | None, jobs: int | None = None) -> tuple[Counted, Counted]:
    """What counts in our cases, and in those of the standard that are one operator alone.

    Args:
        place: where the standard's cases are kept.
        jobs: processes at once.
    """
    kept = cache_folder() / f"strict-{_key()}.json"
    if kept.exists():
        ours, theirs = json.loads(kept.read_text(encoding="utf-8"))
        return _read(ours), _read(theirs)
    standard(place)  # made here, once
    orders = sorted({(pair.domain, pair.op) for pair in registry.pairs()})
    ours, theirs = Counted(), Counted()
    with ProcessPoolExecutor(jobs or cores(), mp_context=get_context("spawn")) as pool:
        for own, other in pool.map(_both, orders, [place] * len(orders)):
            ours |= own
            theirs |= other
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([_told(ours), _told(theirs)]), encoding="utf-8")
    return ours, theirs


def _both(operator: Operator, place: Path | None) -> tuple[Counted, Counted]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of_operator(operator), of_standards(operator, place)


def of_operator(operator: Operator) -> Counted:
    """What counts in our cases of an operator."""
    domain, op = operator
    cases: list[tuple[int, Asked]] = []
    for source in generate(op):
        words = source.id.split("/")
        if ("" if len(words) == 5 else words[1]) == domain:
            cases.append((int(words[-3]), of_source(source)))
    return _counted(operator, cases)


def of_standards(operator: Operator, place: Path | None) -> Counted:
    """What counts in the standard's cases of an operator alone."""
    corpus = _standard(place)
    found = _alone(place).get(operator, ())
    cases = [(version, of_standard(case, corpus.load(case))) for case, version in found]
    return _counted(operator, cases)


def _counted(operator: Operator, cases: Iterable[tuple[int, Asked]]) -> Counted:
    counter = Counter(*operator)
    counter.add(list(cases))
    return counter.counted


@cache
def _standard(place: Path | None) -> Corpus:
    return standard(place)


@cache
def _alone(place: Path | None) -> dict[Operator, list[tuple[Case, int]]]:
    """By operator, the cases whose model is that operator, each with its version."""
    corpus = _standard(place)
    found: dict[Operator, list[tuple[Case, int]]] = {}
    rows = corpus.index_rows(corpus.cases)
    for case, row in zip(corpus.cases, rows, strict=True):
        if len(row.nodes) == 1:
            node = row.nodes[0]
            found.setdefault((node.domain, node.op), []).append((case, node.version))
    return found


def _told(counted: Counted) -> dict[str, Sequence[Any]]:
    return {
        "pairs": sorted(counted.pairs),
        "triples": sorted(counted.triples),
        "attributes": sorted(counted.attributes),
    }


def _read(told: dict[str, Any]) -> Counted:
    return Counted(*({tuple(item) for item in told[kind]} for kind in told))


def _key() -> str:
    packages = [(name, metadata.version(name)) for name in ("onnx", "numpy", "ml_dtypes")]
    hashed = hashlib.sha256(repr(packages).encode())
    root = Path(hal_conformance.__file__).parent
    for path in sorted(p for name in _READ for p in (root / name).rglob("*.py")):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]
