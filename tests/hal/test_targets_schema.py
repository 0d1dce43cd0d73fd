"""The published JSON Schema of devices.yaml."""

from __future__ import annotations

import json
from importlib.resources import files

from hal.targets_schema import json_schema

PUBLISHED = files("hal") / "schemas" / "devices.schema.json"


def test_the_published_schema_is_the_one_that_files_are_read_with() -> None:
    hint = "run: python -m hal.targets_schema > hal/schemas/devices.schema.json"
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == json_schema(), hint


def test_the_schema_says_what_every_key_is_for() -> None:
    silent = [
        f"{kind}.{name}"
        for kind, model in json_schema()["$defs"].items()
        for name, field in model.get("properties", {}).items()
        if not (field.get("description") or "$ref" in field)
    ]
    assert not silent
