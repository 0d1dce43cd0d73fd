"""Building onnx's suite into a cache, once, whole or not at all.

A corpus lies in `CACHE/onnx-1.23.2-KEY`, where KEY covers everything that goes into it: the
format, the versions of onnx, NumPy and ml_dtypes, and the code that writes it. It is built in a
folder beside it and renamed into place, so two processes may build at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from hal import inspection
from hal.errors import InputError
from hal.paths import cache_folder
from hal_conformance.corpus.corpus import Corpus
from hal_conformance.corpus.folder import FORMAT, MODELS, join
from hal_conformance.corpus.values import CorpusError
from hal_conformance.making import ENVIRONMENT, Progress, cores, in_silence

ONNX = "1.23.2"
CASES = 2033

_WRITERS = ("case", "folder", "generate", "onnx_suite", "rows", "values")
_PACKAGES = ("ml_dtypes", "numpy", "onnx")
_STALE_AFTER = 24 * 3600.0
_ATTEMPTS = 3
"""How often to try again where another process replaces the same corpus meanwhile."""


def standard(
    cache: str | os.PathLike[str] | None = None, progress: Progress | None = None
) -> Corpus:
    """All cases of onnx 1.23.2's own suite; built at the first call, then opened.

    Args:
        cache: the folder to keep it in, instead of `default_cache()`.
        progress: told how far the building is; not called where nothing is built.

    Raises:
        InputError: another version of onnx is installed.
        CorpusError: building failed.
    """
    versions = {package: metadata.version(package) for package in _PACKAGES}
    if versions["onnx"] != ONNX:
        raise InputError(
            f"the corpus is the suite of onnx {ONNX}, and onnx {versions['onnx']} is "
            f"installed; type: pip install onnx=={ONNX}"
        )
    root = Path(cache) if cache is not None else default_cache()
    folder = root / f"onnx-{ONNX}-{_key(versions)}"
    for _ in range(_ATTEMPTS):
        try:
            return Corpus.open(folder)
        except CorpusError:
            _build(folder, versions, progress or in_silence)
    return Corpus.open(folder)


def default_cache() -> Path:
    """Where corpora are kept: in the place that the platform has for what can be made again."""
    return cache_folder() / "corpus"


def _key(versions: Mapping[str, str]) -> str:
    hashed = hashlib.sha256(repr((FORMAT, sorted(versions.items()))).encode())
    hashed.update(Path(inspection.__file__).read_bytes())  # the facts of every case
    for module in _WRITERS:
        hashed.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return hashed.hexdigest()[:16]


def _build(folder: Path, versions: Mapping[str, str], progress: Progress) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        building.chmod(0o755)
        (building / MODELS).mkdir()
        parts = min(cores(), 4)
        _generate(building, parts, progress)
        found = join(building, parts, "onnx", versions)
        if found != CASES:
            raise CorpusError(f"onnx {ONNX} has {CASES} cases, and {found} were found")
        _publish(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _generate(folder: Path, parts: int, progress: Progress) -> None:
    """Run the parts side by side; a model file appears for each case that is done."""
    processes = [_start(part, parts, folder) for part in range(parts)]
    try:
        while any(process.poll() is None for process in processes):
            if any(process.returncode for process in processes):
                break
            progress(min(len(os.listdir(folder / MODELS)), CASES), CASES)
            time.sleep(0.02)
    finally:
        ends = [_end(process) for process in processes]
    logs = [folder / f"part-{part}.log" for part in range(parts)]
    if any(ends):
        said = "\n".join(log.read_text(errors="replace") for log in logs)
        raise CorpusError(f"onnx's cases could not be generated (exits {ends}):\n{said}")
    for log in logs:
        log.unlink()
    progress(CASES, CASES)


def _start(part: int, parts: int, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / f"part-{part}.log").open("wb") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "hal_conformance.corpus.generate"),
                *(str(part), str(parts), str(folder)),
            ],
            stdin=subprocess.PIPE,  # closes with this process, which ends the part
            stdout=log,
            stderr=log,
            env={**os.environ, **ENVIRONMENT},
        )


def _end(process: subprocess.Popen[bytes]) -> int:
    process.kill()
    if process.stdin:
        process.stdin.close()
    return process.wait()


def _publish(building: Path, folder: Path) -> None:
    """Put the corpus in place; one that another process put there first is as good."""
    for _ in range(_ATTEMPTS):
        try:
            building.replace(folder)
        except OSError:
            if _is_whole(folder):
                return
            _set_aside(folder)
        else:
            return
    raise CorpusError(f"{folder} could not be replaced; delete it and run again")


def _is_whole(folder: Path) -> bool:
    try:
        Corpus.open(folder)
    except CorpusError:
        return False
    return True


def _set_aside(folder: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix=".damaged-", dir=folder.parent))
    with suppress(OSError):  # another process may have been faster
        folder.replace(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what builds left behind that were killed a day ago or earlier."""
    for left in (*root.glob(".building-*"), *root.glob(".damaged-*")):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_AFTER:
                shutil.rmtree(left, ignore_errors=True)
