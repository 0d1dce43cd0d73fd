"""The tables of docs/power.md, made from a file of results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from hal.errors import InputError
from hal_conformance.power.campaign import Pair
from hal_conformance.power.results import Results

BEGIN, END = "<!-- made from results: begin -->", "<!-- made from results: end -->"


def text(results: Results) -> str:
    """All tables as Markdown."""
    return "\n".join([*_summary(results), "", *_families(results), "", *_survivors(results)])


def write(results: Results, path: Path) -> None:
    """Put the tables between the marks in a document.

    Raises:
        InputError: it has no marks.
    """
    document = path.read_text("utf-8") if path.exists() else ""
    if BEGIN not in document or END not in document:
        raise InputError(
            f"{path} has no lines {BEGIN} and {END} for the tables to stand between"
        )
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{text(results)}\n\n{END}{after}", "utf-8")


def counted(pairs: Sequence[Pair]) -> list[Pair]:
    """The denominator: pairs that some legal input shows."""
    return [pair for pair in pairs if pair.witness]


def share(pairs: Sequence[Pair], *, standard: bool = False) -> float:
    """The share of pairs that is found."""
    found = sum(1 for pair in pairs if (pair.standard if standard else pair.ours))
    return found / len(pairs) if pairs else 1.0


def _summary(results: Results) -> Iterator[str]:
    head, pairs = results.header, results.pairs
    count = counted(pairs)
    operators = len({pair.operator for pair in pairs})
    yield (
        f"{head['date']}, onnx {head['onnx']}: {head['faults']} faults in {head['families']} "
        f"families, {operators} operators, {len(pairs)} pairs; {len(count)} of them move some "
        f"legal input's output beyond its bound, {len(pairs) - len(count)} were not seen to. "
        f"Found by the standard's cases: {_percent(share(count, standard=True))}. "
        f"Found by ours: **{_percent(share(count))}** ({sum(1 for p in count if not p.ours)} "
        "are not)."
    )


def _families(results: Results) -> Iterator[str]:
    yield "| family | pairs that count | not seen to move anything | standard | ours |"
    yield "|---|---:|---:|---:|---:|"
    for family in sorted({pair.family for pair in results.pairs}):
        pairs = [pair for pair in results.pairs if pair.family == family]
        count = counted(pairs)
        yield (
            f"| {family} | {len(count)} | {len(pairs) - len(count)} "
            f"| {_of(count, standard=True)} | {_of(count)} |"
        )


def _survivors(results: Results) -> Iterator[str]:
    """By fault, where it survives."""
    left = [pair for pair in counted(results.pairs) if not pair.ours]
    by_fault = Counter(pair.fault for pair in left)
    yield "| fault that survives | operators | seen by |"
    yield "|---|---|---|"
    for fault, _ in sorted(by_fault.items(), key=lambda entry: (-entry[1], entry[0])):
        pairs = [pair for pair in left if pair.fault == fault]
        names = [pair.operator for pair in pairs]
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if names[12:] else "")
        seen = ", ".join(sorted({pair.witness for pair in pairs}))
        yield f"| {fault} | {len(names)}: {shown} | {seen} |"


def _of(pairs: Sequence[Pair], *, standard: bool = False) -> str:
    return _percent(share(pairs, standard=standard)) if pairs else "-"


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"
