"""Which plugin execution providers are installed as Python packages, and their devices.

A library may end the process that loads it, so each is loaded in a process of its own; one that
ends it is left out, and naming it as a device says what it did.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from hal.spec import DeviceInfo
from hal_onnxruntime.session import sdk

TIMEOUT_S = 30.0

_PACKAGE = re.compile(r"onnxruntime[-_](?:ep[-_].+|qnn.*)", re.IGNORECASE)
_OFFERS = "def get_library_path"

_ASK = """
import json, sys
sys.path += json.loads(sys.argv[2])
from hal_onnxruntime.plugin_library import PluginDevice
print(json.dumps(PluginDevice.parse(sys.argv[1]).info().to_json()))
"""


def devices() -> Sequence[DeviceInfo]:
    """The first device of each plugin package that is installed and has one here.

    Raises:
        SDKMissing: onnxruntime is not installed.
    """
    sdk()
    return tuple(found for module in modules() for found in _looked_at(module))


def modules() -> Sequence[str]:
    """The modules of installed packages that ship a plugin library; none is imported."""
    names: set[str] = set()
    for distribution in distributions():
        if _PACKAGE.fullmatch(distribution.name or ""):
            paths = distribution.files or ()
            names |= {path.parts[0] for path in paths if path.name == "__init__.py"}
    return sorted(name for name in names if name.isidentifier() and _ships_library(name))


def _ships_library(module: str) -> bool:
    spec = find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return False
    return _OFFERS in Path(spec.origin).read_text(encoding="utf-8", errors="replace")


def _looked_at(module: str) -> Iterator[DeviceInfo]:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK, module, json.dumps(sys.path)],
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode == 0:
        yield replace(DeviceInfo.from_json(json.loads(done.stdout.splitlines()[-1])), id=module)
