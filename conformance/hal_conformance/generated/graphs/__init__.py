"""Generated graphs: what compilers fuse, random graphs, relations, what must be refused.

Readers want `generate_graphs()`. A family is a part of the frozen corpus.

    writing.py     a graph, node by node            twists.py     the traps of any pattern
    modelling.py   from there to a checked case     wrapping.py   within a function, an If
    patterns.py    what families declare            pairs.py      two outputs, and a relation
    convolution.py, matmul.py, activations.py, normalisation.py, attention.py, layout.py,
    folding.py, quantised.py, control.py            patterns by what compilers do with them
    metamorphic.py, bodies.py                       relations
    randomly.py                                     graphs from seeds
    refusal.py, wrong*.py                           models that are wrong in one place
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase

from hal_conformance.generated.graphs import (
    activations,
    attention,
    bodies,
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
from hal_conformance.generated.graphs.pairs import Pairs
from hal_conformance.generated.graphs.patterns import Patterns
from hal_conformance.generated.source import Source

__all__ = ["FAMILIES", "generate_graphs"]


def _patterns(family: str, *tables: Patterns) -> Callable[[], Iterator[Source]]:
    def made() -> Iterator[Source]:
        for table in tables:
            for pattern in table.all:
                yield from pattern.cases(family)

    return made


def _pairs(*tables: Pairs) -> Callable[[], Iterator[Source]]:
    def made() -> Iterator[Source]:
        for table in tables:
            for pair in table.all:
                yield from pair.cases()

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
    "metamorphic": _pairs(metamorphic.PAIRS, bodies.PAIRS),
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
