"""`hal corpus`: what is in the generated cases, and what of the standard they cover."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal.cli import failures, output
from hal_conformance.runner.plan import matches_any

if TYPE_CHECKING:
    from hal_conformance.generated.coverage import Missing, Row
    from hal_conformance.generated.source import Source


def stats(cache: Path | None, *, quick: bool, as_json: bool) -> int:
    """Print the coverage of the generated cases beside that of onnx's own suite.

    Returns:
        The exit code.
    """
    from hal_conformance.corpus import standard
    from hal_conformance.generated import coverage, generate

    onnx_suite = standard(cache)
    generated = coverage.of_sources(generate())
    alone = coverage.of_corpus(onnx_suite, alone=True)
    whole = coverage.of_corpus(onnx_suite, alone=False)
    touched = coverage.table([generated, alone, whole])
    noticed: list[Row] = []
    missing = coverage.missing(generated)
    if not quick:
        from hal_conformance.generated.strict.sweep import strict

        ours, theirs = strict(cache)
        noticed = coverage.table([ours, theirs])
        missing = coverage.missing(ours)
    if as_json:
        cases = {"generated": generated.cases, "onnx_alone": alone.cases, "onnx": whole.cases}
        found = {"cases": cases, "coverage": _lines(touched), "noticed": _lines(noticed)}
        output.emit_json({**found, "missing": _missing(missing)})
        return failures.OK
    counts = [str(each.cases) for each in (generated, alone, whole)]
    _print("touched", touched, [["cases", "", *counts]])
    if noticed:
        output.line()
        _print("noticed", noticed, [])
    output.line()
    for line in _explained(missing):
        output.line(line)
    return failures.OK


def _lines(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {"what": row.what, "total": row.total}
        | dict(zip(("generated", "onnx_alone", "onnx"), row.counts, strict=False))
        for row in rows
    ]


def _print(word: str, rows: Sequence[Row], before: list[list[str]]) -> None:
    columns = (word, "there are", "generated", "onnx, alone", "onnx, anywhere")
    shown = columns[: 2 + len(rows[0].counts)]
    lines = [
        [row.what, str(row.total), *(_part(count, row.total) for count in row.counts)]
        for row in rows
    ]
    output.table(shown, [*before, *lines], numbers=shown[1:])


def _part(count: int, total: int) -> str:
    return f"{count} ({count / total:.1%})"


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        "pairs": [list(pair) for pair in missing.pairs],
        "triples": [list(triple) for triple in missing.triples],
        "attributes": [list(attribute) for attribute in missing.attributes],
    }


def _explained(missing: Missing) -> Iterator[str]:
    """What does not count, a line an operator, with the reason where one is stated."""
    from hal_conformance.generated.coverage import EXCLUDED

    found: dict[tuple[str, str], list[str]] = {}
    for domain, op, version in missing.pairs:
        found.setdefault((domain, op), []).append(f"version {version}")
    for domain, op, parameter, text in missing.triples:
        found.setdefault((domain, op), []).append(f"{parameter}={text}")
    for domain, op, name in missing.attributes:
        found.setdefault((domain, op), []).append(f"attribute {name}")
    for (domain, op), told in sorted(found.items()):
        reason = EXCLUDED.get((domain, op))
        name = f"{domain}.{op}" if domain else op
        yield f"{name}: {reason}" if reason else f"{name}: {', '.join(told)}"


def listed(patterns: Sequence[str], *, as_json: bool) -> int:
    """Print the generated cases that any pattern matches, or all of them, one a line.

    Returns:
        The exit code.
    """
    from hal_conformance.generated import generate

    named = re.match(r"ops/(\w+)/", patterns[0]) if len(patterns) == 1 else None
    cases = generate(named[1]) if named else generate()
    found = [source for source in cases if matches_any(source.id, patterns)]
    if as_json:
        output.emit_json({"cases": [_described(source) for source in found]})
        return failures.OK
    for source in found:
        output.line(source.id)
    output.note(f"{len(found)} cases")
    return failures.OK


def _described(source: Source) -> Mapping[str, Any]:
    return {
        "id": source.id,
        "evidence": source.evidence,
        "judged": source.judged,
        "datasets": len(source.datasets),
        "model_bytes": len(source.model),
    }
