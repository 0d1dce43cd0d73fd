"""The wheel and the sdist of a fresh clone hold what they should, and nothing else."""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

PREFIXES = {"hal/": "hal/", "adapters/": "", "conformance/hal_": "hal_"}


@pytest.fixture
def names(wheel: Path) -> list[str]:
    return zipfile.ZipFile(wheel).namelist()


@pytest.fixture
def built(wheel: Path, names: list[str]) -> Distribution:
    """The wheel as an installed distribution would show itself."""
    [folder] = {name.split("/")[0] for name in names if ".dist-info/" in name}
    return PathDistribution(zipfile.Path(wheel, f"{folder}/"))


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


def test_the_license_stands_in_metadata_and_wheel(
    built: Distribution, names: list[str]
) -> None:
    assert built.metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_metadata_asks_for_the_python_we_test(built: Distribution) -> None:
    assert (built.name, built.metadata["Requires-Python"]) == ("onnx-hal", ">=3.11")


def test_every_adapter_folder_has_an_entry_point(clone: Path, built: Distribution) -> None:
    entries = built.entry_points.select(group="hal.adapters")
    folders = {path.name for path in (clone / "adapters").glob("hal_*")}
    assert {entry.module.partition(".")[0] for entry in entries} == folders
    named = {f"hal_{entry.name.partition('-')[0]}" for entry in entries}
    assert named == folders  # one folder may have several: onnxruntime-ep is in hal_onnxruntime


def test_both_commands_are_one_function(built: Distribution) -> None:
    scripts = built.entry_points.select(group="console_scripts")
    assert scripts["hal"].value == scripts["onnx-hal"].value


def test_the_base_installs_no_vendor(built: Distribution, clone: Path) -> None:
    base = {line for line in built.requires or [] if "extra ==" not in line}
    vendors = [path.name.removeprefix("hal_") for path in (clone / "adapters").glob("hal_*")]
    assert not [line for line in base if line.startswith(tuple(vendors))]


def test_the_extras_are_those_of_pyproject(built: Distribution, clone: Path) -> None:
    project = tomllib.loads((clone / "pyproject.toml").read_text())["project"]
    extras = set(built.metadata.get_all("Provides-Extra") or [])
    assert extras == set(project["optional-dependencies"]) >= {"all", "dev"}


def test_the_sdist_can_run_the_gates(dist: Path) -> None:
    [sdist] = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {"Makefile", ".ci/setup", "constraints.txt", "devices.yaml", "LICENSE"}
    assert any(name.startswith("tests/packaging/") for name in names)
