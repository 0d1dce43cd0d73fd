"""A case as the strict count sees it: one operator, its feeds, and what would FAIL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import onnx

from hal.tensor import Value
from hal_conformance import judge as standard_judge
from hal_conformance.corpus.case import Case, DataSet
from hal_conformance.generated.source import Source
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Quantity
from hal_conformance.numerics.simulated import exactly, value_of
from hal_conformance.numerics.vacuity import vacuous
from hal_conformance.numerics.verdict import judge
from hal_conformance.records import Outcome

FP32 = arithmetic("fp32")

Feeds = Mapping[str, Value]


class Answer(Protocol):
    """One data set: what a correct device returns, and whether an answer would FAIL."""

    @property
    def right(self) -> Sequence[Value]: ...
    def fails(self, got: Sequence[Value]) -> bool: ...
    @property
    def tells(self) -> bool: ...


@dataclass(frozen=True)
class Asked:
    """A case of one operator. `datasets` are its feeds; `answer` computes what is expected.

    `judged` is that of the source. `seeded` says that two draws from one seed must be the same.
    """

    id: str
    model: onnx.ModelProto
    datasets: Sequence[Feeds]
    told: Any
    judged: str = "values"
    seeded: bool = False

    @property
    def node(self) -> onnx.NodeProto:
        """The operator."""
        return self.model.graph.node[0]

    def answer(self, number: int) -> Answer:
        """What is known of the outputs of a data set."""
        made: Answer = self.told(self, number)
        return made


class ByBounds:
    """An answer judged by the bounds of a device that declares fp32."""

    def __init__(self, asked: Asked, number: int) -> None:
        self._names = [value.name for value in asked.model.graph.output]
        self._fed = quantities(asked.datasets[number])
        self._expected = bounds(asked.model, self._fed, FP32)
        self.right = [value_of(quantity) for quantity in self._expected]

    def fails(self, got: Sequence[Value]) -> bool:
        """Whether some output is beyond its bound."""
        found = judge(self._names, got, self._expected, FP32)
        return any(output.outcome is Outcome.FAIL for output in found)

    @property
    def tells(self) -> bool:
        """Whether the case is not vacuous."""
        return not vacuous(self._names, self._expected, self._fed, FP32)


class ByTolerance:
    """An answer judged by the standard's own goldens and tolerances."""

    def __init__(self, case: Case, data: DataSet) -> None:
        self._case = case
        self.right = list(data.expected)

    def fails(self, got: Sequence[Value]) -> bool:
        """Whether some output is beyond the tolerance."""
        outcome, _ = standard_judge.judge(self._case, self._case.facts.outputs, got, self.right)
        return outcome is Outcome.FAIL

    @property
    def tells(self) -> bool:
        """Whether zeros would FAIL."""
        from hal_conformance.generated.strict.neighbours import zeroed

        return self.fails([zeroed(value) for value in self.right])


def of_source(source: Source) -> Asked:
    """One of our own cases."""
    model = onnx.ModelProto.FromString(source.model)
    seeded = bool(source.relations)
    return Asked(source.id, model, source.datasets, ByBounds, source.judged, seeded)


def of_standard(case: Case, sets: Sequence[DataSet]) -> Asked:
    """One of the standard's."""
    model = onnx.ModelProto.FromString(case.model.read_bytes())

    def told(_asked: Asked, number: int) -> Answer:
        return ByTolerance(case, sets[number])

    return Asked(case.id, model, [data.feeds for data in sets], told)


def computed(model: onnx.ModelProto, feeds: Feeds) -> list[Value]:
    """What a correct device returns for a model: the reference, in the outputs' types.

    Raises:
        Exception: whatever the analysis raises for a model that has no meaning.
    """
    return [value_of(quantity) for quantity in bounds(model, quantities(feeds), FP32)]


def quantities(feeds: Feeds) -> dict[str, Quantity]:
    """The feeds, exact."""
    return {name: exactly(value) for name, value in feeds.items()}


def positions(names: Sequence[str], formals: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """By name of a value in a node, the type parameter that stands for it."""
    for position, name in enumerate(names):
        if name and len(formals):
            yield name, formals[min(position, len(formals) - 1)].type_str
