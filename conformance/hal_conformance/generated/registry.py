"""The schema registry of onnx, as the generator and the coverage tables read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from onnx import TypeProto, defs, helper

from hal import dtypes
from hal.dtypes import DType

Schema: TypeAlias = Any
"""defs.OpSchema, whose stubs lack most of what it has."""

OLDEST = 7
"""The oldest opset of the standard domain that counts: its broadcasting is today's."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An operator at one version; `schema` describes it."""

    domain: str
    op: str
    version: int
    schema: Schema
    newest: bool

    @property
    def name(self) -> str:
        """As ids begin: "Add", "ai.onnx.ml/Scaler"."""
        return f"{self.domain}/{self.op}" if self.domain else self.op


@cache
def pairs() -> tuple[Pair, ...]:
    """Every (operator, version) that is valid at opset 7 or later, sorted."""
    versions: dict[tuple[str, str], list[Schema]] = {}
    for schema in defs.get_all_schemas_with_history():
        versions.setdefault((schema.domain, schema.name), []).append(schema)
    found: list[Pair] = []
    for (domain, op), schemas in sorted(versions.items()):
        schemas.sort(key=lambda schema: schema.since_version)
        for schema, following in zip(schemas, [*schemas[1:], None], strict=True):
            replaced = following is not None and following.since_version <= OLDEST
            if not schema.deprecated and (domain or not replaced):
                found.append(Pair(domain, op, schema.since_version, schema, following is None))
    return tuple(found)


def opsets(pair: Pair) -> dict[str, int]:
    """What a model imports to mean this pair: the oldest opset that does, from 7 on."""
    if not pair.domain:
        return {"": max(pair.version, OLDEST)}
    return {"": 21, pair.domain: pair.version}


@cache
def admitted(schema: Schema) -> Mapping[str, tuple[str, ...]]:
    """By type parameter: the types it admits, in the order cases prefer them."""
    return {
        c.type_param_str: tuple(sorted(set(c.allowed_type_strs), key=_preference))
        for c in schema.type_constraints
    }


_PREFERRED = ("float32", "int64", "int32", "uint32", "uint8", "bool", "string")


def _preference(text: str) -> tuple[int, int, str]:
    leaf = re.search(r"(\w+)\)*$", text)
    name = dtypes.of_name(leaf[1]).name if leaf else ""
    rank = _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED)
    return text.count("("), rank, text


_LEAF = re.compile(r"^tensor\((\w+)\)$")


@cache
def element(text: str) -> DType | None:
    """The element type of "tensor(float)"; None for other types."""
    match = _LEAF.match(text)
    return dtypes.of_name(match[1]) if match else None


def inner(text: str) -> tuple[str, str]:
    """The container and what it holds: "seq(tensor(float))" gives "seq", "tensor(float)"."""
    word, _, rest = text.partition("(")
    return word, rest.removesuffix(")").strip()


def entries(text: str) -> tuple[str, str]:
    """Key and value type of what a map holds; ai.onnx.ml writes bare value types."""
    key, value = (part.strip() for part in text.split(",", 1))
    return key, value if "(" in value else f"tensor({value})"


def plain(text: str) -> str:
    """A type as ids say it: "float32", "seq-float32", "map-int64-float32"."""
    found = element(text)
    if found is not None:
        return found.name
    word, rest = inner(text)
    if word == "map":
        key, value = entries(rest)
        return f"map-{key}-{plain(value)}"
    return f"{word}-{plain(rest)}"


def proto(text: str, shape: tuple[int | str | None, ...] | None) -> TypeProto:
    """The TypeProto of a type; `shape` is that of the tensors in it."""
    found = element(text)
    if found is not None:
        return helper.make_tensor_type_proto(found.number, shape)
    word, rest = inner(text)
    if word == "seq":
        return helper.make_sequence_type_proto(proto(rest, shape))
    if word == "optional":
        return helper.make_optional_type_proto(proto(rest, shape))
    key, value = entries(rest)
    return helper.make_map_type_proto(dtypes.of_name(key).number, proto(value, shape))
