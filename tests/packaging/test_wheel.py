"""The wheel and the sdist of a fresh clone hold what they should, and nothing else."""

from __future__ import annotations

import configparser
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

PREFIXES = {"hal/": "hal/", "adapters/": "", "conformance/": ""}


@pytest.fixture
def names(wheel: Path) -> list[str]:
    return zipfile.ZipFile(wheel).namelist()


@pytest.fixture
def metadata(wheel: Path, names: list[str]) -> Message:
    [name] = [name for name in names if name.endswith(".dist-info/METADATA")]
    return Parser().parsestr(zipfile.ZipFile(wheel).read(name).decode())


def _place_in_wheel(path: str) -> str | None:
    for prefix, place in PREFIXES.items():
        if path.startswith(prefix):
            return place + path.removeprefix(prefix)
    return None


def _files(folder: Path) -> list[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [path.as_posix() for path in paths]


def test_the_wheel_is_exactly_the_tree(
    clone: Path, tracked: list[str], names: list[str]
) -> None:
    committed = set(tracked) & set(_files(clone))
    expected = {place for path in committed if (place := _place_in_wheel(path))}
    shipped = {name for name in names if ".dist-info/" not in name}
    assert shipped == expected | {"hal/devices.yaml"}


def test_the_wheel_carries_the_fleet_unchanged(clone: Path, wheel: Path) -> None:
    shipped = zipfile.ZipFile(wheel).read("hal/devices.yaml")
    assert shipped == (clone / "devices.yaml").read_bytes()


def test_every_package_in_the_wheel_is_typed(names: list[str]) -> None:
    packages = {name.split("/")[0] for name in names if name.endswith(".py")}
    assert {f"{package}/py.typed" for package in packages} <= set(names)


def test_every_top_level_package_is_ours_by_name(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert {top for top in tops if top != "hal" and not top.startswith("hal_")} == set()


def test_the_license_stands_in_metadata_and_wheel(metadata: Message, names: list[str]) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_metadata_asks_for_the_python_we_test(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Requires-Python"]) == ("onnx-hal", ">=3.11")


def test_every_adapter_folder_has_an_entry_point(
    clone: Path, wheel: Path, names: list[str]
) -> None:
    entries = _entry_points(wheel, names)
    folders = {path.name for path in (clone / "adapters").glob("hal_*")}
    assert {value.split(":")[0] for value in entries["hal.adapters"].values()} == folders
    assert set(entries["hal.adapters"]) == {folder.removeprefix("hal_") for folder in folders}


def test_both_commands_are_one_function(wheel: Path, names: list[str]) -> None:
    scripts = _entry_points(wheel, names)["console_scripts"]
    assert scripts["hal"] == scripts["onnx-hal"]


def test_the_base_installs_no_vendor(metadata: Message, clone: Path) -> None:
    project = tomllib.loads((clone / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"])
    vendors = {path.name.removeprefix("hal_") for path in (clone / "adapters").glob("hal_*")}
    required = metadata.get_all("Requires-Dist") or []
    base = {
        line.split(">")[0].split("=")[0].strip() for line in required if "extra ==" not in line
    }
    assert base.isdisjoint(vendors)
    assert set(metadata.get_all("Provides-Extra") or []) == extras >= {"all", "dev"}


def test_the_sdist_can_run_the_gates(dist: Path) -> None:
    [sdist] = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {"Makefile", ".ci/setup", "constraints.txt", "devices.yaml", "LICENSE"}
    assert any(name.startswith("tests/packaging/") for name in names)


def _entry_points(wheel: Path, names: list[str]) -> configparser.ConfigParser:
    [name] = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
    parsed = configparser.ConfigParser(delimiters="=")
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  the documented way
    parsed.read_string(zipfile.ZipFile(wheel).read(name).decode())
    return parsed
