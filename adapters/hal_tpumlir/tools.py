"""The vendor's command-line tools, started as its package means them to be.

The package carries a glibc of Ubuntu 22.04 in its folder of libraries. On a system with another
one, its programs would load half of each and die ("stack smashing detected"), so the one that
this Python runs on is loaded first; nothing in the package is moved.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from hal import tools
from hal.errors import SDKMissing
from hal_tpumlir import errors

INSTALL = "hal env create sophgo-bm1684x"
_GLIBC = re.compile(r"\S+/lib(?:c|m)(?:\.so\.6|-2\.\d+\.so)$")


def root() -> Path:
    """The folder of the vendor's package, which is found without importing it.

    Raises:
        SDKMissing: it is not installed.
    """
    found = find_spec("tpu_mlir")
    if found is None or found.origin is None:
        raise SDKMissing(
            "TPU-MLIR is not installed; it wants Python 3.10 and pins of its own, so give it "
            f"an environment of its own: {INSTALL}",
            install=INSTALL,
        )
    return Path(found.origin).parent


def run(name: str, *arguments: str, folder: Path) -> str:
    """Run one of the tools (`model_transform`) in a folder; what it printed.

    Raises:
        DeviceLost: a signal ended it.
        HALError: it failed; what it said last is in the message.
    """
    package = root()
    script = package / "python" / "tools" / f"{name}.py"
    ended = tools.run(
        [sys.executable, str(script), *arguments],
        name,
        folder=folder,
        env=_environment(package),
    )
    if ended.status:
        raise errors.of_text(ended.said)
    return ended.said


def _environment(package: Path) -> dict[str, str]:
    libraries = package / "lib"
    ours = {
        "TPUC_ROOT": str(package),
        "PYTHONPATH": _joined(package, package / "python", package / "customlayer" / "python"),
        "LD_LIBRARY_PATH": _joined(libraries, libraries / "capi", libraries / "third_party"),
        "LD_PRELOAD": " ".join(_system_libraries()),
        "PATH": f"{package / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    return ours if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": "1", **ours}


def _joined(*folders: Path) -> str:
    return os.pathsep.join(map(str, folders))


def _system_libraries() -> list[str]:
    """The C and mathematics libraries that this process has loaded; NumPy needs the latter."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    found = {match[0] for line in lines if (match := _GLIBC.search(line))}
    return sorted(found)
