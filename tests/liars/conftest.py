"""The liars of `tests/fixtures/liars`, registered for these tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hal import registry

FOLDER = Path(__file__).parent.parent / "fixtures" / "liars"


@pytest.fixture(scope="package")
def registered() -> Iterator[list[str]]:
    """The names of the liars, and of the honest devices among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(FOLDER)])
        registry.refresh()
        yield [
            name
            for name in registry.names()
            if registry.entry(name).distribution == "hal-liars"
        ]
    registry.refresh()
