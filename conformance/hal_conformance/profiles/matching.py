"""What a case's id tells of it, and which version of an operator an opset means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from onnx import defs

_CONTAINERS = {"seq": "sequence", "optional": "optional", "map": "map"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at: `version` is None where a case has no single operator.

    `types` are element types, and the containers around them ("sequence", "optional", "map").
    """

    suite: str
    operators: frozenset[str]
    version: int | None
    types: frozenset[str]


def subject(case: str, facts: Mapping[str, Any] | None = None) -> Subject:
    """The subject of a case.

    Args:
        case: its id.
        facts: `ops` and `dtypes`, as records and suites tell them; needed for the standard's.
    """
    words = case.split("/")
    if words[0] == "ops":
        return _of_operator(case)
    if words[0] == "graphs":
        types = words[3] if len(words) > 4 else ""
        return Subject("graphs", frozenset(), None, _types(types))
    told = facts or {}
    return Subject(
        words[0], frozenset(told.get("ops", ())), None, frozenset(told.get("dtypes", ()))
    )


@cache
def _of_operator(case: str) -> Subject:
    words = case.split("/")[1:]
    domain = f"{words.pop(0)}/" if "." in words[0] else ""
    op, version, types = words[0], words[1], words[2]
    return Subject("ops", frozenset({domain + op}), int(version), _types(types))


def _types(text: str) -> frozenset[str]:
    """The types that a part of an id joins by hyphens; none of "fixed"."""
    words = (_CONTAINERS.get(word, word) for word in text.split("-"))
    return frozenset(word for word in words if word not in ("", "fixed"))


@cache
def in_force(operator: str, opset: int) -> int | None:
    """The version of an operator that a model of that opset means; None where there is none.

    Operators of other domains ("ai.onnx.ml/Scaler") are in force as they are newest.
    """
    domain, _, op = operator.rpartition("/")
    try:
        newest = defs.onnx_opset_version() if not domain else 1 << 20
        schema = defs.get_schema(op, min(opset, newest) if not domain else newest, domain)
    except defs.SchemaError:
        return None
    return None if schema.deprecated else schema.since_version


@cache
def versions(operator: str, first: int, last: int) -> frozenset[int]:
    """The versions of an operator that are in force at any opset from the first to the last."""
    found = (in_force(operator, opset) for opset in range(first, last + 1))
    return frozenset(version for version in found if version is not None)
