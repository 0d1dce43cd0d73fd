"""Adapters come from entry points, lazily; what is wrong with one is said by name."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import pytest

import hal
from hal import registry
from hal.errors import AdapterError, CompileError, SDKMissing


def test_the_shipped_adapters_are_registered() -> None:
    assert {"reference", "onnxruntime", "openvino", "template"} <= set(registry.names())


def test_a_third_partys_adapter_is_found(toy: str) -> None:
    assert registry.entry(toy).distribution == "hal-toy"


def test_names_load_no_adapter(toy: str) -> None:
    assert toy in registry.names()
    assert "hal_toy" not in sys.modules


def test_an_unknown_adapter_names_the_nearest() -> None:
    with pytest.raises(AdapterError, match="did you mean 'openvino'"):
        registry.create("openvno")


def test_two_distributions_of_one_name_are_refused_by_name(
    toy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "other_toy-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-toy\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[hal.adapters]\ntoy = other_toy:Toy\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    registry.refresh()
    with pytest.raises(AdapterError, match=r"hal-toy 1\.0 .* and other-toy 2\.0"):
        registry.create(toy)


@pytest.mark.usefixtures("toy")
def test_a_class_that_is_no_adapter_is_refused() -> None:
    with pytest.raises(AdapterError, match="not a subclass"):
        registry.create("toy-not-an-adapter")


@pytest.mark.usefixtures("toy")
def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(AdapterError, match="hal_toy_that_is_not_there"):
        registry.create("toy-nowhere")


def register(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> str:
    """An adapter in a module of its own, with `source` as its text."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[hal.adapters]\n{name} = {name}:It\n")
    (folder / f"{name}.py").write_text(source)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    registry.refresh()
    return name


@pytest.mark.usefixtures("toy")
def test_a_module_that_breaks_when_it_is_imported_is_an_adapter_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = register(tmp_path, monkeypatch, "breaks", "raise OSError('no driver')")
    with pytest.raises(AdapterError, match=r"'breaks'.*cannot be loaded: OSError: no driver"):
        registry.create(name)


@pytest.mark.usefixtures("toy")
def test_a_constructor_that_breaks_is_an_adapter_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "from hal_toy import ToyAdapter\nclass It(ToyAdapter):\n    __init__ = lambda _: 1 / 0"
    )
    name = register(tmp_path, monkeypatch, "divides", source)
    with pytest.raises(AdapterError, match="cannot be created: ZeroDivisionError"):
        registry.create(name)


@pytest.mark.usefixtures("toy")
def test_a_translation_that_breaks_does_not_hide_what_went_wrong(
    doubling: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "from hal_toy import ToyAdapter\nclass It(ToyAdapter):\n"
        "    translate = lambda *_: 1 / 0"
    )
    name = register(tmp_path, monkeypatch, "mumbles", source)
    with (
        hal.open(f"{name}:0") as device,
        pytest.raises(CompileError, match=r"KeyError: 'no act'.*ZeroDivisionError"),
    ):
        device.compile(doubling, vendor={"compile": "no act"})


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("isolated", [False, True], ids=["here", "worker"])
def test_a_missing_sdk_is_the_pip_line(isolated: bool) -> None:
    with pytest.raises(SDKMissing) as caught:
        hal.open("toy-without-sdk:0", isolated=isolated)
    assert caught.value.install == "pip install hal-toy"
