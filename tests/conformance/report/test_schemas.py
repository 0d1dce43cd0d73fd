"""The published JSON Schemas are those of the models, and describe what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hal_conformance.records import Outcome
from hal_conformance.results import Results
from hal_conformance.schemas import FOLDER, generate


@pytest.mark.parametrize("name", sorted(generate()))
def test_a_committed_schema_is_the_generated_one(name: str) -> None:
    hint = "run `python -m hal_conformance.schemas`"
    assert (FOLDER / name).read_text(encoding="utf-8") == generate()[name], hint


def test_no_schema_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(generate())


def test_every_written_key_is_in_the_schema(make_results: Callable[..., Results]) -> None:
    schema = json.loads(generate()["result.schema.json"])
    line = make_results(size=5).records[0].model_dump(by_alias=True, mode="json")
    assert set(line) == set(schema["properties"])
    assert schema["properties"]["schema"] == {
        "const": 1,
        "default": 1,
        "title": "Schema",
        "type": "integer",
    }


def test_the_results_format_document_explains_every_key_and_outcome() -> None:
    text = Path(__file__).parents[3].joinpath("docs/results-format.md").read_text()
    for name in generate():
        assert name in text
        for key in json.loads(generate()[name])["properties"]:
            assert f"`{key}`" in text, f"{name}: {key}"
    assert all(f"`{outcome.value}`" in text for outcome in Outcome)
