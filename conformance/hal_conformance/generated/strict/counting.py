"""Which pairs, triples and attributes count; the processes that count them."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from hal import dtypes
from hal.tensor import Value
from hal_conformance.corpus.rows import plain_attribute
from hal_conformance.generated import registry
from hal_conformance.generated.coverage import (
    Attribute,
    Triple,
    default_of,
    newest,
    text_of_proto,
)
from hal_conformance.generated.strict import changed
from hal_conformance.generated.strict.asked import (
    FP32,
    Answer,
    Asked,
    computed,
    positions,
    quantities,
)
from hal_conformance.generated.strict.neighbours import (
    Forger,
    misread,
    miswritten,
    narrowed,
    zeroed,
)
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import value_of

_POSITIONS = frozenset({"tensor(int32)", "tensor(int64)"})
"""What parameters admit that name positions, sizes, lengths and axes."""


_SECONDS = 2.0

_PRECISIONS = frozenset({"stash_type", "softmax_precision"})
"""Attributes that name a type to compute in; what ignores them computes in a narrower one."""

FREEING: Mapping[tuple[str, str, str], int] = {("", "TopK", "sorted"): 1}
"""Attributes that bind the answer at this value, their default, and free it at the other: there
an answer that passes for the other value must FAIL."""

_DRAWS = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli"}
)

FEW: Mapping[tuple[str, str, str], str] = {
    ("", "EyeLike", "T2"): "zeros and ones",
    ("", "Bernoulli", "T2"): "zeros and ones",
    ("", "BlackmanWindow", "T2"): "from 0 to 1; whole numbers are zeros and ones",
    ("", "HammingWindow", "T2"): "from 0 to 1; whole numbers are zeros and ones",
    ("", "HannWindow", "T2"): "from 0 to 1; whole numbers are zeros and ones",
    ("ai.onnx.ml", "OneHotEncoder", "tensor(float)"): "zeros and ones",
    ("", "MelWeightMatrix", "T3"): "from 0 to 1; whole numbers are zeros and ones",
}
"""Outputs whose values any type holds, whatever is asked: there the bytes decide."""

UNREAD: Mapping[tuple[str, str, str], str] = {
    ("", "Shape", "T"): "a shape is returned, whatever the elements",
    ("", "Size", "T"): "a count is returned, whatever the elements",
    ("", "OptionalHasElement", "O"): "it says whether there is something, not what",
    ("", "SequenceLength", "S"): "a count is returned, whatever the elements",
    ("", "EyeLike", "T1"): "the shape alone is taken from the input",
    ("", "Dropout", "T1"): "the ratio is used while training, where draws are free",
    ("", "RandomNormalLike", "T1"): "the shape alone is taken from the input",
    ("", "RandomUniformLike", "T1"): "the shape alone is taken from the input",
}
"""Parameters of which no element is read: there is none to mistake, and zeros decide alone."""


@dataclass
class Counted:
    """What counts."""

    pairs: set[tuple[str, str, int]] = field(default_factory=set[tuple[str, str, int]])
    triples: set[Triple] = field(default_factory=set[Triple])
    attributes: set[Attribute] = field(default_factory=set[Attribute])

    def __ior__(self, other: Counted) -> Counted:
        self.pairs |= other.pairs
        self.triples |= other.triples
        self.attributes |= other.attributes
        return self


class Counter:
    """Counts the cases of one operator, looking at each only for what does not count yet."""

    def __init__(self, domain: str, op: str) -> None:
        self.counted = Counted()
        self._operator = (domain, op)
        schema = newest().get((domain, op))
        self._schema: Any = schema
        self._sees_zeros: set[Triple] = set()
        self._sees_neighbour: set[Triple] = set()
        self._seen: dict[str, dict[bytes, onnx.AttributeProto]] = {}

    def add(self, cases: Sequence[tuple[int, Asked]]) -> None:
        """Count cases, each with the version it is of."""
        for version, asked in cases:
            if self._is_newest(version):
                for attribute in asked.node.attribute:
                    kept = self._seen.setdefault(attribute.name, {})
                    if len(kept) < 12:
                        kept[attribute.SerializeToString()] = attribute
        for version, asked in cases:
            with np.errstate(all="ignore"):
                if asked.judged == "values":
                    self._case(version, asked)
                elif self._is_newest(version):
                    self._without_values(asked)

    def _is_newest(self, version: int) -> bool:
        return self._schema is not None and self._schema.since_version == version

    def _case(self, version: int, asked: Asked) -> None:
        pair = (*self._operator, version)
        triples: dict[Triple, tuple[list[str], list[str]]] = {}
        attributes: list[str] = []
        if self._is_newest(version):
            triples = {
                triple: names
                for triple, names in self._triples(asked).items()
                if triple not in self.counted.triples
            }
            attributes = [name for name in self._set(asked) if self._wanted(name)]
        if pair in self.counted.pairs and not triples and not attributes:
            return
        for number in range(len(asked.datasets)):
            answer = _answer(asked, number)
            if answer is None:
                continue
            if pair not in self.counted.pairs and answer.tells:
                self.counted.pairs.add(pair)
            for triple, (inputs, outputs) in triples.items():
                if triple not in self._sees_zeros:
                    names = [value.name for value in asked.model.graph.output]
                    zeros = _forged(names, answer.right, outputs or names, zeroed)
                    if answer.fails(zeros):
                        self._sees_zeros.add(triple)
                if triple not in self._sees_neighbour and self._tells(
                    asked, number, answer, inputs, outputs
                ):
                    self._sees_neighbour.add(triple)
            self.counted.triples |= self._sees_zeros & self._sees_neighbour
            for name in attributes:
                if self._wanted(name) and self._notices(asked, number, answer, name):
                    self.counted.attributes.add((*self._operator, name))

    def _without_values(self, asked: Asked) -> None:
        """A contradiction that must be refused, and two draws from one seed."""
        for name in self._set(asked):
            if not self._wanted(name):
                continue
            counts = asked.seeded and name == "seed"
            if asked.judged == "refusal":
                with contextlib.suppress(Exception), _limited():
                    counts = bool(computed(changed.without(asked, name), asked.datasets[0]))
            if counts:
                self.counted.attributes.add((*self._operator, name))

    def _wanted(self, name: str) -> bool:
        return (*self._operator, name) not in self.counted.attributes

    def _triples(self, asked: Asked) -> dict[Triple, tuple[list[str], list[str]]]:
        """By triple, the inputs and the outputs that are of it."""
        types = {
            w.name: dtypes.of_number(w.data_type).name for w in asked.model.graph.initializer
        }
        for value in (*asked.model.graph.input, *asked.model.graph.output):
            types[value.name] = text_of_proto(value.type)
        found: dict[Triple, tuple[list[str], list[str]]] = {}
        for side, (names, formals) in enumerate(
            ((asked.node.input, self._schema.inputs), (asked.node.output, self._schema.outputs))
        ):
            for name, parameter in positions(names, formals):
                if name in types:
                    triple = (*self._operator, parameter, types[name])
                    found.setdefault(triple, ([], []))[side].append(name)
        return found

    def _set(self, asked: Asked) -> list[str]:
        known = self._schema.attributes
        return [
            a.name
            for a in asked.node.attribute
            if a.name in known
            and (plain_attribute(a) != default_of(self._schema, a.name) or self._binds(a))
        ]

    def _binds(self, attribute: onnx.AttributeProto) -> bool:
        binding = FREEING.get((*self._operator, attribute.name))
        return binding is not None and attribute.i == binding

    def _tells(
        self, asked: Asked, number: int, answer: Answer, inputs: list[str], outputs: list[str]
    ) -> bool:
        """Whether what a device returns would FAIL that holds the neighbour type."""
        names = [value.name for value in asked.model.graph.output]
        parameter = self._parameter(asked, inputs, outputs)
        if (*self._operator, parameter) in UNREAD:
            return True
        few = (*self._operator, parameter) in FEW
        small = few or self._are_positions(parameter)
        try:
            model, feeds = changed.fed(
                asked, number, set(inputs), misread if small else narrowed
            )
            with _limited():
                found = computed(model, feeds)
        except Exception as error:  # noqa: BLE001  whatever has no meaning
            if small and not few and not isinstance(error, TimeoutError):
                return True  # there is no answer at such positions
            found = list(answer.right)
        forged = _forged(names, found, outputs, miswritten if small else narrowed)
        return answer.fails(forged)

    def _parameter(self, asked: Asked, inputs: list[str], outputs: list[str]) -> str:
        sides = (
            (asked.node.input, self._schema.inputs, inputs),
            (asked.node.output, self._schema.outputs, outputs),
        )
        for names, formals, wanted in sides:
            for name, parameter in positions(names, formals):
                if name in wanted:
                    return parameter
        raise KeyError(asked.id)

    def _are_positions(self, parameter: str) -> bool:
        admitted = registry.admitted(self._schema).get(parameter, (parameter,))
        return set(admitted) <= _POSITIONS

    def _notices(self, asked: Asked, number: int, answer: Answer, name: str) -> bool:
        """Whether a device that ignores the attribute, or mistakes its value, would FAIL."""
        if (*self._operator, name) in FREEING:
            return answer.fails(changed.by_place(asked, answer.right))
        required = self._schema.attributes[name].required
        ignoring = [] if required else [changed.without(asked, name)]
        seen = self._seen.get(name, {}).values()
        refused: list[bool] = []
        for model in (*ignoring, *changed.varied(asked, name, seen)):
            outcome = self._answers(asked, number, answer, model, name)
            if outcome == "wrong":
                return True
            refused.append(outcome == "refused")
        if required:
            return bool(refused) and all(refused)
        return refused[0] or changed.loses_meaning(asked.model, ignoring[0])

    def _answers(
        self, asked: Asked, number: int, answer: Answer, model: onnx.ModelProto, name: str
    ) -> str:
        """What a device answers that takes the case for this model: right, wrong, refused."""
        feeds = asked.datasets[number]
        try:
            with _limited():
                found = bounds(model, quantities(feeds), FP32)
        except TimeoutError:
            return "endless"
        except Exception:  # noqa: BLE001  whatever has no meaning
            return "refused"
        got = [value_of(quantity) for quantity in found]
        if name == "precision":
            got = changed.divided_in_half(asked, number)
        elif name in _PRECISIONS:
            got = [narrowed(value) for value in got]
        drawn = self._operator[1] in _DRAWS and any(map(_is_unknown, found))
        return "wrong" if drawn or answer.fails(got) else "right"


def _answer(asked: Asked, number: int) -> Answer | None:
    """What is known of a data set; None where no bound can be computed: nothing would FAIL."""
    try:
        return asked.answer(number)
    except Exception:  # noqa: BLE001  the reference raises whatever Python raises
        return None


def _is_unknown(quantity: Quantity) -> bool:
    """Whether it is drawn: another number every time."""
    if not isinstance(quantity, Pair) or quantity.error is None:
        return False
    return bool(quantity.error.size and np.isposinf(quantity.error).all())


@contextlib.contextmanager
def _limited() -> Generator[None]:
    """End what does not end: trees that became cycles, draws without number."""

    def end(_number: int, _frame: object) -> None:
        raise TimeoutError("a changed case does not end")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _forged(
    names: Sequence[str], right: Sequence[Value], wanted: Iterable[str], forge: Forger
) -> list[Value]:
    return [
        forge(value) if name in wanted else value
        for name, value in zip(names, right, strict=True)
    ]
