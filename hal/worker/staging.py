"""Lending `hal` and an adapter to an interpreter in which they are not installed.

A staged folder holds links to the two packages and nothing else, so that the other interpreter
sees its own NumPy and its own vendor packages, never ours.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from hal.errors import AdapterError
from hal.paths import cache_folder


def stage(module: str) -> Path:
    """A folder with links to `hal` and to the adapter's top-level package or module."""
    packages = [source("hal"), source(module.partition(".")[0])]
    key = hashlib.sha256("\n".join(map(str, packages)).encode()).hexdigest()[:16]
    folder = cache_folder() / "staged" / key
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        _link(package, folder / package.name)
    return folder


def source(package: str) -> Path:
    """A package's folder; the file of a module that is no package."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise AdapterError(
            f"package {package!r} is not found, so it cannot be lent to a worker"
        )
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations is not None else origin


def _link(source: Path, place: Path) -> None:
    if os.path.lexists(place):
        return
    try:
        place.symlink_to(source, target_is_directory=source.is_dir())
    except FileExistsError:
        return  # another process was faster
    except OSError:  # Windows without the right to make links
        if source.is_dir():
            shutil.copytree(source, place, dirs_exist_ok=True)
        else:
            shutil.copy(source, place)
