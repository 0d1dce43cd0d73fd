"""`hal profiles` and `hal conform --profile`, as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hal_conformance.commands import conform, profiles
from hal_conformance.profiles.choice import Choice, Narrowed
from hal_conformance.profiles.loading import FOLDER, names
from hal_conformance.records import CaseRecord, Outcome, RunHeader
from hal_conformance.results import Results, write
from hal_conformance.runner.standard_suite import StandardSuite
from hal_conformance.runner.suites import Prepares

from hal import targets
from hal.cli import failures
from hal.errors import InputError

OURS = """
schema = 1
name = "ours"
version = "1.0"
title = "Two operators"
arithmetic = "fp32"
[[mandatory]]
name = "core"
reason = "a test"
[[mandatory.rules]]
suites = ["ops"]
cases = ["ops/Abs/13/float32/*", "ops/Neg/13/float32/*"]
"""


@pytest.fixture
def ours(tmp_path: Path) -> str:
    path = tmp_path / "ours.toml"
    path.write_text(OURS)
    return str(path)


def asked(profile: str, *suites: str) -> conform.Asked:
    return conform.Asked(("reference:cpu",), suites or ("ops", "onnx"), profile=profile)


def run_of(folder: Path, profile: str, *, without: int = 0, **outcomes: Outcome) -> Path:
    """A results folder of the profile: PASS but for the outcomes by operator."""
    choice = Choice.of(profile)
    cases = sorted(choice.scope.cases)[without:]
    records = [
        CaseRecord(
            case=case,
            case_hash="sha256:0",
            target="t",
            outcome=outcomes.get(case.split("/")[1], Outcome.PASS),
        )
        for case in cases
    ]
    target: dict[str, Any] = {"target": "t", "adapter": "a", "device": "d", "identity": {}}
    header = RunHeader.model_validate(
        {
            "command": [],
            "suites": ["ops"],
            "targets": [{**target, "adapter_version": "1", "arithmetic": "fp32"}],
            "started": "2026-01-01T00:00:00+00:00",
            "profile": choice.record(),
        }
    )
    write(folder, Results(header, tuple(records)))
    return folder


def test_the_list_has_every_shipped_profile(capfd: pytest.CaptureFixture[str]) -> None:
    assert profiles.run_list(as_json=False) == failures.OK
    listed = [line.split()[0] for line in capfd.readouterr().out.splitlines()[1:]]
    assert listed == names()


def test_a_profile_is_shown_with_its_reasons(capfd: pytest.CaptureFixture[str]) -> None:
    assert profiles.run_show("edge", None, as_json=False) == failures.OK
    shown = capfd.readouterr().out
    assert "the published scope" in shown
    assert "What twelve small vision networks are made of" in shown


def test_the_cases_of_a_part_can_be_listed(
    ours: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert profiles.run_show(ours, "core", as_json=False) == failures.OK
    listed = capfd.readouterr().out.split()
    assert set(listed) == Choice.of(ours).scope.cases
    assert listed


def test_a_part_that_is_not_there_is_told(ours: str) -> None:
    with pytest.raises(InputError, match="has no cases in 'nix'"):
        profiles.run_show(ours, "nix", as_json=False)


def test_a_run_that_passes_is_conformant(ours: str, tmp_path: Path) -> None:
    folder = run_of(tmp_path / "run", ours)
    assert profiles.run_verdict(ours, folder, as_json=False) == failures.OK


def test_a_gap_in_the_mandatory_part_disagrees(
    ours: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = run_of(tmp_path / "run", ours, Abs=Outcome.GAP)
    assert profiles.run_verdict(ours, folder, as_json=False) == failures.DISAGREE
    assert "ours 1.0: not conformant" in capfd.readouterr().out


def test_a_run_of_a_part_is_incomplete(
    ours: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = run_of(tmp_path / "run", ours, without=3)
    assert profiles.run_verdict(ours, folder, as_json=False) == failures.DISAGREE
    assert "incomplete" in capfd.readouterr().out


def test_a_run_judged_by_another_arithmetic_is_no_evidence(ours: str, tmp_path: Path) -> None:
    folder = run_of(tmp_path / "run", ours)
    with pytest.raises(InputError, match="was judged by fp32, and bf16 judges by bf16"):
        profiles.run_verdict("bf16", folder, as_json=False)


def test_a_request_judges_by_the_profile_s_arithmetic() -> None:
    request = conform.request_of(asked("bf16"))
    assert [target.arithmetic for target in request.targets] == ["bf16"]
    assert request.selection.profile is not None
    assert request.selection.profile["name"] == "bf16"
    assert not request.selection.is_whole


def test_the_command_that_is_written_down_names_the_profile(ours: str) -> None:
    words = asked(ours, "ops").command()
    assert words[words.index("--profile") + 1] == ours


def test_suites_are_narrowed_to_the_profile_s(ours: str) -> None:
    wanted = asked(ours)
    assert conform.request_of(wanted).selection.suites == ("ops",)
    (suite,) = conform.suites_of(wanted).values()
    assert set(suite.ids()) == Choice.of(ours).scope.cases
    assert suite.info()["cases"] > len(suite.ids())
    assert isinstance(suite, Prepares)


def test_a_suite_in_which_a_profile_has_nothing_is_told(ours: str) -> None:
    with pytest.raises(InputError, match="profile ours has no cases in onnx"):
        conform.request_of(asked(ours, "onnx"))


def test_a_target_that_declares_less_is_refused(ours: str) -> None:
    lower = replace(targets.resolve("reference:cpu"), arithmetic="bf16")
    with pytest.raises(InputError, match="declares bf16, and profile ours judges by fp32"):
        Choice.of(ours).target(lower)


def test_a_narrowed_suite_says_what_the_whole_one_says() -> None:
    whole = StandardSuite()
    first = whole.ids()[0]
    narrowed = Narrowed(whole, frozenset({first}))
    assert narrowed.ids() == [first]
    assert narrowed.facts(first) == whole.facts(first)
    assert narrowed.index_rows([first]) == whole.index_rows([first])


def test_the_header_of_a_run_is_as_json_says(ours: str) -> None:
    record = json.loads(json.dumps(Choice.of(ours).record()))
    assert (record["published"], record["parts"][0]["tier"]) == (False, "mandatory")


def test_the_files_shipped_are_those_of_their_names() -> None:
    assert [Choice.of(name).profile.name for name in names()] == names()
    assert (FOLDER / "groups.toml").is_file()


@pytest.mark.slow
def test_a_run_writes_the_profile_down_and_says_the_verdict(ours: str, tmp_path: Path) -> None:
    words = ["conform", "reference:cpu", "--profile", ours, "--suite", "ops", "-j", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "hal", *words, "-o", str(tmp_path / "run"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == failures.OK, done.stderr
    verdict = json.loads(done.stdout)["targets"]["reference:cpu"]["profile"]
    assert (verdict["standing"], verdict["published"]) == ("conformant", False)
    header = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert header["profile"]["hash"] == Choice.of(ours).profile.hash
    assert header["cases"] == len(Choice.of(ours).scope.cases)
