"""The catalogue claims what committed results show, and its page says what it claims."""

from __future__ import annotations

from pathlib import Path

import pytest
from hal_conformance.report import vendors

from hal.vendors import Catalogue, load

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "docs" / "results"


def claiming(**changed: str) -> Catalogue:
    """The catalogue with one piece of evidence changed."""
    catalogue = load().model_copy(deep=True)
    path = next(p for maker in catalogue.makers for p in maker.paths if p.evidence)
    assert path.evidence is not None
    path.evidence = path.evidence.model_copy(update=changed)
    return catalogue


def test_every_claim_has_committed_results() -> None:
    assert list(vendors.contradictions(load(), RESULTS)) == []


def test_the_committed_page_is_the_catalogue() -> None:
    assert vendors.main([str(RESULTS), "--check", str(ROOT / "docs" / "vendors.md")]) == 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"results": "2020-01-01-nowhere"}, "there are no results"),
        ({"target": "acme:0"}, "has no target 'acme:0'"),
        ({"date": "2020-01-01"}, "not of 2020-01-01"),
        ({"versions": "openvino 1.0"}, "which 'openvino 1.0' does not say"),
    ],
)
def test_a_claim_without_its_results_is_found(changed: dict[str, str], told: str) -> None:
    found = list(vendors.contradictions(claiming(**changed), RESULTS))
    assert len(found) == 1
    assert told in found[0]
