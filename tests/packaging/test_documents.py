"""Links between the documents lead somewhere, and the README's Python runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#([^)\s]+))?\)|\[[^\]]*\]\(#([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def _anchors(text: str) -> set[str]:
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(text))
    return {title.strip().replace(" ", "-") for title in plain}


def test_every_link_in_a_document_leads_to_a_file_and_a_heading(
    root: Path, tracked: list[str]
) -> None:
    dead: list[str] = []
    for name in (name for name in tracked if name.endswith(".md")):
        text = (root / name).read_text()
        for file, anchor, own in LINK.findall(text):
            if "://" in file:
                continue
            target = (root / name).parent / file if file else root / name
            wanted = anchor or own
            if not target.exists() or (wanted and wanted not in _anchors(target.read_text())):
                dead.append(f"{name}: {file}#{wanted}")
    assert dead == []


def test_every_document_is_listed_in_the_index(root: Path, tracked: list[str]) -> None:
    index = (root / "docs" / "README.md").read_text()
    documents = [name for name in tracked if name.startswith("docs/") and name.endswith(".md")]
    assert documents
    missing = [
        name
        for name in documents
        if name.removeprefix("docs/") not in index and not name.startswith("docs/results/")
    ]
    assert missing == ["docs/README.md"]


def test_the_readme_gives_a_first_result_in_ten_lines(root: Path) -> None:
    lines = (root / "README.md").read_text().splitlines()
    assert any(line.startswith("make conform") for line in lines[:10])


def test_the_python_of_the_readme_runs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doubling: onnx.ModelProto
) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("model.onnx").write_bytes(doubling.SerializeToString())
    names: dict[str, Any] = {"x": np.ones((2, 3), np.float32)}
    exec(compile(code, "README.md", "exec"), names)
    names["exe"].close()
    np.testing.assert_array_equal(names["y"]["y"], 2 * names["x"])
