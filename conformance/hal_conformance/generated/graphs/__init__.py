"""Generated graphs: what compilers fuse, random graphs, relations, what must be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase

from hal_conformance.generated.graphs import (
    activations,
    attention,
    control,
    convolution,
    folding,
    layout,
    matmul,
    metamorphic,
    normalisation,
    quantised,
    randomly,
    refusal,
)
from hal_conformance.generated.graphs.patterns import Patterns
from hal_conformance.generated.source import Source

__all__ = ["FAMILIES", "generate_graphs"]


def _patterns(family: str, *tables: Patterns) -> Callable[[], Iterator[Source]]:
    def made() -> Iterator[Source]:
        for table in tables:
            for pattern in table.all:
                yield from pattern.cases(family)

    return made


FAMILIES: Mapping[str, Callable[[], Iterator[Source]]] = {
    "convolution": _patterns("convolution", convolution.PATTERNS),
    "activation": _patterns("activation", activations.PATTERNS),
    "matmul": _patterns("matmul", matmul.PATTERNS),
    "normalisation": _patterns("normalisation", normalisation.PATTERNS),
    "attention": _patterns("attention", attention.PATTERNS),
    "layout": _patterns("layout", layout.PATTERNS),
    "folding": _patterns("folding", folding.PATTERNS),
    "quantised": _patterns("quantised", quantised.PATTERNS),
    "control": _patterns("control", control.PATTERNS),
    "random": randomly.cases,
    "metamorphic": metamorphic.cases,
    "refusal": refusal.cases,
}
"""The families, in order: what makes the cases of each."""


def generate_graphs(*families: str) -> Iterator[Source]:
    """Every case, or those of these families, in an order that never changes.

    Args:
        families: names of families, or globs of them.

    Raises:
        ValueError: onnx refuses a model: a pattern is wrong.
    """
    for name, made in FAMILIES.items():
        if not families or any(fnmatchcase(name, family) for family in families):
            yield from made()
