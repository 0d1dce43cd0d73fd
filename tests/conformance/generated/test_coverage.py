"""What of the standard the generated cases cover, and how that is counted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hal_conformance.generated import Source, coverage
from hal_conformance.generated.coverage import Coverage, Use


@pytest.fixture(scope="module")
def covered(sources: Sequence[Source]) -> Coverage:
    """What all cases cover."""
    return coverage.of_sources(sources)


def test_the_denominators_are_those_of_onnx_1_23_2() -> None:
    assert sum(not domain for domain, _, _ in coverage.all_pairs()) == 568
    assert len(coverage.all_triples()) == 3032
    assert len(coverage.all_attributes()) == 426


def test_every_operator_at_every_version_has_cases_but_the_named(covered: Coverage) -> None:
    missing = {(domain, op) for domain, op, _ in coverage.missing(covered).pairs}
    assert missing == set(coverage.EXCLUDED)


def test_every_type_of_every_parameter_has_cases_but_the_named(covered: Coverage) -> None:
    missing = {(domain, op) for domain, op, _, _ in coverage.missing(covered).triples}
    assert missing == set(coverage.EXCLUDED)


def test_every_attribute_leaves_its_default_but_the_named(covered: Coverage) -> None:
    missing = {(domain, op) for domain, op, _ in coverage.missing(covered).attributes}
    assert missing == set(coverage.EXCLUDED)


def test_an_attribute_at_its_default_does_not_count() -> None:
    counted = Coverage()
    counted.add(
        Use(("", "Gemm"), 13, {"alpha": 1.0, "beta": 0.5}, ["float32"] * 3, ["float32"])
    )
    assert counted.attributes == {("", "Gemm", "beta")}


def test_types_count_at_the_newest_version_alone() -> None:
    counted = Coverage()
    counted.add(Use(("", "Gemm"), 11, {}, ["float32", "float32"], ["float32"]))
    assert (counted.pairs, counted.triples) == ({("", "Gemm", 11)}, set())


def test_fixed_types_count_as_parameters_of_one_type() -> None:
    counted = Coverage()
    counted.add(Use(("", "ArgMax"), 13, {}, ["float16"], ["int64"]))
    assert counted.triples == {
        ("", "ArgMax", "T", "float16"),
        ("", "ArgMax", "tensor(int64)", "int64"),
    }
