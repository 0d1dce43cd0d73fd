"""The stranger of `tests/fixtures/acme`, installed for a child process without pip."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

ACME = Path(__file__).parents[2] / "fixtures" / "acme"


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the distribution is found, from its own pyproject.toml."""
    project = tomllib.loads((ACME / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("site")
    info = site / f"hal_acme-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = project["entry-points"]["hal.adapters"]
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[hal.adapters]\n{lines}")
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ACME / "src")))}
