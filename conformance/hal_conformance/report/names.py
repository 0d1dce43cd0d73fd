"""What the id of a generated case says: operator, version, types, form.

`ops/Conv/22/bfloat16/group`; another domain stands before the operator, and types are joined by
dashes in the order of the schema's type parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

SUITES = ("ops", "graphs")
"""Suites whose cases are judged by bounds."""


@dataclass(frozen=True, slots=True)
class CaseName:
    """One single-operator case; `operator` is "Conv" or "ai.onnx.ml/Scaler"."""

    operator: str
    op: str
    domain: str
    version: int
    types: tuple[str, ...]
    form: str


@lru_cache(maxsize=1 << 17)
def parsed(case: str) -> CaseName | None:
    """The parts of a case's id; None where it is not of the single-operator suite."""
    words = case.split("/")
    if words[0] != "ops" or len(words) < 5 or not words[-3].isdigit():
        return None
    domain, op = "/".join(words[1:-4]), words[-4]
    return CaseName(
        operator=f"{domain}/{op}" if domain else op,
        op=op,
        domain=domain,
        version=int(words[-3]),
        types=tuple(words[-2].split("-")),
        form=words[-1],
    )


def suite_of(case: str) -> str:
    """The suite a case belongs to."""
    return case.split("/", 1)[0]


def subject_of(case: str, ops: list[str]) -> str:
    """What a finding is about: an operator, a family of graphs, or the operators of a model."""
    name = parsed(case)
    if name is not None:
        return name.operator
    words = case.split("/")
    if words[0] == "graphs":
        return "/".join(words[:2])
    return "+".join(dict.fromkeys(ops)) or "/".join(words[:2])
