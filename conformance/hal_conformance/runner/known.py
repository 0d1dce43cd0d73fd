"""Where a target's expectations lie: with its adapter's package, then with the user.

The package is found without importing it: a vendor's code runs in workers only. In a package of
several adapters, `expectations.ADAPTER.toml` is that of one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from hal import registry
from hal.targets import Target
from hal_conformance.expectation_files import load
from hal_conformance.expectations import Expectations

NAME = "expectations.toml"


def files(target: Target) -> list[Path]:
    """The files that hold for the target; a later one overrides an earlier one."""
    shipped = _of_adapter(target.adapter)
    return [*([shipped] if shipped else []), *target.expectations]


def _of_adapter(adapter: str) -> Path | None:
    if adapter not in registry.names():
        return None  # answers that were made elsewhere
    package = registry.entry(adapter).value.partition(":")[0].partition(".")[0]
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for name in (f"expectations.{adapter}.toml", NAME):
            path = Path(folder) / name
            if path.is_file():
                return path
    return None


def hashes(paths: Iterable[Path]) -> dict[str, str]:
    """What each file held, by name."""
    return {
        path.name if path.name != NAME else f"{path.parent.name}/{NAME}": _digest(path)
        for path in paths
    }


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def of(target: Target) -> Expectations:
    """What is known of the target.

    Raises:
        InputError: a file is missing or holds a mistake.
    """
    return load(files(target))
