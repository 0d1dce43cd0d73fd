"""`hal corpus`: what is in the generated cases, and what of the standard they cover."""

from __future__ import annotations

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
    """What is left out, a line each, with the reason."""
    from hal_conformance.generated import coverage

    for domain, op, version in missing.pairs:
        reason = coverage.EXCLUDED.get((domain, op), "no reason is stated")
        yield f"no case for {_name(domain, op)} {version}: {reason}"
    by_parameter: dict[tuple[str, str, str], list[str]] = {}
    for domain, op, parameter, text in missing.triples:
        by_parameter.setdefault((domain, op, parameter), []).append(text)
    for (domain, op, parameter), texts in by_parameter.items():
        reason = coverage.EXCLUDED_TYPES.get((domain, op, parameter), "no reason is stated")
        yield f"no case for {_name(domain, op)} {parameter} = {', '.join(texts)}: {reason}"
    for domain, op, name in missing.attributes:
        reason = coverage.EXCLUDED.get((domain, op), "no reason is stated")
        yield f"no case sets {name} of {_name(domain, op)}: {reason}"


def _name(domain: str, op: str) -> str:
    return f"{domain}.{op}" if domain else op


def listed(pattern: str | None, *, as_json: bool) -> int:
    """Print the generated cases, one a line.

    Returns:
        The exit code.
    """
    from hal_conformance.generated import generate

    found = [s for s in generate() if pattern is None or matches(s.id, pattern)]
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
