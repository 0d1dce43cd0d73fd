"""Two values of one graph that owe each other something, and the cases made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hal_conformance.generated.graphs.modelling import Same, source_of
from hal_conformance.generated.graphs.twists import PLAIN, TWISTS
from hal_conformance.generated.graphs.writing import Graph
from hal_conformance.generated.source import Relation, Source

OPSET = 21
Kind = Literal["same", "near"]
Written = tuple[str, str]


@dataclass(frozen=True)
class Pair:
    """Two values of one graph, and what they owe each other."""

    name: str
    kind: Kind
    write: Callable[..., Written]
    variants: Mapping[str, Mapping[str, Any]]
    types: Sequence[str]
    opset: int

    def cases(self) -> Iterator[Source]:
        """A case a variant, in each type; and one of open sizes."""
        for label, arguments in self.variants.items():
            for t in self.types:
                yield self._case(label, t, dynamic=False, arguments=arguments)
        label, arguments = next(iter(self.variants.items()))
        try:
            yield self._case(
                f"{label}_dynamic", self.types[0], dynamic=True, arguments=arguments
            )
        except Same:  # its sizes are all fixed
            return

    def _case(
        self, label: str, t: str, *, dynamic: bool, arguments: Mapping[str, Any]
    ) -> Source:
        opset = max(self.opset, 24) if t == "bfloat16" else self.opset
        twist = TWISTS["dynamic"] if dynamic else PLAIN
        graph = Graph(f"graphs/metamorphic/{self.name}/{t}/{label}", t, opset, twist)
        left, right = self.write(graph, **arguments)
        graph.out(left, right)
        return source_of(graph, label, [Relation(self.kind, left, right)])


@dataclass
class Pairs:
    """The pairs of a module, in the order they were written."""

    all: list[Pair] = field(default_factory=list[Pair])

    def add(
        self,
        kind: Kind,
        variants: Mapping[str, Mapping[str, Any]] | None = None,
        types: Sequence[str] = ("float32",),
        opset: int = OPSET,
    ) -> Callable[[Callable[..., Written]], Callable[..., Written]]:
        """Register the function that follows, which writes both values."""

        def registered(write: Callable[..., Written]) -> Callable[..., Written]:
            name = write.__name__.strip("_")
            self.all.append(Pair(name, kind, write, variants or {"plain": {}}, types, opset))
            return write

        return registered
