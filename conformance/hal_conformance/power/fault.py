"""What a fault is: an operator computed as a correct device does, but for one thing.

A `Fault` has an id, a family, the operators it can be in, and `mutate`, which computes a node
by way of a `Call`: it may change what the correct evaluation is given (inputs, attributes,
version, arithmetic) or what it returns, and may remember things between the runs of one
executable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, TypeAlias

import numpy as np
import onnx

from hal.tensor import MapValue, Tensor, Value
from hal_conformance.generated import registry
from hal_conformance.numerics.arithmetic import Arithmetic, Array

Values: TypeAlias = "list[Value]"


class Correct(Protocol):
    """The correct evaluation of a node."""

    def __call__(
        self,
        given: Sequence[Value],
        changed: Mapping[str, Any],
        version: int | None,
        arithmetic: Arithmetic | None,
        /,
    ) -> Values: ...


@dataclass
class Call:
    """One evaluation of the faulty operator.

    `attributes` are Python values, defaults filled in; `given` names those that the node sets;
    `wide` gives the correct outputs before rounding, in float64 (None where that is no tensor).
    `run` counts the runs of this executable from 0; `memory` lasts as long as it does.
    """

    operator: Operator
    version: int
    node: onnx.NodeProto
    inputs: Values
    attributes: Mapping[str, Any]
    given: frozenset[str]
    correct: Correct
    wide: Callable[[], list[Array | None]]
    run: int = 0
    memory: dict[str, Any] = field(default_factory=dict[str, Any])

    def evaluate(
        self,
        inputs: Sequence[Value] | None = None,
        *,
        version: int | None = None,
        arithmetic: Arithmetic | None = None,
        **attributes: Any,
    ) -> Values:
        """What a correct device returns, given other inputs or attributes (None: not set)."""
        taken = self.inputs if inputs is None else inputs
        return self.correct(taken, attributes, version, arithmetic)

    def altered(self, attributes: Mapping[str, Any]) -> Values:
        """What a correct device returns, given other attributes."""
        return self.correct(self.inputs, attributes, None, None)

    def tensor(self, position: int) -> Tensor | None:
        """The input at a position, if it is there and a tensor."""
        value = self.inputs[position] if position < len(self.inputs) else None
        return value if isinstance(value, Tensor) else None

    def array(self, position: int) -> Array | None:
        """Its array."""
        found = self.tensor(position)
        return None if found is None else found.array

    def position(self, *names: str) -> int | None:
        """Where a formal input of one of these names stands, if it is given here."""
        for place, formal in enumerate(self.operator.inputs):
            if formal in names and place < len(self.inputs) and self.inputs[place] is not None:
                return place
        return None

    def replaced(self, position: int, value: Value) -> Values:
        """The inputs with another value at a position."""
        return [value if k == position else v for k, v in enumerate(self.inputs)]


Mutate: TypeAlias = Callable[[Call], Values]


@dataclass(frozen=True)
class Operator:
    """An operator with all its versions from opset 7 on, as faults ask about it."""

    domain: str
    op: str
    schemas: tuple[Any, ...]

    @property
    def name(self) -> str:
        """As ids say it."""
        return f"{self.domain}/{self.op}" if self.domain else self.op

    @property
    def newest(self) -> Any:
        """Its newest schema."""
        return self.schemas[-1]

    @property
    def history(self) -> tuple[Any, ...]:
        """Every schema it ever had, those before opset 7 among them."""
        return _histories()[self.domain, self.op]

    @property
    def inputs(self) -> list[str]:
        """The names of its formal inputs."""
        return [formal.name for formal in self.newest.inputs]

    @property
    def outputs(self) -> list[str]:
        """The names of its formal outputs."""
        return [formal.name for formal in self.newest.outputs]

    @property
    def attributes(self) -> dict[str, Any]:
        """Every attribute that some version has; the newest one's where several do."""
        return {name: a for schema in self.schemas for name, a in schema.attributes.items()}

    def admits(self, word: str) -> bool:
        """Whether a type that some parameter of it admits contains a word."""
        texts = (
            t for s in self.schemas for c in s.type_constraints for t in c.allowed_type_strs
        )
        formals = (f.type_str for s in self.schemas for f in (*s.inputs, *s.outputs))
        return any(word in text for text in (*texts, *formals))


