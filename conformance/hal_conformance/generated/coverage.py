"""How much of the standard a set of cases touches, and the tables of `hal corpus stats`.

Three counts, each over the operators of the installed onnx. A *pair* is an (operator, version)
valid at opset 7 or later. A *triple* is (operator, type parameter, type) at an operator's
newest version; a fixed type of an input or output counts as a parameter with one type. An
*attribute* of a newest version counts where it is set to something other than its default.
Cases count where the model is that operator alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import onnx

from hal import dtypes
from hal_conformance.corpus.rows import plain_attribute, type_text
from hal_conformance.generated import registry
from hal_conformance.generated.registry import Schema

if TYPE_CHECKING:
    from hal_conformance.corpus.corpus import Corpus
    from hal_conformance.generated.source import Source

Operator: TypeAlias = tuple[str, str]
Triple: TypeAlias = tuple[str, str, str, str]
"""Domain, operator, type parameter, type."""
Attribute: TypeAlias = tuple[str, str, str]

EXCLUDED: Mapping[Operator, str] = {
    ("ai.onnx.preview.training", "Gradient"): (
        "it differentiates the graph around it: no model of this operator alone has a meaning"
    ),
}
"""Operators without cases, and why; no other lacks a version, a type or an attribute."""


@dataclass(frozen=True)
class Use:
    """An operator in a model: its version, attributes, and types by position (None: absent)."""

    operator: Operator
    version: int
    attributes: Mapping[str, Any]
    inputs: Sequence[str | None]
    outputs: Sequence[str | None]


@dataclass
class Coverage:
    """What some cases touch."""

    cases: int = 0
    pairs: set[tuple[str, str, int]] = field(default_factory=set[tuple[str, str, int]])
    triples: set[Triple] = field(default_factory=set[Triple])
    attributes: set[Attribute] = field(default_factory=set[Attribute])

    def add(self, use: Use) -> None:
        """Count one operator of one case."""
        domain, op = use.operator
        self.pairs.add((domain, op, use.version))
        schema = newest().get(use.operator)
        if schema is None or schema.since_version != use.version:
            return
        for formals, texts in ((schema.inputs, use.inputs), (schema.outputs, use.outputs)):
            for position, text in enumerate(texts):
                if text and len(formals):
                    formal = formals[min(position, len(formals) - 1)]
                    self.triples.add((domain, op, formal.type_str, text))
        for name, value in use.attributes.items():
            if name in schema.attributes and value != default_of(schema, name):
                self.attributes.add((domain, op, name))


@cache
def newest() -> Mapping[Operator, Schema]:
    """By operator, its newest version; deprecated operators are left out."""
    return {(p.domain, p.op): p.schema for p in registry.pairs() if p.newest}


def all_pairs() -> set[tuple[str, str, int]]:
    """What `Coverage.pairs` can hold."""
    return {(pair.domain, pair.op, pair.version) for pair in registry.pairs()}


@cache
def all_triples() -> frozenset[Triple]:
    """What `Coverage.triples` can hold."""
    found: set[Triple] = set()
    for (domain, op), schema in newest().items():
        admitted = registry.admitted(schema)
        for parameter, types in admitted.items():
            found |= {(domain, op, parameter, _text(text)) for text in types}
        for formal in (*schema.inputs, *schema.outputs):
            if formal.type_str not in admitted:
                found.add((domain, op, formal.type_str, _text(formal.type_str)))
    return frozenset(found)


def all_attributes() -> set[Attribute]:
    """What `Coverage.attributes` can hold."""
    return {
        (*operator, name) for operator, schema in newest().items() for name in schema.attributes
    }


@cache
def _text(schema_text: str) -> str:
    return text_of_proto(registry.proto(schema_text, None))


def text_of_proto(proto: onnx.TypeProto) -> str:
    """A type as triples name it."""
    if proto.HasField("map_type"):
        key = dtypes.of_number(proto.map_type.key_type).name
        return f"map({key},{text_of_proto(proto.map_type.value_type)})"
    if proto.HasField("sequence_type"):
        return f"sequence({text_of_proto(proto.sequence_type.elem_type)})"
    if proto.HasField("optional_type"):
        return f"optional({text_of_proto(proto.optional_type.elem_type)})"
    return type_text(proto, shape=False)


def default_of(schema: Schema, name: str) -> Any:
    """The default of an attribute as `plain_attribute` gives it; None where there is none."""
    default = schema.attributes[name].default_value
    return plain_attribute(default) if default.type else None


def of_sources(sources: Iterable[Source]) -> Coverage:
    """What generated cases touch."""
    coverage = Coverage()
    for source in sources:
        coverage.cases += 1
        coverage.add(_use(source))
    return coverage


def _use(source: Source) -> Use:
    model = onnx.ModelProto.FromString(source.model)
    node = model.graph.node[0]
    types = {w.name: dtypes.of_number(w.data_type).name for w in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.output):
        types[value.name] = text_of_proto(value.type)
    _, op, *rest = source.id.split("/")
    version = int(rest[1] if node.domain else rest[0])
    assert op in (node.op_type, node.domain)
    return Use(
        (node.domain, node.op_type),
        version,
        {a.name: plain_attribute(a) for a in node.attribute},
        [types.get(name) for name in node.input],
        [types.get(name) for name in node.output],
    )


def of_corpus(corpus: Corpus, *, alone: bool) -> Coverage:
    """What the cases of onnx's own suite touch: `alone`, those of one node, or all of them."""
    coverage = Coverage()
    for row in corpus.index_rows(corpus.cases):
        if alone and len(row.nodes) != 1:
            continue
        coverage.cases += 1
        for node in row.nodes:
            coverage.add(
                Use(
                    (node.domain, node.op),
                    node.version,
                    node.attributes,
                    [_without_shape(text) for text in node.inputs],
                    [_without_shape(text) for text in node.outputs],
                )
            )
    return coverage


