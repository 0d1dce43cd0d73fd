"""Which plugin a device id names, and what is said where it names none."""

from __future__ import annotations

import ctypes.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hal_onnxruntime import plugin_library, plugin_probe
from hal_onnxruntime.plugin_library import PluginDevice

import hal
from hal.errors import AdapterError, DeviceError, DeviceLost, DeviceNotFound, SDKMissing

Plugin: TypeAlias = Callable[[str], str]

PATH = "/opt/acme/libacme_ep.so"


@pytest.mark.parametrize(
    ("device", "means"),
    [
        (PATH, (PATH, None, 0)),
        (f"{PATH}#AcmeEP", (PATH, "AcmeEP", 0)),
        (f"{PATH}#AcmeEP:2", (PATH, "AcmeEP", 2)),
        (f"{PATH}#:1", (PATH, None, 1)),
        ("onnxruntime_acme#Acme:EP", ("onnxruntime_acme", "Acme:EP", 0)),
    ],
)
def test_a_device_id_is_a_library_a_name_and_a_number(
    device: str, means: tuple[str, str | None, int]
) -> None:
    found = PluginDevice.parse(device)
    assert (found.library, found.ep, found.number) == means


@pytest.mark.parametrize(
    ("library", "module"),
    [
        (PATH, None),
        ("libacme.so", None),
        ("acme.dll", None),
        ("./acme", None),
        ("onnxruntime_acme", "onnxruntime_acme"),
    ],
)
def test_a_path_is_told_from_a_module(library: str, module: str | None) -> None:
    assert PluginDevice.parse(library).module == module


def test_a_plugin_is_described_by_itself(plugin: Plugin) -> None:
    device = plugin("AcmeEP")
    with hal.open(f"onnxruntime-ep:{device}") as opened:
        info = opened.info
    assert (info.id, info.name, info.vendor, info.sdk) == (device, "AcmeEP", "Acme", "1.2.3")
    assert info.properties["library"] == device.partition("#")[0]


def test_a_library_may_be_opened_again(plugin: Plugin) -> None:
    for _ in range(2):
        with hal.open(f"onnxruntime-ep:{plugin('AcmeEP')}") as opened:
            assert opened.info.name == "AcmeEP"


def test_a_library_without_a_device_here_is_said_to_have_none(plugin: Plugin) -> None:
    with pytest.raises(DeviceNotFound, match=r"offers no AcmeAbsentEP, device 0.*offers none"):
        hal.open(f"onnxruntime-ep:{plugin('AcmeAbsentEP')}")


@pytest.mark.parametrize("suffix", ["#OtherEP", "#AcmeEP:7"])
def test_a_wrong_name_or_number_is_told_what_there_is(plugin: Plugin, suffix: str) -> None:
    library = plugin("AcmeEP")
    hal.open(f"onnxruntime-ep:{library}").close()
    with pytest.raises(DeviceNotFound, match=r"it offers \['AcmeEP on CPU'\]"):
        hal.open(f"onnxruntime-ep:{library.partition('#')[0]}{suffix}")


def test_a_path_without_a_file_is_told() -> None:
    with pytest.raises(DeviceNotFound, match=f"no plugin library at {PATH}"):
        hal.open(f"onnxruntime-ep:{PATH}")


def test_a_library_of_another_kind_is_told() -> None:
    libc = next(Path("/").glob(f"*/*/{ctypes.util.find_library('c')}"), None)
    if libc is None:
        pytest.skip("no C library found to load as a plugin")
    with pytest.raises(DeviceError, match=r"cannot load .* as a plugin execution provider"):
        hal.open(f"onnxruntime-ep:{libc}")


def test_a_module_that_is_not_installed_is_told_with_the_line_to_type() -> None:
    with pytest.raises(SDKMissing) as caught:
        hal.open("onnxruntime-ep:onnxruntime_nobody")
    assert caught.value.install == "pip install onnxruntime-nobody"


def test_a_module_that_ships_no_plugin_is_told() -> None:
    with pytest.raises(DeviceNotFound, match="has no get_library_path"):
        hal.open("onnxruntime-ep:json")


def test_a_library_that_ends_the_process_while_it_loads_ends_a_worker(plugin: Plugin) -> None:
    with pytest.raises(DeviceLost) as caught:
        hal.open(f"onnxruntime-ep:{plugin('AcmeAbortLoadEP')}", isolated=True)
    assert caught.value.signal == 6


@pytest.fixture
def packaged(
    plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """Installs a package that ships a plugin, as vendors do; its module's name."""

    def install(name: str) -> str:
        module = f"onnxruntime_ep_{name.lower()}"
        library = plugin(name).partition("#")[0]
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").write_text(
            f"def get_library_path():\n    return {library!r}\n\n\n"
            f"def get_ep_name():\n    return {name!r}\n"
        )
        info = tmp_path / f"{module}-4.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 4.5\n"
        )
        (info / "RECORD").write_text(f"{module}/__init__.py,,\n")
        (info / "top_level.txt").write_text(f"{module}\n")
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        return module

    return install


def test_an_installed_plugin_is_found_with_its_packages_version(
    packaged: Callable[[str], str],
) -> None:
    module = packaged("AcmeEP")
    [found] = [info for info in plugin_probe.devices() if info.id == module]
    assert (found.name, found.sdk) == ("AcmeEP", "4.5")
    assert module not in sys.modules


def test_an_installed_plugin_that_ends_its_process_is_left_out(
    packaged: Callable[[str], str],
) -> None:
    module = packaged("AcmeAbortLoadEP")
    assert module in plugin_probe.modules()
    assert module not in {info.id for info in plugin_probe.devices()}


def test_an_onnxruntime_without_plugins_is_told(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Old:
        __version__ = "1.21.0"

    monkeypatch.setattr(plugin_library, "sdk", lambda: Old)
    with pytest.raises(DeviceError, match=r"onnxruntime 1\.21\.0 loads no plugin"):
        PluginDevice.parse(plugin("AcmeIdleEP")).find()


def test_a_missing_module_is_an_adapters_error() -> None:
    assert issubclass(SDKMissing, AdapterError)
