"""What importing us loads, and where the worker's side can be imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import pytest

THIRD_PARTY = """
import sys
ours = ("hal", "_distutils_hack")
print(*sorted({
    name.partition(".")[0] for name, module in sys.modules.items()
    if "site-packages" in str(getattr(module, "__file__", ""))
    and not name.startswith(ours)
}))
"""
BLOCKER = """
import sys
allowed = {*sys.stdlib_module_names, "numpy", "hal"}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and not top.startswith("hal_"):
            raise ModuleNotFoundError(f"blocked: {name}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def _python(code: str, python: str | Path = sys.executable, *path: Path) -> str:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(
        [python, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _imports(modules: Iterable[str]) -> str:
    return "".join(f"import {module}\n" for module in modules)


@pytest.fixture(scope="module")
def worker_modules(root: Path) -> list[str]:
    """The modules promised to Python 3.10 and NumPy alone: those ruff checks as 3.10 code."""
    config = tomllib.loads((root / "pyproject.toml").read_text())
    patterns = config["tool"]["ruff"]["per-file-target-version"]
    found = [*(root / "hal").rglob("*.py"), *(root / "adapters").rglob("*.py")]
    files = sorted(file.relative_to(root).as_posix() for file in found)
    names = [
        file.removeprefix("adapters/").removesuffix(".py").replace("/", ".")
        for file in files
        if any(fnmatch(file, pattern) for pattern in patterns)
    ]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    assert {"hal", "hal.adapter", "hal.spec", "hal.tensor", "hal.errors", "hal.worker"} <= set(
        names
    )
    return names


@pytest.fixture(scope="module")
def python310(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python 3.10 with NumPy and nothing else."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    on_path = shutil.which("python3.10")
    candidates = [str(path) for path in pyenv.glob("versions/3.10.*/bin/python3.10")]
    for candidate in [on_path, *candidates] if on_path else candidates:
        folder = tmp_path_factory.mktemp("python310") / "venv"
        made = subprocess.run(
            [candidate, "-m", "venv", folder], capture_output=True, check=False
        )
        if made.returncode == 0:
            python = folder / "bin" / "python"
            install = (python, "-m", "pip", "install", "-qq", "--no-input", "numpy")
            subprocess.run(install, check=True)
            return python
    pytest.skip("no Python 3.10 that can make a virtual environment on this machine")


def test_importing_hal_loads_nothing_else() -> None:
    assert _python("import hal" + THIRD_PARTY) == ""


def test_touching_every_public_name_loads_no_vendor_and_no_onnx() -> None:
    touch = "import hal\nfor name in dir(hal): getattr(hal, name)\n"
    loaded = _python(touch + THIRD_PARTY).split()
    assert "numpy" in loaded
    assert not {"onnx", "onnxruntime", "openvino", "google"} & set(loaded)


def test_making_every_adapter_loads_no_vendor_and_no_onnx() -> None:
    make = "from hal import registry\nmade = [registry.create(n) for n in registry.names()]\n"
    told = _python(make + "print(len(made), end=' ')" + THIRD_PARTY).split()
    assert int(told[0]) >= 16
    assert not set(told[1:]) - {"numpy", "ml_dtypes"}


def test_the_import_blocker_blocks() -> None:
    with pytest.raises(AssertionError, match="blocked: onnx"):
        _python(BLOCKER + "import onnx")


def test_the_workers_side_imports_with_numpy_alone(worker_modules: list[str]) -> None:
    assert _python(BLOCKER + _imports(worker_modules) + "print('done')") == "done"


@pytest.mark.slow
def test_the_workers_side_imports_on_python_3_10(
    root: Path, python310: Path, worker_modules: list[str]
) -> None:
    version = "import sys\nprint(*sys.version_info[:2])"
    code = _imports(worker_modules) + version
    assert _python(code, python310, root, root / "adapters") == "3 10"
