"""Walking a model with pairs: every value with the error a correct device may have made.

Control flow follows the reference's path. An operator without a rule is expanded through the
body the standard gives it; one without a body either leaves its outputs unknown, which is
UNJUDGED later, never a pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hal import dtypes
from hal_conformance.numerics import families, rules
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic
from hal_conformance.numerics.control import control_flow
from hal_conformance.numerics.expansion import body_of
from hal_conformance.numerics.inference import output_types
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hal_conformance.numerics.reference import run_node
from hal_conformance.numerics.rules import Step

families.load()


def bounds(
    model: onnx.ModelProto,
    feeds: Mapping[str, Quantity],
    arithmetic: Arithmetic,
    *,
    primitive: bool = False,
) -> list[Quantity]:
    """The outputs of a model, each with what a correct device of that arithmetic may return.

    Args:
        model: a checked model, with its weights inside.
        feeds: every input by name.
        arithmetic: what the device computes in.
        primitive: the bounds that grade operators as primitives, tighter than what FAILs.

    Raises:
        InputError: the model holds a type this cannot compute with.
    """
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    functions = {(f.domain, f.name): f for f in model.functions}
    walk = Walk(arithmetic, opsets, functions, primitive=primitive)
    return walk.graph(model.graph, dict(feeds))


class Walk:
    """One pass over a graph, its subgraphs and the functions it calls."""

    def __init__(
        self,
        arithmetic: Arithmetic,
        opsets: Mapping[str, int],
        functions: Mapping[tuple[str, str], onnx.FunctionProto],
        *,
        primitive: bool = False,
    ) -> None:
        self._arithmetic = arithmetic
        self._opsets = {("" if d == "ai.onnx" else d): v for d, v in opsets.items()}
        self._functions = functions
        self._primitive = primitive

    def graph(self, graph: onnx.GraphProto, names: dict[str, Quantity]) -> list[Quantity]:
        """The outputs of a graph, given what its names stand for outside."""
        names |= {t.name: pair_of(t) for t in graph.initializer if t.name not in names}
        self._nodes(graph.node, names, {})
        return [names[value.name] for value in graph.output]

    def _nodes(
        self,
        nodes: Sequence[onnx.NodeProto],
        names: dict[str, Quantity],
        given: Mapping[str, onnx.AttributeProto],
    ) -> None:
        for node in nodes:
            resolved = _resolved(node, given)
            inputs = [names[name] if name else None for name in resolved.input]
            outputs = self._node(resolved, inputs, names)
            pairs = zip(resolved.output, outputs, strict=False)
            names.update({name: value for name, value in pairs if name})

    def _node(
        self, node: onnx.NodeProto, inputs: Sequence[Quantity], names: Mapping[str, Quantity]
    ) -> Sequence[Quantity]:
        domain = "" if node.domain == "ai.onnx" else node.domain
        local = self._functions.get((node.domain, node.op_type))
        if local is not None:
            return self._call(local, node, inputs)
        if not domain and node.op_type in ("If", "Loop", "Scan"):
            return control_flow(self.graph, node, inputs, names)
        version = self._version(node.op_type, domain)
        return self._operator(node, domain, version, inputs)

    def _operator(
        self, node: onnx.NodeProto, domain: str, version: int, inputs: Sequence[Quantity]
    ) -> Sequence[Quantity]:
        """The outputs of an operator that is neither a local function nor control flow."""
        entry = rules.find(node.op_type, version, domain)
        if entry is not None:
            return entry.rule(self._step(node, domain, version), inputs)
        body = body_of(node, self._opsets.get(domain, version), inputs)
        if body is not None:
            return self._call(body, with_defaults(node, domain, version), inputs)
        return self._without_rule(node, version, inputs)

    def _version(self, op: str, domain: str) -> int:
        opset = self._opsets.get(domain, 1)
        try:
            return int(onnx.defs.get_schema(op, opset, domain).since_version)
        except onnx.defs.SchemaError:
            return opset

    def _step(self, node: onnx.NodeProto, domain: str, version: int) -> Step:
        def reference(values: Sequence[Any]) -> list[Any]:
            return run_node(node, version, values)

        return Step(
            node.op_type,
            domain,
            version,
            attributes_of(node, domain, version),
            self._arithmetic,
            tuple(name or None for name in node.output),
            reference,
            self._primitive,
        )

    def _call(
        self, function: onnx.FunctionProto, node: onnx.NodeProto, inputs: Sequence[Quantity]
    ) -> list[Quantity]:
        opsets = {entry.domain: entry.version for entry in function.opset_import}
        inner = copy(self)
        inner._opsets = {**self._opsets, **opsets}
        padded = [*inputs, *[None] * (len(function.input) - len(inputs))]
        names: dict[str, Quantity] = dict(zip(function.input, padded, strict=True))
        given = {attribute.name: attribute for attribute in function.attribute_proto}
        given |= {attribute.name: attribute for attribute in node.attribute}
        inner._nodes(function.node, names, given)
        return [names.get(name) for name in function.output]

    def _without_rule(
        self, node: onnx.NodeProto, version: int, inputs: Sequence[Quantity]
    ) -> list[Quantity]:
        plain = [plain_of(value) for value in inputs]
        exact = all(is_exact(value) for value in inputs)
        results = run_node(node, version, plain)
        domain = "" if node.domain == "ai.onnx" else node.domain
        types = output_types(node, domain, version, inputs)
        return [
            quantity_of(result, types.get(name), exact=exact)
            for name, result in zip(node.output, results, strict=False)
        ]


def pair_of(tensor: onnx.TensorProto) -> Pair:
    """An exact pair of a weight."""
    return Pair.exact(numpy_helper.to_array(tensor), dtypes.of_number(tensor.data_type).name)


def attributes_of(node: onnx.NodeProto, domain: str, version: int) -> dict[str, Any]:
    """The attributes as Python values, with the schema's defaults for those not set."""
    found: dict[str, Any] = {}
    if onnx.defs.has(node.op_type, domain):
        schema = onnx.defs.get_schema(node.op_type, version, domain)
        for name, attribute in schema.attributes.items():
            if attribute.default_value.type:
                found[name] = _decoded(attribute.default_value)
    return found | {a.name: _decoded(a) for a in node.attribute}


