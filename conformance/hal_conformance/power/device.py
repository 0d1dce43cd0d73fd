"""A correct device, one operator of which has a fault.

Every node's reference is rounded to its types and moves on; the faulty operator's nodes, also
those in subgraphs and local functions, are computed by the fault. What no fault has touched is
computed once a data set and remembered in a `Clean`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper

from hal.tensor import MapValue, Tensor, Value
from hal_conformance.numerics.arithmetic import Arithmetic, Array, arithmetic
from hal_conformance.numerics.engine import Walk, attributes_of, pair_of
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import SimulatedWalk, exactly, value_of
from hal_conformance.power.fault import Call, Fault, Operator, Values, kind_of

FP32 = arithmetic("fp32")
_CONTROL = ("If", "Loop", "Scan")


class Refused(Exception):
    """The faulty operator cannot be computed: its device would say so, which is not a PASS."""


@dataclass(frozen=True)
class Right:
    """A node on a correct device: what it takes, and returns, and that before rounding."""

    inputs: Values
    attributes: Mapping[str, Any]
    outputs: Values
    wide: list[Array | None]


@dataclass
class Clean:
    """What a correct device holds on one data set: by name, and by place in the graph."""

    names: dict[str, Quantity] = field(default_factory=dict[str, Quantity])
    nodes: dict[int, Right] = field(default_factory=dict[int, Right])


@dataclass
class Faulty:
    """The fault, the run and the memory of one executable."""

    operator: Operator
    fault: Fault
    run: int = 0
    memory: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])


class Device(Walk):
    """A walk that rounds, and computes one operator by a fault."""

    def __init__(self, model: onnx.ModelProto, faulty: Faulty | None = None) -> None:
        opsets = {entry.domain: entry.version for entry in model.opset_import}
        functions = {(f.domain, f.name): f for f in model.functions}
        super().__init__(FP32, opsets, functions)
        self._model = model
        self._faulty = faulty

    def clean(self, feeds: Mapping[str, Quantity]) -> Clean:
        """What a correct device holds for these feeds."""
        graph = self._model.graph
        made = Clean(dict(feeds))
        made.names |= {t.name: pair_of(t) for t in graph.initializer if t.name not in feeds}
        for place, node in enumerate(graph.node):
            inputs = [made.names[name] if name else None for name in node.input]
            outputs = list(super()._node(node, inputs, made.names))
            kept = [_rounded(quantity) for quantity in outputs]
            domain = _domain(node)
            made.nodes[place] = Right(
                [value_of(quantity) for quantity in inputs],
                attributes_of(node, domain, self._version(node.op_type, domain)),
                [value_of(quantity) for quantity in kept],
                [_wide(quantity) for quantity in outputs],
            )
            pairs = zip(node.output, kept, strict=False)
            made.names.update({name: value for name, value in pairs if name})
        return made

    def outputs(self, held: Clean) -> Values:
        """The outputs of a correct device."""
        return [value_of(held.names[value.name]) for value in self._model.graph.output]

    def run(self, held: Clean) -> Values | None:
        """The outputs with the fault in; None where they are those of a correct device."""
        names, changed = dict(held.names), dict[str, Value]()
        for place, node in enumerate(self._model.graph.node):
            touched = bool(changed.keys() & set(node.input))
            if not touched and not self._matches(node) and not self._inner(node):
                continue
            inputs = [names[name] if name else None for name in node.input]
            right = held.nodes[place]
            if self._matches(node):
                got = self._mutated(node, inputs, names, None if touched else right)
            else:
                got = [value_of(quantity) for quantity in self._node(node, inputs, names)]
            for name, value, kept in zip(node.output, got, right.outputs, strict=False):
                if name and not same(value, kept):
                    names[name], changed[name] = exactly(value), value
        wanted = [value.name for value in self._model.graph.output]
        if not changed.keys() & set(wanted):
            return None
        return [changed[n] if n in changed else value_of(names[n]) for n in wanted]

    def _matches(self, node: onnx.NodeProto) -> bool:
        assert self._faulty is not None
        operator = self._faulty.operator
        return (_domain(node), node.op_type) == (operator.domain, operator.op)

    def _inner(self, node: onnx.NodeProto) -> bool:
        return node.op_type in _CONTROL or (node.domain, node.op_type) in self._functions

    def _node(
        self, node: onnx.NodeProto, inputs: Sequence[Quantity], names: Mapping[str, Quantity]
    ) -> Sequence[Quantity]:
        if self._faulty is not None and self._matches(node):
            return [exactly(value) for value in self._mutated(node, inputs, names, None)]
        if self._inner(node):
            return super()._node(node, inputs, names)
        return [_rounded(q) for q in self._plain()._node(node, inputs, names)]

    def _mutated(
        self,
        node: onnx.NodeProto,
        inputs: Sequence[Quantity],
        names: Mapping[str, Quantity],
        known: Right | None,
    ) -> Values:
        assert self._faulty is not None
        call = self._call_of(node, inputs, names, known)
        try:
            with np.errstate(all="ignore"):
                return self._faulty.fault.mutate(call)
        except (Refused, TimeoutError):
            raise
        except Exception:  # noqa: BLE001  where the fault cannot be, the operator is right
            return call.evaluate()

    def _plain(self) -> Walk:
        return Walk(FP32, self._opsets, self._functions)

    def _call_of(
        self,
        node: onnx.NodeProto,
        inputs: Sequence[Quantity],
        names: Mapping[str, Quantity],
        known: Right | None,
    ) -> Call:
        faulty = self._faulty
        assert faulty is not None
        domain = faulty.operator.domain
        version = self._version(node.op_type, domain)
        held: list[tuple[Values, list[Array | None]]] = []
        if known is not None:
            held.append((known.outputs, known.wide))

        def right() -> tuple[Values, list[Array | None]]:
            if not held:
                found = list(self._evaluated(node, inputs, names, version))
                held.append(([value_of(_rounded(q)) for q in found], [_wide(q) for q in found]))
            return held[0]

        def correct(
            fed: Sequence[Value],
            changed: Mapping[str, Any],
            other: int | None,
            how: Arithmetic | None,
        ) -> Values:
            if fed is call.inputs and not changed and other is None and how is None:
                return list(right()[0])
            exact = [exactly(value) for value in fed]
            altered = _altered(node, changed, exact, call.operator, version)
            if how is not None:
                return self._simulated(altered, exact, names, how)
            try:
                found = self._evaluated(altered, exact, names, other or version)
            except TimeoutError:
                raise
            except Exception as error:
                if other is not None:  # whose attributes and inputs may be others: no telling
                    raise
                raise Refused(f"{node.op_type}: {error}") from error
            return [value_of(_rounded(quantity)) for quantity in found]

        if known is not None:
            values, attributes = list(known.inputs), known.attributes
        else:
            values = [value_of(quantity) for quantity in inputs]
            attributes = attributes_of(node, domain, version)
        call = Call(
            faulty.operator,
            version,
            node,
            values,
            attributes,
            frozenset(attribute.name for attribute in node.attribute),
            correct,
            lambda: right()[1],
            faulty.run,
            faulty.memory.setdefault(",".join(node.output), {}),
        )
        return call

    def _evaluated(
        self,
        node: onnx.NodeProto,
        inputs: Sequence[Quantity],
        names: Mapping[str, Quantity],
        version: int,
    ) -> Sequence[Quantity]:
        if node.op_type in _CONTROL and not node.domain:
            return super()._node(node, inputs, names)
        domain = _domain(node)
        own = self._version(node.op_type, domain)
        walk = self._plain()
        if version != own:
            walk = Walk(FP32, {**self._opsets, domain: version}, self._functions)
        return walk._node(node, inputs, names)

    def _simulated(
        self,
        node: onnx.NodeProto,
        inputs: Sequence[Quantity],
        names: Mapping[str, Quantity],
        how: Arithmetic,
    ) -> Values:
        walk = SimulatedWalk(Machine(how, 0), self._opsets, self._functions)
        return [value_of(quantity) for quantity in walk._node(node, inputs, names)]


def _altered(
    node: onnx.NodeProto,
    changed: Mapping[str, Any],
    inputs: Sequence[Quantity],
    operator: Operator,
    version: int,
) -> onnx.NodeProto:
    """The node with other attributes, and with names for the inputs that there are."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    del made.input[:]
    made.input.extend("" if value is None else f"i{k}" for k, value in enumerate(inputs))
    if not changed:
        return made
    kept = [attribute for attribute in node.attribute if attribute.name not in changed]
    del made.attribute[:]
    made.attribute.extend(kept)
    schema = onnx.defs.get_schema(operator.op, version, operator.domain)
    for name, value in changed.items():
        if value is not None and name in schema.attributes:
            kind = kind_of(schema, name)
            made.attribute.append(helper.make_attribute(name, value, attr_type=kind))
    return made


def _domain(node: onnx.NodeProto) -> str:
    return "" if node.domain == "ai.onnx" else node.domain


def _rounded(quantity: Quantity) -> Quantity:
    """What a correct device keeps: the reference in its type, exact."""
    return exactly(value_of(quantity))


def _wide(quantity: Quantity) -> Array | None:
    return np.asarray(quantity.value) if isinstance(quantity, Pair) else None


def same(left: Value, right: Value) -> bool:
    """Whether two values are alike, bit for bit."""
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        if left.dtype != right.dtype or left.shape != right.shape:
            return False
        if left.array is right.array:
            return True
        if left.array.dtype.kind == "O":
            return bool((left.array == right.array).all())
        if left.array.dtype != right.array.dtype:
            return False
        return left.array.tobytes() == right.array.tobytes()
    if isinstance(left, list) and isinstance(right, list):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(same(a, b) for a, b in pairs)
    if isinstance(left, MapValue) and isinstance(right, MapValue):
        return same(left.keys, right.keys) and same(left.values, right.values)
    return left is None and right is None
