"""JSON Schemas of what a run writes, generated from the models in `records`.

`python -m hal_conformance.schemas` writes the files beside this one; a test compares them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hal_conformance.records import CaseRecord, Findings, IndexRow, RunHeader

FOLDER = Path(__file__).parent
HOME = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, tuple[type[BaseModel], str]] = {
    "run.schema.json": (RunHeader, "run.json of a results folder"),
    "result.schema.json": (CaseRecord, "a line of results.jsonl"),
    "index.schema.json": (IndexRow, "a line of index.jsonl"),
    "findings.schema.json": (Findings, "findings.json of a results folder"),
}


def generate() -> dict[str, str]:
    """The text of each schema file by its name."""
    return {name: _text(model, title) for name, (model, title) in MODELS.items()}


def _text(model: type[BaseModel], title: str) -> str:
    body: dict[str, Any] = model.model_json_schema(by_alias=True, mode="validation")
    body = {"$schema": HOME, **body, "title": title}
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"
