"""Patterns: what one graph is, and the cases that are made of it.

A pattern is a function that writes a graph. `Patterns.add` registers it with its variants
(other arguments of the function), types, opsets and twists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hal_conformance.generated.graphs.modelling import Same, source_of
from hal_conformance.generated.graphs.twists import PLAIN, TWISTS, Twist
from hal_conformance.generated.graphs.writing import Graph
from hal_conformance.generated.source import Source

OPSET = 21
"""The opset of patterns where nothing else is said."""

BFLOAT16_SINCE = 24
"""The opset that admits bfloat16 for nearly every operator."""

NARROW = ("float16", "bfloat16", "float64")


@dataclass(frozen=True)
class Pattern:
    """A function that writes a graph, and what is made of it.

    `variants` are named arguments by label. The plain form is made in every type and opset,
    the twists and variants in the first of them.
    """

    name: str
    write: Callable[..., None]
    variants: Mapping[str, Mapping[str, Any]]
    types: Sequence[str]
    opsets: Sequence[int]
    twists: Sequence[str]

    def cases(self, family: str) -> Iterator[Source]:
        """Its cases, the plain one first."""
        first, opset = self.types[0], self.opsets[0]
        for t in self.types:
            least = BFLOAT16_SINCE if t == "bfloat16" else 0
            yield from self._case(family, "plain", t, max(opset, least), PLAIN, {})
        for other in self.opsets[1:]:
            yield from self._case(family, f"opset_{other}", first, other, PLAIN, {})
        for label, arguments in self.variants.items():
            yield from self._case(family, label, first, opset, PLAIN, arguments)
        for label in self.twists:
            yield from self._case(family, label, first, opset, TWISTS[label], {})

    def _case(
        self,
        family: str,
        label: str,
        t: str,
        opset: int,
        twist: Twist,
        arguments: Mapping[str, Any],
    ) -> Iterator[Source]:
        graph = Graph(f"graphs/{family}/{self.name}/{t}/{label}", t, opset, twist)
        self.write(graph, **arguments)
        try:
            yield source_of(graph, label)
        except Same:
            return


@dataclass
class Patterns:
    """The patterns of a module, in the order they were written."""

    all: list[Pattern] = field(default_factory=list[Pattern])

    def add(
        self,
        *,
        variants: Mapping[str, Mapping[str, Any]] | None = None,
        types: Sequence[str] = ("float32",),
        opsets: Sequence[int] = (OPSET,),
        twists: Sequence[str] = tuple(TWISTS),
        without: Sequence[str] = (),
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register the function that follows as a pattern; `without` are twists left out."""

        def registered(write: Callable[..., None]) -> Callable[..., None]:
            kept = [label for label in twists if label not in without]
            name = write.__name__.strip("_")
            self.all.append(Pattern(name, write, variants or {}, types, opsets, kept))
            return write

        return registered