def _without_shape(text: str | None) -> str | None:
    if text is None or "[" not in text:
        return text
    head, _, rest = text.partition("[")
    return head + rest.rpartition("]")[2]


@dataclass(frozen=True)
class Row:
    """A line of a table: what is counted, how many there are, how many each corpus has."""

    what: str
    total: int
    counts: Sequence[int]


class Counts(Protocol):
    """Pairs, triples and attributes, however they were counted."""

    @property
    def pairs(self) -> Set[tuple[str, str, int]]: ...
    @property
    def triples(self) -> Set[Triple]: ...
    @property
    def attributes(self) -> Set[Attribute]: ...


def table(counted: Sequence[Counts]) -> list[Row]:
    """The coverage of several sets of cases side by side."""
    pairs, triples, attributes = all_pairs(), all_triples(), all_attributes()
    ai_onnx = {pair for pair in pairs if not pair[0]}
    return [
        Row(
            "(operator, version), ai.onnx",
            len(ai_onnx),
            [len(c.pairs & ai_onnx) for c in counted],
        ),
        Row("(operator, version), all", len(pairs), [len(c.pairs & pairs) for c in counted]),
        Row(
            "(operator, parameter, type)",
            len(triples),
            [len(c.triples & triples) for c in counted],
        ),
        Row("attributes", len(attributes), [len(c.attributes & attributes) for c in counted]),
    ]


@dataclass(frozen=True)
class Missing:
    """What no generated case touches."""

    pairs: Sequence[tuple[str, str, int]]
    triples: Sequence[Triple]
    attributes: Sequence[Attribute]


def missing(coverage: Counts) -> Missing:
    """What the cases leave out, sorted."""
    return Missing(
        sorted(all_pairs() - coverage.pairs),
        sorted(all_triples() - coverage.triples),
        sorted(all_attributes() - coverage.attributes),
    )
