"""The suite under pytest, on a device never heard of, in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hal_conformance import suite

Run = tuple[int, str]
API = ("--pyargs", "hal_conformance.suite")


@pytest.fixture
def run(acme: dict[str, str], tmp_path: Path) -> _Runner:
    return _Runner(acme, tmp_path)


class _Runner:
    """pytest with the plugin, as a child in an empty folder."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.env = env
        self.folder = folder

    def __call__(self, *arguments: str) -> Run:
        command = (
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "hal_conformance.plugin",
            "-rs",
            *arguments,
        )
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr


def _counts(output: str) -> dict[str, int]:
    return {
        word: int(number)
        for number, word in re.findall(r"(\d+) (passed|skipped|failed)", output)
    }


def test_every_contract_test_runs(run: _Runner) -> None:
    code, output = run(*API, "--target", "acme:0", "-k", "not leaks")
    counts = _counts(output)
    assert code == 0, output
    assert sum(counts.values()) == len(
        [case for case in suite.cases() if "/leaks/" not in case.id]
    )
    assert counts["passed"] > 90
    assert "GAP: " in output
    assert "the device does not claim 'save'" in output


def test_items_carry_their_case(run: _Runner) -> None:
    run(*API, "--target", "acme:0", "-k", "signatures", "--junit-xml", "junit.xml")
    tree = ElementTree.parse(run.folder / "junit.xml")
    cases = {p.get("value") for p in tree.iter("property") if p.get("name") == "case"}
    assert cases == {case.id for case in suite.cases() if "/signatures/" in case.id}


def test_the_standards_cases_are_items(run: _Runner) -> None:
    code, output = run(
        *API,
        "--target",
        "acme:0",
        "--suite",
        "onnx",
        "-k",
        "test_floor or test_add or test_erf",
    )
    assert code == 1
    assert "onnx/node/test_floor_example: FAIL: y" in output
    assert "onnx/node/test_add[acme:0]" not in output.split("FAILURES")[1]
    assert "GAP: Erf: the Acme Zero has no unit for the error function" in output


def test_isolated_cases_run_in_workers(run: _Runner) -> None:
    code, output = run(*API, "--target", "acme:0", "--isolated", "-k", "results or binding")
    counts = _counts(output)
    assert code == 0, output
    names = [case.id for case in suite.cases()]
    chosen = [name for name in names if "results" in name or "binding" in name]
    assert sum(counts.values()) == len(chosen)


def test_two_targets_run_one_after_the_other(run: _Runner) -> None:
    code, output = run(
        *API, "--target", "acme:0", "--target", "reference:cpu", "-k", "survive_close or right"
    )
    assert code == 0, output
    assert _counts(output)["passed"] % 2 == 0


def test_a_run_without_a_target_is_refused(run: _Runner) -> None:
    code, output = run(*API)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "name a device: --target adapter:device" in output


def test_a_target_of_a_devices_file_is_known(run: _Runner) -> None:
    (run.folder / "fleet.yaml").write_text(
        "targets:\n  our-zero:\n    adapter: acme\n    device: '0'\n"
    )
    code, output = run(
        *API, "--devices", "fleet.yaml", "--target", "our-zero", "-k", "known_words"
    )
    assert code == 0, output
    assert _counts(output) == {"passed": 1}


def test_an_unknown_target_is_refused(run: _Runner) -> None:
    code, output = run(*API, "--target", "acme-zero")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "no target 'acme-zero'" in output


def test_a_vendors_own_tests_may_use_the_fixtures(run: _Runner) -> None:
    (run.folder / "test_own.py").write_text(
        "def test_ours(exe, feeds, device):\n"
        "    assert device.info.vendor == 'Acme'\n"
        "    assert (exe(feeds)['total'] == feeds['left'] + feeds['right']).all()\n"
        "def test_gap(device, zoo):\n"
        "    device.compile(zoo.sequence())\n"
    )
    code, output = run("test_own.py", "--target", "acme:0")
    assert code == 0, output
    assert _counts(output) == {"passed": 1, "skipped": 1}
