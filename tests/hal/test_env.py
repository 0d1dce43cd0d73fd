"""Environments of targets: made when asked, and then their workers live in them."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import hal
from hal import env, registry, targets
from hal.errors import HALError, InputError
from hal.targets import EnvSpec, Target

HOMEBODY = Path(__file__).parents[1] / "fixtures" / "homebody"
SPEC = EnvSpec(("homebody-sdk==2.1",))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments of these tests lie in a folder of their own."""
    monkeypatch.setattr("hal.env.cache_folder", lambda: tmp_path)


def wheel(folder: Path) -> Path:
    """A package that no index has: the SDK of the adapter `homebody`."""
    path = folder / "homebody_sdk-2.1-py3-none-any.whl"
    info = "homebody_sdk-2.1.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("homebody_sdk.py", "VERSION = '2.1'\n")
        file.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: homebody-sdk\nVersion: 2.1\n"
        )
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return path


def home(spec: EnvSpec = SPEC) -> Target:
    return Target("home", "homebody", "0", env=spec)


def half_made(spec: EnvSpec) -> Path:
    """What a run leaves that was killed while it installed."""
    place = env.folder(spec)
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(sys.executable)
    return place


@pytest.mark.usefixtures("homebody")
def test_an_environment_that_was_not_made_is_told_with_the_line_that_makes_it() -> None:
    with pytest.raises(InputError, match="hal env create home"):
        hal.open(home())


def test_a_target_with_an_environment_is_known_before_that_is_made(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("targets: {lab: {extends: reference, env: {requires: [a]}}}")
    assert targets.resolve("lab", [file]).env == EnvSpec(("a",))


def test_half_an_environment_is_none() -> None:
    half_made(SPEC)
    assert env.found(SPEC) is None


def test_targets_that_ask_for_the_same_share_an_environment() -> None:
    same = [EnvSpec(("a", "b")), EnvSpec(("a", "b"))]
    other = [EnvSpec(("a",)), EnvSpec(("a", "b"), "3.10"), EnvSpec(("b", "a"))]
    assert len({env.folder(spec) for spec in same}) == 1
    assert len({env.folder(spec) for spec in [*same, *other]}) == 4


def test_this_pythons_version_is_the_one_that_is_meant_by_none() -> None:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert env.folder(EnvSpec(("a",))) == env.folder(EnvSpec(("a",), running))


def test_a_requirement_that_is_a_path_is_relative_to_its_file(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("targets: {lab: {extends: reference, env: {requires: [./a.whl, b>1]}}}")
    found = targets.resolve("lab", [file]).env
    assert found == EnvSpec((str(tmp_path / "a.whl"), "b>1"))


def test_a_python_that_is_not_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", "/nowhere")
    with pytest.raises(InputError, match=r"no Python 3\.99 here"):
        env.create(EnvSpec(("a",), "3.99"), tool="pip")


def test_removing_an_environment_that_is_not_there_is_no_error() -> None:
    assert not env.remove(SPEC)


def test_removing_half_an_environment_removes_it() -> None:
    place = half_made(SPEC)
    assert env.remove(SPEC)
    assert not place.exists()


def test_a_target_without_an_environment_says_so() -> None:
    with pytest.raises(InputError, match="has no environment of its own"):
        env.spec_of(targets.resolve("reference"))


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    spec = EnvSpec((str(tmp_path / "missing.whl"),))
    with pytest.raises(HALError, match="was not made"):
        env.create(spec, tool="pip", say=lambda line: None)
    assert not env.folder(spec).exists()


@pytest.fixture
def homebody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The adapter `homebody`, registered for this test."""
    monkeypatch.setattr(sys, "path", [str(HOMEBODY), *sys.path])
    registry.refresh()
    yield
    monkeypatch.undo()
    registry.refresh()
    sys.modules.pop("hal_homebody", None)


@pytest.mark.slow
@pytest.mark.usefixtures("homebody")
def test_a_device_lives_in_the_environment_that_was_made_for_it(
    tmp_path: Path, doubling: onnx.ModelProto
) -> None:
    """An SDK that this environment lacks, NumPy below 2, and results as from any device."""
    spec = EnvSpec((str(wheel(tmp_path)), "numpy<2"))
    said: list[str] = []
    made = env.create(spec, say=said.append)
    assert any("numpy" in line for line in said)
    assert made.packages["numpy"].startswith("1.")
    assert env.create(spec, say=said.append) == made
    big = np.arange(300_000, dtype=np.float32).reshape(-1, 3)
    with hal.open(home(spec)) as device:
        assert (device.info.sdk, device.info.name) == ("2.1", str(made.folder))
        results: dict[str, Any] = device.compile(doubling)({"x": big})
    assert (results["y"] == big * 2).all()
    assert env.remove(spec)
    with pytest.raises(InputError, match="hal env create home"):
        hal.open(home(spec))
