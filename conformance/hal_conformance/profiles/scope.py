"""All the cases of a profile, and a hash over them, so that nobody can shrink it in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from hal_conformance.profiles.profile import Profile, Tier

LOCK = Path(__file__).parent / "scopes.lock"

Facts: TypeAlias = Callable[[str], Mapping[str, Any]]
"""Gives `ops` and `dtypes` of a case; asked only where an id does not tell them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The cases of each part of a profile, in the order of the suites."""

    profile: Profile
    parts: Mapping[tuple[Tier, str], tuple[str, ...]]

    @property
    def cases(self) -> frozenset[str]:
        """All of them."""
        return frozenset(case for cases in self.parts.values() for case in cases)

    def count(self, tier: Tier) -> int:
        """How many are mandatory, or optional."""
        return sum(len(cases) for (of, _), cases in self.parts.items() if of == tier)

    @property
    def hash(self) -> str:
        """Over which case is in which part."""
        lines = sorted(
            f"{tier} {part} {case}\n"
            for (tier, part), cases in self.parts.items()
            for case in cases
        )
        return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"

    @property
    def is_published(self) -> bool:
        """Whether it is exactly what scopes.lock says of the profile."""
        return published().get(self.profile.name) == self.line

    @property
    def line(self) -> str:
        """The profile's line of scopes.lock."""
        counts = f"{self.count('mandatory')} {self.count('optional')}"
        told = self.profile
        return f"{told.name} {told.version} {counts} {told.hash} {self.hash}"

    def record(self) -> dict[str, Any]:
        """As `records.ProfileRecord`."""
        return {
            "name": self.profile.name,
            "version": self.profile.version,
            "arithmetic": self.profile.arithmetic,
            "hash": self.profile.hash,
            "scope": self.hash,
            "published": self.is_published,
            "parts": [
                {"name": part, "tier": tier, "cases": len(cases)}
                for (tier, part), cases in self.parts.items()
            ],
            "definition": self.profile.to_json(),
        }


def scope(
    profile: Profile, ids: Mapping[str, Iterable[str]], facts: Mapping[str, Facts]
) -> Scope:
    """The scope of a profile.

    Args:
        profile: the profile.
        ids: all cases by suite; suites that the profile does not name are left out.
        facts: by suite, for those whose ids do not tell operators and types: "onnx".
    """
    parts: dict[tuple[Tier, str], list[str]] = {
        (tier, part.name): [] for tier, part in profile.parts()
    }
    for suite in profile.suites:
        known = facts.get(suite)
        for case in ids.get(suite, ()):
            found = profile.part(case, known(case) if known else None)
            if found is not None:
                parts[found].append(case)
    return Scope(profile, {key: tuple(cases) for key, cases in parts.items()})


def published() -> dict[str, str]:
    """The lines of scopes.lock by profile."""
    if not LOCK.is_file():
        return {}
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return {line.split()[0]: line for line in lines if line and not line.startswith("#")}
