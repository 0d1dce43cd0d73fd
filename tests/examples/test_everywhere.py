"""examples/everywhere.py: its page says what was measured, and so does the committed one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "everywhere.py"
RIGHT = {"class": 285, "cosine": 0.99951, "right": True, "compile_s": 1.0, "run_s": 1.0}
WRONG = {**RIGHT, "class": 7, "right": False}
REASON = {"reason": "Unsupported: no | here"}

pytest.importorskip("PIL")


def page(results: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--page", str(results)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def of(tmp_path: Path, rows: dict[str, Any]) -> str:
    found = {"date": "2026-01-02", "machine": "m", "judge": "ort 1", "targets": rows}
    (tmp_path / "found.json").write_text(json.dumps(found), encoding="utf-8")
    return page(tmp_path / "found.json")


def test_a_page_says_the_class_and_the_cosine_or_the_reason(tmp_path: Path) -> None:
    text = of(tmp_path, {"acme": {"mobilenetv2": RIGHT, "MiniLM-L6": REASON}})
    row = "| acme | class 285, cosine 0.999510 | Unsupported: no \\| here |"
    assert row in text.splitlines()


def test_a_wrong_answer_is_called_wrong_and_not_counted(tmp_path: Path) -> None:
    rows = {
        "good": {"mobilenetv2": RIGHT, "MiniLM-L6": RIGHT},
        "bad": {"mobilenetv2": WRONG, "MiniLM-L6": RIGHT},
    }
    text = of(tmp_path, rows)
    assert "| bad | WRONG: class 7" in text
    assert "1 of 2 targets are right on both models (mobilenetv2 1, MiniLM-L6 2)" in text


def test_the_committed_page_is_made_of_the_committed_results() -> None:
    docs = ROOT / "docs"
    assert page(docs / "everywhere.json") == (docs / "everywhere.md").read_text("utf-8")
