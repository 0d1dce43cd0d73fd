"""Known outcomes: `expectations.toml` beside the adapter or the user's devices.yaml.

    schema = 1

    [[expect]]
    cases   = ["onnx/node/test_cast_*_FLOAT8E4M3FN*"]   # ids; * is any text, ? one character
    kind    = "not_yet"          # or "never": the hardware cannot, and says so (GAP)
    outcome = "FAIL"             # what happens today; "never" is always GAP
    cause   = "subnormals are flushed to zero"
    issue   = "https://github.com/vendor/sdk/issues/1"  # optional, as is everything below
    targets = ["openvino:*"]     # target names; default: every target that reads this file
    device  = "*Xeon*"           # the device's id or name
    sdk     = ">=2026.4,<2027"   # versions of the vendor's SDK
    expires = 2027-01-01         # look again from this day on
    also    = ["PASS", "CRASH"]  # what happens now and then instead
    behaves_like = "bf16*"       # only of a FAIL that bounds explain so

`load` parses files, `for_target` picks what holds for one target, `TargetExpectations.apply`
marks a record; gate.py judges a whole run, proposals.py writes the file anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, Self

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hal_conformance import globs
from hal_conformance.records import NEUTRAL, CaseRecord, Outcome, TargetHeader

BROAD = 20
"""A glob over more cases than this must state the one cause they share."""

SEEN = "seen: "
"""How a proposed cause begins: an observation that nobody has explained yet."""


class Expectation(BaseModel):
    """One entry of the file: these cases end like this, for this reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cases: tuple[str, ...] = Field(min_length=1)
    kind: Literal["never", "not_yet"]
    outcome: Outcome = Outcome.GAP
    cause: str
    issue: str | None = None
    targets: tuple[str, ...] = ("*",)
    device: str = "*"
    sdk: str | None = None
    expires: date | None = None
    also: tuple[Outcome, ...] = ()
    behaves_like: str | None = None

    @field_validator("cause")
    @classmethod
    def _said(cls, cause: str) -> str:
        if not cause.strip():
            raise ValueError("state the cause in a sentence")
        return cause

    @field_validator("cases", "targets")
    @classmethod
    def _not_blank(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if not all(pattern.strip() for pattern in patterns):
            raise ValueError("an empty pattern matches nothing")
        return patterns

    @field_validator("sdk")
    @classmethod
    def _range(cls, text: str | None) -> str | None:
        try:
            SpecifierSet(text or "")
        except InvalidSpecifier:
            raise ValueError(
                f"{text!r} is no range of versions; write one like '>=2026.4,<2027'"
            ) from None
        return text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "never" and self.outcome is not Outcome.GAP:
            raise ValueError(
                f"what the hardware can never do is a GAP, not {self.outcome.value}; "
                'leave outcome out, or write kind = "not_yet"'
            )
        if self.kind == "not_yet" and "outcome" not in self.model_fields_set:
            raise ValueError('kind "not_yet" needs the outcome that is seen today')
        if self.outcome in (Outcome.PASS, Outcome.SKIP):
            raise ValueError(f"{self.outcome.value} needs no expectation; remove the entry")
        if self.behaves_like is not None and self.outcome is not Outcome.FAIL:
            raise ValueError(
                f"only a FAIL behaves like an arithmetic, not {self.outcome.value}; "
                "remove behaves_like"
            )
        return self

    def speaks_of(self, record: CaseRecord) -> bool:
        """Whether the record shows what the entry asks for, wherever its case stands."""
        if self.behaves_like is None:
            return True
        held = record.bounds.held if record.bounds else None
        return (
            record.outcome is Outcome.FAIL
            and held is not None
            and globs.matches(self.behaves_like, held)
        )

    @property
    def explained(self) -> bool:
        """Whether somebody has stated the cause, rather than what was seen."""
        return not self.cause.startswith(SEEN)


@dataclass(frozen=True, slots=True)
class Entry:
    """An expectation and where it stands."""

    expectation: Expectation
    path: Path | None = None
    line: int | None = None

    @property
    def where(self) -> str:
        """ "file:line", as far as it is known."""
        name = str(self.path) if self.path else "expectations"
        return f"{name}:{self.line}" if self.line else name


@dataclass(frozen=True, slots=True)
class Expectations:
    """The entries of several files; a later file overrides an earlier one."""

    entries: tuple[Entry, ...] = ()

    def for_target(self, target: TargetHeader) -> TargetExpectations:
        """The entries that hold for this target's name, device and SDK version."""
        return TargetExpectations(
            target.target, [entry for entry in self.entries if holds(entry.expectation, target)]
        )


class TargetExpectations:
    """What is expected of each case on one target.

    A case's id written out beats a glob; among equals a later file beats an earlier one, and
    within a file the first entry stands. An entry that asks how an answer behaves stands aside
    where it behaves otherwise.
    """

    def __init__(self, target: str, entries: Sequence[Entry]) -> None:
        self.target = target
        self.entries = tuple(entries)
        self._exact: dict[str, list[Entry]] = {}
        self._globs: dict[str, list[tuple[int, str, Entry]]] = {}  # by what matches begin with
        for place, entry in enumerate(_by_precedence(entries)):
            for pattern in entry.expectation.cases:
                if globs.is_glob(pattern):
                    start = _folders(globs.literal(pattern))[-1]
                    self._globs.setdefault(start, []).append((place, pattern, entry))
                else:
                    self._exact.setdefault(pattern, []).append(entry)

    def of(self, record: CaseRecord) -> Entry | None:
        """The entry that decides this record."""
        for entry in self._exact.get(record.case, ()):
            if entry.expectation.speaks_of(record):
                return entry
        found = [
            (place, entry)
            for start in _folders(record.case)
            for place, glob, entry in self._globs.get(start, ())
            if globs.matches(glob, record.case) and entry.expectation.speaks_of(record)
        ]
        return min(found, key=lambda pair: pair[0])[1] if found else None

    def apply(self, record: CaseRecord) -> CaseRecord:
        """The record with `expected`, `unexpected` and `cause` set."""
        entry = self.of(record)
        known = entry.expectation if entry else None
        news = contradicts(known, record.outcome) if known else record.outcome not in NEUTRAL
        return record.model_copy(
            update={
                "expected": known.outcome if known else None,
                "unexpected": news,
                "cause": known.cause if known else None,
            }
        )


def _folders(case: str) -> list[str]:
    """ "", "ops/" and "ops/Conv/" of "ops/Conv/22/float32/group"."""
    ends = [place + 1 for place, letter in enumerate(case) if letter == "/"]
    return [case[:end] for end in (0, *ends[:2])]


def contradicts(known: Expectation, outcome: Outcome) -> bool:
    """Whether an outcome is news, given what is known.

    Any outcome but the known one is, a PASS and a worse one alike. A SKIP, COMPILED or UNJUDGED
    says nothing about a known failure; what can never work must be refused, so there COMPILED
    and UNJUDGED are news. A known FLAKE may pass: else it would make the gate one.
    """
    if outcome in (known.outcome, *known.also, Outcome.SKIP):
        return False
    if known.outcome is Outcome.FLAKE and outcome is Outcome.PASS:
        return False
    silent = outcome in (Outcome.COMPILED, Outcome.UNJUDGED)
    return not (silent and known.kind == "not_yet")


def holds(known: Expectation, target: TargetHeader) -> bool:
    """Whether an entry speaks of this target, its device and its SDK version."""
    identity = target.identity
    device = {target.device, str(identity.get("id", "")), str(identity.get("name", ""))}
    return (
        any(globs.matches(pattern, target.target) for pattern in known.targets)
        and any(globs.matches(known.device, name) for name in device)
        and in_range(known.sdk, str(identity.get("sdk", "")))
    )


def in_range(specifier: str | None, version: str) -> bool:
    """Whether a vendor's version, of which only the leading numbers count, is in the range."""
    if specifier is None:
        return True
    number = release(version)
    return number is not None and SpecifierSet(specifier).contains(number, prereleases=True)


def release(version: str) -> str | None:
    """The leading numbers of a vendor's version: "2026.4.1-21234-abc" is "2026.4.1"."""
    found = re.match(r"\s*v?(\d+(?:\.\d+)*)", version)
    return found.group(1) if found else None


def apply(record: CaseRecord, expectations: Expectations, target: TargetHeader) -> CaseRecord:
    """One record marked; for many records keep `expectations.for_target(target)`."""
    return expectations.for_target(target).apply(record)


def apply_all(
    records: Iterable[CaseRecord],
    expectations: Mapping[str, Expectations],
    targets: Sequence[TargetHeader],
) -> list[CaseRecord]:
    """Records of several targets marked, each by its own target's expectations."""
    none = Expectations()
    holding = {
        target.target: expectations.get(target.target, none).for_target(target)
        for target in targets
    }
    return [holding[record.target].apply(record) for record in records]


def _by_precedence(entries: Sequence[Entry]) -> list[Entry]:
    order: dict[Path | None, int] = {}
    for entry in entries:
        order.setdefault(entry.path, len(order))
    return sorted(entries, key=lambda entry: -order[entry.path])
