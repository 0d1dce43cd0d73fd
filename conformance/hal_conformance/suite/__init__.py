"""The API suite: what every device promises, as plain functions over a `device` fixture.

A map. `test_*.py` hold the contract tests, one promise each, grouped by subject; `promise`
names and lists them; `fixtures` is what they can ask for; `models` and `hostile` build what
they run; `check` is what they assert with. Three ways to run them:

    hal conform acme:0 --suite api                            in workers that may die
    pytest -p hal_conformance.plugin --pyargs hal_conformance.suite --target acme:0
    hal_conformance.suite.run_case(adapter, "api/results/values", target)

Vendor names never stand here: a test says what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hal_conformance.suite.promise import Case as Case
from hal_conformance.suite.promise import catalogue

if TYPE_CHECKING:
    from hal.adapter import Adapter


def cases() -> list[Case]:
    """Every contract test: id and hash; reads sources, imports no test."""
    return list(catalogue())


def run_case(adapter: Adapter, case: str, target: dict[str, Any]) -> dict[str, Any]:
    """As `execute.run_case`, which is imported when it is first used."""
    from hal_conformance.suite import execute

    return execute.run_case(adapter, case, target)
