"""A cache with two small parts, made once."""

from __future__ import annotations

import pytest
from hal_conformance.frozen.corpus import FrozenCorpus
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.making import in_silence

PARTS = ("ops/Selu", "ops/Tile")


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    made = Shelf(tmp_path_factory.mktemp("cache"), jobs=2)
    made.prepare(PARTS, ["fp32"], in_silence)
    return made


@pytest.fixture(scope="session")
def corpus(shelf: Shelf) -> FrozenCorpus:
    return FrozenCorpus("ops", shelf)