@cache
def _histories() -> dict[tuple[str, str], tuple[Any, ...]]:
    found: dict[tuple[str, str], list[Any]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        found.setdefault((schema.domain, schema.name), []).append(schema)
    return {
        key: tuple(sorted(schemas, key=lambda schema: schema.since_version))
        for key, schemas in found.items()
    }


def kind_of(schema: Any, name: str) -> int:
    """The AttributeProto type of an attribute; `schema` has no complete stubs."""
    return int(schema.attributes[name].type.value)


Where: TypeAlias = Callable[[Operator], bool]


@dataclass(frozen=True)
class Fault:
    """One fault. `lasting` ones depend on the run; the soak suite is tried on those."""

    id: str
    family: str
    summary: str
    where: Where
    mutate: Mutate
    lasting: bool = False


def operators() -> list[Operator]:
    """Every operator, sorted."""
    found: dict[tuple[str, str], list[Any]] = {}
    for pair in registry.pairs():
        found.setdefault((pair.domain, pair.op), []).append(pair.schema)
    return [Operator(d, op, tuple(schemas)) for (d, op), schemas in sorted(found.items())]


def everywhere(_: Operator) -> bool:
    """Any operator."""
    return True


def among(*names: str) -> Where:
    """These operators, as `Operator.name` says them."""
    wanted = frozenset(names)
    return lambda operator: operator.name in wanted


def having(*attributes: str) -> Where:
    """Operators with one of these attributes."""
    wanted = frozenset(attributes)
    return lambda operator: bool(wanted & operator.attributes.keys())


def taking(*inputs: str) -> Where:
    """Operators with an input of one of these names."""
    wanted = frozenset(inputs)
    return lambda operator: bool(wanted.intersection(operator.inputs))


def admitting(*words: str) -> Where:
    """Operators that admit a type in whose name one of these words is."""
    return lambda operator: any(operator.admits(word) for word in words)


def both(*conditions: Where) -> Where:
    """All of these."""
    return lambda operator: all(condition(operator) for condition in conditions)


def mapped(value: Value, change: Callable[[Tensor], Tensor]) -> Value:
    """The value with each tensor in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    if isinstance(value, MapValue):
        return MapValue(value.keys, change(value.values))
    return None


def with_array(tensor: Tensor, array: Array) -> Tensor:
    """A tensor of the same type over another array."""
    wanted = np.dtype(object) if tensor.dtype.name == "string" else tensor.dtype.numpy
    with np.errstate(all="ignore"):
        made = np.asarray(array)
        if made.dtype != wanted:
            made = made.astype(np.float64) if tensor.dtype.is_extension else made
            made = made.astype(wanted)
    return Tensor(made, tensor.dtype)


def changing_outputs(change: Callable[[Array], Array | None]) -> Mutate:
    """A mutation of every output tensor by its array; None leaves it."""

    def one(tensor: Tensor) -> Tensor:
        made = change(tensor.array)
        return tensor if made is None else with_array(tensor, made)

    return lambda call: [mapped(value, one) for value in call.evaluate()]


def changing_inputs(change: Callable[[Tensor], Tensor]) -> Mutate:
    """A mutation of every input tensor before the correct evaluation."""
    return lambda call: call.evaluate([mapped(value, change) for value in call.inputs])


def changing_input(change: Callable[[Tensor], Value], *names: str) -> Mutate:
    """A mutation of the input of one of these names, where it is given."""

    def mutate(call: Call) -> Values:
        place = call.position(*names)
        given = None if place is None else call.tensor(place)
        if place is None or given is None:
            return call.evaluate()
        return call.evaluate(call.replaced(place, change(given)))

    return mutate


def always(value: Any) -> Callable[[Any, Call], Any]:
    """Of an attribute: this, whatever the node says."""
    return lambda _value, _call: value


def changing_attribute(name: str, change: Callable[[Any, Call], Any]) -> Mutate:
    """A mutation of an attribute, default or not; what `change` returns is what it is."""

    def mutate(call: Call) -> Values:
        if name not in call.operator.attributes:
            return call.evaluate()
        return call.evaluate(**{name: change(call.attributes.get(name), call)})

    return mutate