def with_defaults(node: onnx.NodeProto, domain: str, version: int) -> onnx.NodeProto:
    """The node with its schema's defaults written out, for a body that refers to them."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    present = {attribute.name for attribute in node.attribute}
    schema = onnx.defs.get_schema(node.op_type, version, domain)
    for name, attribute in schema.attributes.items():
        if name not in present and attribute.default_value.type:
            copy.attribute.append(attribute.default_value)
    return copy


def _decoded(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # a sequence
        return [item.decode() if isinstance(item, bytes) else item for item in items]
    return value


def _resolved(node: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto]) -> onnx.NodeProto:
    """The node with the attributes that refer to its function's filled in."""
    if not any(attribute.ref_attr_name for attribute in node.attribute):
        return node
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.attribute[:]
    for attribute in node.attribute:
        source = given.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute
        if source is not None:
            added = copy.attribute.add()
            added.CopyFrom(source)
            added.name = attribute.name
    return copy


def plain_of(value: Quantity) -> Any:
    """The reference's own data behind a quantity."""
    if isinstance(value, Pair):
        return value.value
    if isinstance(value, Table):
        return dict(zip(value.keys.value.tolist(), value.values.value.tolist(), strict=True))
    return None if value is None else [plain_of(item) for item in value]


def is_exact(value: Quantity) -> bool:
    """Whether nothing in it may differ on a correct device."""
    if isinstance(value, Pair):
        return value.is_exact
    if isinstance(value, Table):
        return value.keys.is_exact and value.values.is_exact
    return value is None or all(is_exact(item) for item in value)


def quantity_of(plain: Any, dtype: str | None = None, *, exact: bool) -> Quantity:
    """A quantity over what the reference returned; what is not exact is unknown.

    `dtype` is its element type, by default that of the array, which was computed in float64.
    """
    if plain is None:
        return None
    if isinstance(plain, list):
        items: list[Any] = plain  # pyright: ignore[reportUnknownVariableType]  # a sequence
        return [quantity_of(item, dtype, exact=exact) for item in items]
    pair = Pair.exact(np.asarray(plain), dtype)
    known = exact and pair.dtype not in FORMATS
    return pair if known else pair.unknown()
