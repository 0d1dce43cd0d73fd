"""A fresh clone of HEAD and the distributions built from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _output(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of this checkout."""
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[str]:
    """Every tracked file, relative to the root, with slashes."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    return _output("git", "ls-files", "-z", cwd=ROOT).rstrip("\0").split("\0")


@pytest.fixture(scope="session")
def clone(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What somebody gets who clones the last commit: no untracked file, nothing built."""
    assert tracked
    folder = tmp_path_factory.mktemp("clone") / "onnx-hal"
    _output(
        "git", "clone", "--quiet", "--no-local", "--depth=1", ROOT.as_uri(), folder, cwd=ROOT
    )
    return folder


@pytest.fixture(scope="session")
def dist(clone: Path) -> Path:
    """The folder with one sdist, and one wheel that was built from the sdist."""
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist")
    _output(*build, cwd=clone)
    return clone / "dist"


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    """The wheel of the last commit."""
    [found] = dist.glob("*.whl")
    return found
