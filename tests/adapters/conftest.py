"""Targets that live in an environment of their own, for tests that name one in `TARGET`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

import hal
from hal import env, targets
from hal.targets import Target


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest) -> Target:
    """The shipped target of the file's `TARGET`; skips where its environment was not made."""
    found = targets.resolve(cast("Any", request).module.TARGET)  # pytest leaves it untyped
    if found.env is None or env.found(found.env) is None:
        pytest.skip(f"needs the environment that `hal env create {found.name}` makes")
    return found


@pytest.fixture(scope="module")
def device(target: Target) -> Iterator[hal.Device]:
    """That target, opened."""
    with hal.open(target) as opened:
        yield opened
