"""The scope of a profile over the suites as they are installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from hal_conformance.profiles.loading import load, names
from hal_conformance.profiles.profile import Profile
from hal_conformance.profiles.scope import LOCK, Facts, Scope, scope

HEAD = "# profile version mandatory optional hash-of-profile hash-of-scope\n"

NEEDS_FACTS = ("onnx",)
"""Suites whose ids do not tell operators and types; the others would make their cases first."""


class Listed(Protocol):
    """What is asked of a suite."""

    def ids(self) -> Any: ...
    def facts(self, case: str) -> dict[str, Any]: ...


def scope_over(profile: Profile, suites: Mapping[str, Listed]) -> Scope:
    """The cases of a profile among those of these suites."""
    facts: dict[str, Facts] = {n: suites[n].facts for n in NEEDS_FACTS if n in suites}
    ids = {name: suites[name].ids() for name in profile.suites if name in suites}
    return scope(profile, ids, facts)


def publish() -> int:
    """Write scopes.lock anew over the corpora as they are frozen; how many profiles it has."""
    lines = [installed(load(name)).line for name in names()]
    LOCK.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)


def installed(profile: Profile, cache: Path | None = None) -> Scope:
    """The whole scope of a profile; the standard's cases are made where they are not cached."""
    from hal_conformance.frozen import lock
    from hal_conformance.runner.standard_suite import StandardSuite

    ids: dict[str, Any] = {n: list(lock.read(n)) for n in profile.suites if n != "onnx"}
    facts: dict[str, Facts] = {}
    if "onnx" in profile.suites:
        standard = StandardSuite(cache)
        ids["onnx"], facts["onnx"] = standard.ids(), standard.facts
    return scope(profile, ids, facts)
