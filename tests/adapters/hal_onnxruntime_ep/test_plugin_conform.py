"""`hal conform` on plugins: one command, crashes contained, silent fallback found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hal_conformance.commands.plugin import Plugin as Asked

from hal import targets
from hal.errors import InputError

Plugin: TypeAlias = Callable[[str], str]
Conform: TypeAlias = Callable[..., dict[str, dict[str, Any]]]

NOTHING: tuple[str, ...] = ()
NEG = ("--suite", "onnx", "-k", "onnx/node/test_neg*", "-j", "1")
TARGETS = """
schema: 1
targets:
  acme:
    adapter: onnxruntime-ep
    device: {device}
    options: {{vendor: {{cpu_fallback: record}}}}
"""


@pytest.fixture
def conform(tmp_path: Path) -> Conform:
    """Runs `hal conform`; the records by case."""

    def run(*words: str) -> dict[str, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "hal", "conform", *words, "-o", "out"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = (tmp_path / "out" / "results.jsonl").read_text("utf-8").splitlines()
        return {record["case"]: record for record in map(json.loads, lines)}

    return run


def library(device: str) -> list[str]:
    path, _, name = device.partition("#")
    return ["--ep-library", path, "--ep-name", name]


def test_one_command_judges_a_plugin_on_the_standards_cases(
    plugin: Plugin, conform: Conform
) -> None:
    records = conform(*library(plugin("AcmeEP")), "--option", "speed=11", *NEG)
    assert {case: record["outcome"] for case, record in records.items()} == {
        "onnx/node/test_neg": "PASS",
        "onnx/node/test_neg_example": "PASS",
    }
    assert all(record["placement"]["device"] == 1 for record in records.values())


def test_what_the_plugin_leaves_to_the_cpu_is_a_gap(plugin: Plugin, conform: Conform) -> None:
    records = conform(*library(plugin("AcmeEP")), "--suite", "onnx", "-k", "*/test_abs")
    [record] = records.values()
    assert record["outcome"] == "GAP"
    assert "leaves 1 of 1 nodes to the CPU" in record["reason"]


def test_a_plugin_that_aborts_when_a_session_is_made_crashes_alone(
    plugin: Plugin, conform: Conform
) -> None:
    records = conform(*library(plugin("AcmeAbortEP")), *NEG)
    assert [record["outcome"] for record in records.values()] == ["CRASH", "CRASH"]
    assert {record["signal"] for record in records.values()} == {6}


def test_a_silent_fallback_passes_nothing(
    plugin: Plugin, conform: Conform, tmp_path: Path
) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text(TARGETS.format(device=plugin("AcmeIdleEP")))
    records = conform("acme", "--devices", str(file), *NEG)
    assert [record["outcome"] for record in records.values()] == ["ELSEWHERE"] * 2


def test_the_three_options_make_the_target_an_ad_hoc_name_makes(plugin: Plugin) -> None:
    device = plugin("AcmeEP")
    path, _, name = device.partition("#")
    asked = Asked.parse(path, name, ["a=1", "b=x=y"])
    assert asked is not None
    made, named = asked.target(), targets.resolve(f"onnxruntime-ep:{device}")
    assert (made.name, made.device) == (named.name, named.device)
    assert made.options.vendor == {"provider_options": {"a": "1", "b": "x=y"}}
    words = ["--ep-library", path, "--ep-name", name, "--option", "a=1", "--option", "b=x=y"]
    assert list(asked.words()) == words


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((None, "AcmeEP", NOTHING), "--ep-name says something of a plugin"),
        ((None, None, ["a=1"]), "--option says something of a plugin"),
        (("onnxruntime_acme", None, ["a"]), "--option 'a' is not K=V"),
    ],
)
def test_a_wrong_use_of_the_options_is_told(
    given: tuple[Any, Any, Sequence[str]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        Asked.parse(*given)


@pytest.mark.parametrize("path", ["/opt/acme/libacme_ep.so", "./acme", "libacme.so"])
def test_a_library_that_is_no_file_is_told(path: str) -> None:
    asked = Asked.parse(path, None, [])
    assert asked is not None
    with pytest.raises(InputError, match="there is no such file"):
        asked.target()


def test_a_module_is_taken_as_it_is() -> None:
    asked = Asked.parse("onnxruntime_qnn", None, [])
    assert asked is not None
    assert asked.target().device == "onnxruntime_qnn"


def test_a_run_on_nothing_is_wrong_usage(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "hal", "conform", "--suite", "onnx"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "name a TARGET, or a plugin with --ep-library" in done.stderr
