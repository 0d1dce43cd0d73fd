"""What our code imports is what `pyproject.toml` asks for."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements: list[str]) -> set[str]:
    return {_canonical(re.split(r"[\[<>=!~; ]", line)[0]) for line in requirements}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _undeclared(folder: Path, declared: set[str]) -> dict[str, str]:
    """Imported packages that none of the declared distributions brings, and where."""
    owners: Mapping[str, list[str]] = packages_distributions()
    found: dict[str, str] = {}
    ours = {"hal", *(path.stem for path in folder.glob("*.py"))}
    for path in sorted(folder.rglob("*.py")):
        for name in _imported(path):
            if name in sys.stdlib_module_names or name in ours or name.startswith("hal_"):
                continue
            if not {_canonical(owner) for owner in owners.get(name, [])} & declared:
                found[name] = path.relative_to(folder).as_posix()
    return found


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, list[str]]:
    """Requirements: of the base under "", of each extra under its name."""
    table = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return {"": table["dependencies"], **table["optional-dependencies"]}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("hal", ("ssh",)),
        ("conformance/hal_conformance", ("conformance",)),
        ("examples", ("examples",)),
    ],
)
def test_every_import_is_declared(
    root: Path, project: dict[str, list[str]], folder: str, extras: tuple[str, ...]
) -> None:
    declared = set[str]().union(*(_names(project[extra]) for extra in ("", *extras)))
    assert _undeclared(root / folder, declared) == {}


def test_every_adapter_imports_its_own_extra_only(
    root: Path, project: dict[str, list[str]]
) -> None:
    folders = sorted((root / "adapters").glob("hal_*"))
    assert folders
    for folder in folders:
        own = project.get(folder.name.removeprefix("hal_"), [])
        assert _undeclared(folder, _names(project[""]) | _names(own)) == {}, folder.name
