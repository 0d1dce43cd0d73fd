"""The tables of docs/power.md, made from a file of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hal.errors import InputError
from hal_conformance.power.campaign import Pair
from hal_conformance.power.results import Results
from hal_conformance.power.survivors import reason

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
        raise InputError(f"{path} has no marks for the tables: {BEGIN} and {END}")
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{text(results)}\n\n{END}{after}", "utf-8")


def counted(pairs: Sequence[Pair]) -> list[Pair]:
    """The denominator: pairs that some legal input shows."""
    return [pair for pair in pairs if pair.witness]


def by_ours(pair: Pair) -> bool:
    """Whether a generated case, or a repeated one, finds it."""
    return bool(pair.ours)


def by_standard(pair: Pair) -> bool:
    """Whether one of the standard's own cases finds it."""
    return bool(pair.standard)


def by_all(pair: Pair) -> bool:
    """Whether a run of all suites finds it."""
    return bool(pair.ours or pair.standard)


def share(pairs: Sequence[Pair], found: Callable[[Pair], bool] = by_ours) -> float:
    """The share of pairs that is found."""
    return sum(map(found, pairs)) / len(pairs) if pairs else 1.0


def _summary(results: Results) -> Iterator[str]:
    head, pairs = results.header, results.pairs
    count = counted(pairs)
    operators = len({pair.operator for pair in pairs})
    left = sum(1 for pair in count if not pair.ours)
    yield (
        f"{head['date']}, onnx {head['onnx']}: {head['faults']} faults in {head['families']} "
        f"families, {operators} operators, {len(pairs)} pairs. {len(count)} of them move some "
        f"legal input's output beyond its bound; {len(pairs) - len(count)} were not seen to, "
        "and are not counted."
    )
    yield ""
    yield f"* Ours find **{_percent(share(count))}**; {left} pairs survive."
    yield f"* The standard's own cases find {_percent(share(count, by_standard))}."
    yield f"* Both together, as `--suite all` runs them, find {_percent(share(count, by_all))}."


def _families(results: Results) -> Iterator[str]:
    yield "| family | pairs that count | not seen to move anything | standard | ours | both |"
    yield "|---|---:|---:|---:|---:|---:|"
    for family in sorted({pair.family for pair in results.pairs}):
        pairs = [pair for pair in results.pairs if pair.family == family]
        yield _row(family, pairs)
    yield _row("**all**", results.pairs)


def _row(label: str, pairs: Sequence[Pair]) -> str:
    count = counted(pairs)
    shares = [_of(count, found) for found in (by_standard, by_ours, by_all)]
    return f"| {label} | {len(count)} | {len(pairs) - len(count)} | {' | '.join(shares)} |"


def _survivors(results: Results) -> Iterator[str]:
    """By reason and fault, where it survives."""
    left = [pair for pair in counted(results.pairs) if not pair.ours]
    groups: dict[tuple[str, str], list[Pair]] = {}
    for pair in left:
        groups.setdefault((reason(pair), pair.fault), []).append(pair)
    yield "| fault that survives | operators | seen by | why |"
    yield "|---|---|---|---|"
    for (why, fault), pairs in sorted(groups.items(), key=lambda entry: entry[0]):
        names = ", ".join(pair.operator for pair in pairs)
        seen = ", ".join(sorted({pair.witness for pair in pairs}))
        yield f"| {fault} | {len(pairs)}: {names} | {seen} | {why} |"


def _of(pairs: Sequence[Pair], found: Callable[[Pair], bool]) -> str:
    return _percent(share(pairs, found)) if pairs else "-"


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"
