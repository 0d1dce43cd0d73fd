"""`hal corpus`: what is in the generated cases, and what of the standard they cover."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal.cli import failures, output
from hal_conformance.runner.plan import matches

if TYPE_CHECKING:
    from hal_conformance.generated.coverage import Missing
    from hal_conformance.generated.source import Source


def stats(cache: Path | None, *, as_json: bool) -> int:
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
    rows = coverage.table(generated, alone, whole)
    missing = coverage.missing(generated)
    if as_json:
        counts = {"generated": generated.cases, "onnx_alone": alone.cases, "onnx": whole.cases}
        lines = [
            {
                "what": row.what,
                "total": row.total,
                "generated": row.generated,
                "onnx_alone": row.standard_alone,
                "onnx": row.standard,
            }
            for row in rows
        ]
        output.emit_json({"cases": counts, "coverage": lines, "missing": _missing(missing)})
        return failures.OK
    columns = ("", "there are", "generated", "onnx, alone", "onnx, anywhere")
    cases = ("cases", "", str(generated.cases), str(alone.cases), str(whole.cases))
    output.table(
        columns,
        [
            cases,
            *(
                (
                    row.what,
                    str(row.total),
                    _part(row.generated, row.total),
                    _part(row.standard_alone, row.total),
                    _part(row.standard, row.total),
                )
                for row in rows
            ),
        ],
        numbers=columns[1:],
    )
    output.line()
    for line in _explained(missing):
        output.line(line)
    return failures.OK


def _part(count: int, total: int) -> str:
    return f"{count} ({count / total:.1%})"


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        "pairs": [list(pair) for pair in missing.pairs],
        "triples": [list(triple) for triple in missing.triples],
        "attributes": [list(attribute) for attribute in missing.attributes],
    }


def _explained(missing: Missing) -> Iterator[str]:
    """What is left out, a line an operator, with the reason."""
    from hal_conformance.generated.coverage import EXCLUDED

    kinds = (
        ("versions", missing.pairs),
        ("types", missing.triples),
        ("attributes", missing.attributes),
    )
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for word, left_out in kinds:
        for domain, op, *_ in left_out:
            found = counts.setdefault((domain, op), {})
            found[word] = found.get(word, 0) + 1
    for (domain, op), found in sorted(counts.items()):
        told = ", ".join(f"{count} {word}" for word, count in found.items())
        reason = EXCLUDED.get((domain, op), "no reason is stated")
        yield f"without cases: {f'{domain}.{op}' if domain else op} ({told}): {reason}"


def listed(pattern: str | None, *, as_json: bool) -> int:
    """Print the generated cases, one a line.

    Returns:
        The exit code.
    """
    from hal_conformance.generated import generate

    named = re.match(r"ops/(\w+)/", pattern or "")
    cases = generate(named[1]) if named else generate()
    found = [source for source in cases if pattern is None or matches(source.id, pattern)]
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
