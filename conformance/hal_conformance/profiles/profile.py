"""A profile as its file says it; docs/profiles.md has the meaning of each key.

A case belongs to the first part, the mandatory ones first, of which a rule takes it. Everything
here is a function of ids and facts: nothing is run, nothing is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hal_conformance import globs
from hal_conformance.profiles.matching import Subject, subject, versions

Tier = Literal["mandatory", "optional"]
SuiteName = Literal["ops", "graphs", "onnx"]
ArithmeticName = Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp16-acc16", "fp8", "int8"]

AS_GOOD: Mapping[str, frozenset[str]] = {
    "fp64": frozenset({"fp64"}),
    "fp32": frozenset({"fp32", "fp64"}),
    "tf32": frozenset({"tf32", "fp32", "fp64"}),
    "bf16": frozenset({"bf16", "tf32", "fp32", "fp64"}),
    "fp16": frozenset({"fp16", "tf32", "fp32", "fp64"}),
    "fp16-acc16": frozenset({"fp16-acc16", "fp16", "tf32", "fp32", "fp64"}),
    "fp8": frozenset({"fp8", "fp16", "bf16", "tf32", "fp32", "fp64"}),
    "int8": frozenset({"int8", "fp32", "fp64"}),
}
"""By the arithmetic of a profile: what a target may declare to be judged by it."""

_Names = Annotated[tuple[str, ...], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Strict):
    """Takes the cases that fit everything it says; what it does not say fits all.

    `opset` takes the version of each operator that is in force there, `opsets` those in force
    at any from the first to the last. `types` are all that a case may have, of `having` it has
    at least one. `cases` and `but` are patterns over ids, to be matched and not to be.
    """

    suites: Annotated[tuple[SuiteName, ...], Field(min_length=1)]
    operators: _Names | None = None
    opset: int | None = None
    opsets: tuple[int, int] | None = None
    types: _Names | None = None
    having: _Names | None = None
    cases: _Names | None = None
    but: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Rule:
        if self.opset is not None and self.opsets is not None:
            raise ValueError("say opset or opsets, not both")
        return self

    def takes(self, case: str, told: Subject) -> bool:
        """Whether it takes a case."""
        return (
            told.suite in self.suites
            and (self.operators is None or self._has_operators(told))
            and self._is_in_force(told)
            and (self.types is None or told.types <= self._allowed)
            and (self.having is None or not told.types.isdisjoint(self.having))
            and (self.cases is None or any(globs.matches(p, case) for p in self.cases))
            and not any(globs.matches(pattern, case) for pattern in self.but)
        )

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(self.types or ())

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.operators or ())

    def _has_operators(self, told: Subject) -> bool:
        return bool(told.operators) and told.operators <= self._known

    def _is_in_force(self, told: Subject) -> bool:
        if told.version is None or self._span is None:
            return True
        (operator,) = told.operators
        return told.version in versions(operator, *self._span)

    @cached_property
    def _span(self) -> tuple[int, int] | None:
        return self.opsets if self.opset is None else (self.opset, self.opset)


class Part(_Strict):
    """A set of cases with a name, and why it is asked for."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    reason: Annotated[str, Field(min_length=1)]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class Profile(_Strict):
    """A declared scope: what must be right, what may be, and in which arithmetic."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$")]
    title: Annotated[str, Field(min_length=1)]
    arithmetic: ArithmeticName
    sources: tuple[str, ...] = ()
    mandatory: Annotated[tuple[Part, ...], Field(min_length=1)]
    optional: tuple[Part, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Profile:
        names = [part.name for _, part in self.parts()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two parts are named {', '.join(twice)}")
        return self

    def parts(self) -> Iterator[tuple[Tier, Part]]:
        """The parts in the order in which they take cases."""
        for part in self.mandatory:
            yield "mandatory", part
        for part in self.optional:
            yield "optional", part

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites whose cases it takes."""
        named = (s for _, part in self.parts() for rule in part.rules for s in rule.suites)
        return tuple(dict.fromkeys(named))

    @property
    def hash(self) -> str:
        """Over everything it says, lists of operators written out."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    def to_json(self) -> dict[str, Any]:
        """All of it, as `Profile.model_validate` reads it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def part(
        self, case: str, facts: Mapping[str, Any] | None = None
    ) -> tuple[Tier, str] | None:
        """The part a case belongs to, and whether that is mandatory; None where to none."""
        told = subject(case, facts)
        for tier, name, rule in self._rules.get(told.suite, ()):
            if rule.takes(case, told):
                return tier, name
        return None

    @cached_property
    def _rules(self) -> Mapping[str, list[tuple[Tier, str, Rule]]]:
        """By suite: the rules that look at it, each with its part, in their order."""
        found: dict[str, list[tuple[Tier, str, Rule]]] = {name: [] for name in self.suites}
        for tier, part in self.parts():
            for rule in part.rules:
                for suite in dict.fromkeys(rule.suites):
                    found[suite].append((tier, part.name, rule))
        return found

    def selects(self, case: str, facts: Mapping[str, Any] | None = None) -> Tier | None:
        """Whether a case is mandatory, optional, or none of its business.

        Args:
            case: its id.
            facts: `ops` and `dtypes`, as suites and records tell them.
        """
        found = self.part(case, facts)
        return found[0] if found else None

    def admits(self, declared: str | None) -> bool:
        """Whether a target that declares this arithmetic may be judged by the profile's."""
        return declared is None or declared in AS_GOOD[self.arithmetic]
