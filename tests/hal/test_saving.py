"""Saved programs, and the cache of them: whole, of this device, or made again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import hal
from hal import artifact
from hal.errors import ArtifactError, InputError

Array = np.ndarray[Any, Any]


@pytest.fixture
def device(toy: str) -> Iterator[hal.Device]:
    with hal.open(f"{toy}:0") as opened:
        yield opened


def test_a_saved_program_comes_back(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    saved = device.compile(doubling).save()
    assert (device.load(saved)({"x": x})["y"] == x * 2).all()


@pytest.mark.parametrize("position", [0, 10, 40, -1])
def test_a_damaged_artifact_is_refused(
    device: hal.Device, doubling: onnx.ModelProto, position: int
) -> None:
    saved = bytearray(device.compile(doubling).save())
    saved[position] ^= 0xFF
    with pytest.raises(ArtifactError):
        device.load(bytes(saved))


def test_a_truncated_artifact_is_refused(device: hal.Device, doubling: onnx.ModelProto) -> None:
    saved = device.compile(doubling).save()
    for length in (0, 5, 20, len(saved) - 1):
        with pytest.raises(ArtifactError):
            device.load(saved[:length])


def test_a_foreign_artifact_says_what_differs(
    device: hal.Device, doubling: onnx.ModelProto
) -> None:
    saved = device.compile(doubling).save()
    with (
        hal.open("reference:cpu") as other,
        pytest.raises(ArtifactError, match="saved for adapter 'toy'; here it is 'reference'"),
    ):
        other.load(saved)


def test_the_cache_compiles_once(
    device: hal.Device, doubling: onnx.ModelProto, x: Array, tmp_path: Path
) -> None:
    device.compile(doubling, cache=tmp_path).close()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = device.compile(doubling, cache=tmp_path)
    assert (again({"x": x})["y"] == x * 2).all()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept
    assert len(kept) == 1


def test_a_damaged_cache_entry_is_made_again(
    device: hal.Device, doubling: onnx.ModelProto, x: Array, tmp_path: Path
) -> None:
    device.compile(doubling, cache=tmp_path).close()
    (entry,) = tmp_path.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-1])
    device.compile(doubling, cache=tmp_path).close()
    assert entry.read_bytes() == whole


def test_other_options_are_another_cache_entry(
    device: hal.Device, doubling: onnx.ModelProto, tmp_path: Path
) -> None:
    device.compile(doubling, cache=tmp_path)
    device.compile(doubling, cache=tmp_path, threads=1)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_program_that_cannot_be_saved_compiles_with_a_cache_too(
    device: hal.Device, doubling: onnx.ModelProto, x: Array, tmp_path: Path
) -> None:
    exe = device.compile(doubling, cache=tmp_path, vendor={"act": "unsaved"})
    assert (exe({"x": x})["y"] == x * 2).all()
    assert list(tmp_path.iterdir()) == []


def test_threads_may_fill_one_cache_entry_at_once(
    device: hal.Device, doubling: onnx.ModelProto, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(device.compile, doubling, cache=tmp_path) for _ in range(40)]
    assert [future.exception() for future in made] == [None] * 40
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_an_input_error(
    device: hal.Device, doubling: onnx.ModelProto, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="folder that can be written"):
        device.compile(doubling, cache=tmp_path / "file")


def test_a_program_is_saved_after_its_models_file_has_gone(
    device: hal.Device, doubling: onnx.ModelProto, x: Array, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(doubling.SerializeToString())
    exe = device.compile(path)
    path.unlink()
    assert (device.load(exe.save())({"x": x})["y"] == x * 2).all()


def test_an_artifact_with_options_of_another_version_is_refused(device: hal.Device) -> None:
    saved = artifact.pack(b"", "toy", "1.0", device.info, "", '{"colour": "red"}')
    with pytest.raises(ArtifactError, match="colour"):
        device.load(saved)


def test_a_path_is_no_saved_program(device: hal.Device) -> None:
    path: Any = "model.hal"
    with pytest.raises(InputError, match="give the bytes"):
        device.load(path)
