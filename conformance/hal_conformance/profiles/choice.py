"""A profile on a command line: what it makes of targets and suites, what is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hal.device import Device
from hal.errors import InputError
from hal.targets import Target
from hal_conformance.profiles.loading import load
from hal_conformance.profiles.profile import Profile
from hal_conformance.profiles.scope import Scope
from hal_conformance.profiles.suites import installed
from hal_conformance.records import IndexRow
from hal_conformance.runner.outcome import Observation
from hal_conformance.runner.suites import Prepares, Suite


@dataclass(frozen=True, slots=True)
class Choice:
    """A profile with its whole scope, as a run is asked for it."""

    scope: Scope

    @classmethod
    def of(cls, name: str, cache: Path | None = None) -> Choice:
        """The profile of that name, or in that file.

        Raises:
            InputError: there is none, or it is wrong.
        """
        return cls(installed(load(name), cache))

    @property
    def profile(self) -> Profile:
        """The profile."""
        return self.scope.profile

    def suites(self, asked: Sequence[str]) -> tuple[str, ...]:
        """Those of the suites that the profile has cases in.

        Raises:
            InputError: it has none there.
        """
        found = tuple(name for name in asked if name in self.profile.suites)
        if not found:
            raise InputError(
                f"profile {self.profile.name} has no cases in {', '.join(asked)}; it has some "
                f"in {', '.join(self.profile.suites)}"
            )
        return found

    def target(self, target: Target) -> Target:
        """The target, judged by the profile's arithmetic.

        Raises:
            InputError: it declares a lower one.
        """
        if not self.profile.admits(target.arithmetic):
            raise InputError(
                f"{target.name} declares {target.arithmetic}, and profile {self.profile.name} "
                f"judges by {self.profile.arithmetic}"
            )
        return replace(target, arithmetic=self.profile.arithmetic)

    def narrowed(self, suites: Mapping[str, Suite]) -> dict[str, Suite]:
        """The suites with the profile's cases alone."""
        cases = self.scope.cases
        return {name: Narrowed(suite, cases) for name, suite in suites.items()}

    def record(self) -> dict[str, Any]:
        """As `records.ProfileRecord`."""
        return self.scope.record()


class Narrowed:
    """A suite of which some cases count; what it says of itself stays what it was."""

    def __init__(self, suite: Suite, cases: frozenset[str]) -> None:
        self._suite = suite
        self._cases = cases

    def info(self) -> dict[str, Any]:
        """As the whole suite."""
        return self._suite.info()

    def ids(self) -> Sequence[str]:
        """Those that count, in the suite's order."""
        return [case for case in self._suite.ids() if case in self._cases]

    def prepare(self, cases: Sequence[str], targets: Sequence[Target]) -> None:
        """As the suite does."""
        if isinstance(self._suite, Prepares):
            self._suite.prepare(cases, targets)

    def facts(self, case: str) -> dict[str, Any]:
        """As the suite says."""
        return self._suite.facts(case)

    def index_rows(self, cases: Sequence[str]) -> list[IndexRow]:
        """As the suite says."""
        return self._suite.index_rows(cases)

    def observe(self, device: Device, case: str) -> Observation:
        """As the suite does."""
        return self._suite.observe(device, case)
