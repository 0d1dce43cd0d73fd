"""Answers that were made elsewhere end as they would have here."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hal_conformance import results
from hal_conformance.records import CaseRecord
from hal_conformance.results import Results

from hal.cli import main

SCRIPT = Path(__file__).parents[3] / "examples" / "offline" / "answer.py"
CASES = "ops/Selu/22/float32/*"
CASE = "ops/Selu/22/float32/wide"
"""One data set, one output."""
DYNAMIC = "ops/Selu/22/float32/dynamic"
"""More than one data set."""


@dataclass(frozen=True)
class Done:
    """What one call of the command did."""

    code: int
    out: str
    err: str


def call(*words: str | Path) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def answer(bundle: Path, answers: Path) -> None:
    """By the script of the examples, which knows nothing of this package."""
    subprocess.run([sys.executable, SCRIPT, bundle, answers], check=True, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("offline")


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Path:
    """Some cases of one operator, with what is expected."""
    done = call("corpus", "export", folder / "bundle", "--suite", "ops", "-k", CASES)
    assert done.code == 0, done.err
    return folder / "bundle"


@pytest.fixture(scope="module")
def given(bundle: Path, folder: Path) -> Path:
    """What onnxruntime answers to them; not to be changed."""
    answer(bundle, folder / "answers")
    return folder / "answers"


@pytest.fixture
def answers(given: Path, tmp_path: Path) -> Path:
    """A copy of the answers, to be changed."""
    return Path(shutil.copytree(given, tmp_path / "answers"))


def count(bundle: Path) -> int:
    return len(json.loads((bundle / "corpus.json").read_text())["cases"])


def judge(answers: Path, bundle: Path, *words: str) -> tuple[Done, Path]:
    folder = answers.parent / "results"
    asked = ("--bundle", str(bundle), "-o", str(folder), "--target", "lab", *words)
    return call("judge", answers, *asked), folder


def judged(answers: Path, bundle: Path, *words: str) -> Results:
    done, folder = judge(answers, bundle, "--arithmetic", "fp32", *words)
    assert done.code == 0, done.err
    return results.read(folder)


def record_of(answers: Path, bundle: Path, case: str) -> CaseRecord:
    (found,) = (each for each in judged(answers, bundle).records if each.case == case)
    return found


def verdicts(found: Results) -> dict[str, Any]:
    """All that is said of a case, but for times, placement and who ran it."""
    apart = {"target", "attempts", "placement", "expected", "unexpected", "cause", "reason"}
    return {each.case: each.model_dump(exclude=apart) for each in found.records}


def test_right_answers_pass_with_the_margins_of_a_run(
    answers: Path, bundle: Path, tmp_path: Path
) -> None:
    ours = judged(answers, bundle)
    words = ("--suite", "ops", "-k", "ops/Selu/22/float32/*", "-o", tmp_path / "run")
    done = call("conform", "onnxruntime:cpu", *words)
    assert done.code == 0, done.err
    theirs = results.read(tmp_path / "run")
    assert "FAIL" not in {each.outcome.value for each in ours.records}
    assert verdicts(ours) == verdicts(theirs)
    assert ours.index == theirs.index
    assert ours.header.corpus == theirs.header.corpus
    assert ours.header.selection == theirs.header.selection


@pytest.mark.slow
def test_a_sample_of_the_standard_ends_as_in_a_run(tmp_path: Path) -> None:
    sample = ("--suite", "onnx", "--sample", "60")
    done = call("corpus", "export", tmp_path / "bundle", *sample, "--questions")
    assert done.code == 0, done.err
    answer(tmp_path / "bundle", tmp_path / "answers")
    ours = judged(tmp_path / "answers", tmp_path / "bundle")
    done = call("conform", "onnxruntime:cpu", *sample, "-o", tmp_path / "run")
    assert done.code == 0, done.err
    theirs = results.read(tmp_path / "run")
    assert len(ours.records) == 60
    assert {each.outcome.value for each in ours.records} >= {"PASS", "GAP"}
    # Not to the bit: last places depend on where in memory the tensors lie.
    left, right = (
        {each.case: each.outcome for each in found.records} for found in (ours, theirs)
    )
    assert left == right


def test_a_wrong_answer_fails(answers: Path, bundle: Path) -> None:
    data = answers / CASE / "test_data_set_0"
    (data / "output_0.pb").unlink()
    np.save(data / "output_0.npy", np.zeros(3, np.float32))
    found = record_of(answers, bundle, CASE)
    assert found.outcome.value == "FAIL"
    assert "shape" in str(found.reason)


def test_the_runs_of_one_executable_are_all_judged(answers: Path, bundle: Path) -> None:
    first, second = (answers / DYNAMIC / f"test_data_set_{n}" for n in (0, 1))
    shutil.copy(first / "output_0.pb", second / "output_0.pb")
    assert record_of(answers, bundle, DYNAMIC).outcome.value == "FAIL"


@pytest.mark.parametrize(
    ("status", "outcome", "reason", "signal"),
    [
        ("refused\nno kernel", "GAP", "no kernel", None),
        ("failed\nbad", "ERROR", "CompileError: bad", None),
        ("crashed 11\n", "CRASH", "it crashed", 11),
        ("crashed", "CRASH", "it crashed", None),
        ("hung\nwatchdog", "HANG", "watchdog", None),
        ("out-of-memory\n256 kB", "OOM", "256 kB", None),
    ],
)
def test_a_status_says_what_happened_where_there_is_no_output(
    answers: Path, bundle: Path, status: str, outcome: str, reason: str, signal: int | None
) -> None:
    shutil.rmtree(answers / CASE / "test_data_set_0")
    (answers / CASE / "status.txt").write_text(status)
    found = record_of(answers, bundle, CASE)
    assert (found.outcome.value, found.reason, found.signal) == (outcome, reason, signal)


def test_a_second_run_may_have_failed_after_a_right_first_one(
    answers: Path, bundle: Path
) -> None:
    shutil.rmtree(answers / DYNAMIC / "test_data_set_1")
    (answers / DYNAMIC / "status.txt").write_text("failed\nno second shape")
    found = record_of(answers, bundle, DYNAMIC)
    assert (found.outcome.value, found.reason) == (
        "ERROR",
        "ExecutionError: no second shape",
    )


def test_an_output_that_is_not_handed_in_is_an_error(answers: Path, bundle: Path) -> None:
    shutil.rmtree(answers / DYNAMIC / "test_data_set_1")
    found = record_of(answers, bundle, DYNAMIC)
    assert found.outcome.value == "ERROR"
    assert "test_data_set_1" in str(found.reason)


def test_cases_without_an_answer_keep_the_verdict_open(answers: Path, bundle: Path) -> None:
    shutil.rmtree(answers / CASE)
    done, folder = judge(answers, bundle, "--arithmetic", "fp32")
    assert done.code == 0
    assert f"1 of {count(bundle)} cases have no answer and no status" in done.err
    assert "lab: no verdict on ops" in done.out
    assert CASE not in {each.case for each in results.read(folder).records}


def test_what_is_expected_is_not_taken_for_answers(bundle: Path) -> None:
    done, folder = judge(bundle, bundle)
    assert done.code == 2
    assert "holds what is expected" in done.err
    assert not folder.exists()


def test_questions_alone_may_be_answered_in_place(given: Path, tmp_path: Path) -> None:
    asked = tmp_path / "bundle"
    words = ("--suite", "ops", "-k", CASE, "--questions", "--form", "raw", "--form", "npy")
    assert call("corpus", "export", asked, *words).code == 0
    data = asked / CASE / "test_data_set_0"
    names = {path.name for path in data.iterdir()}
    assert names == {"input_0.pb", "input_0.npy", "inputs.bin", "inputs.json"}
    shutil.copy(given / CASE / "test_data_set_0" / "output_0.pb", data)
    done = call("judge", asked, "--target", "lab", "-o", tmp_path / "results")
    assert done.code == 0, done.err
    assert [each.outcome.value for each in results.read(tmp_path / "results").records] == [
        "PASS"
    ]


def test_run_json_says_whose_answers_these_are(answers: Path, bundle: Path) -> None:
    said = {
        "target": "acme-7",
        "device": "Acme 7",
        "vendor": "Acme",
        "kind": "fpga",
        "sdk": "1.9",
        "arithmetic": "fp16",
        "labels": ["lab"],
        "versions": {"acme-compiler": "1.9.3"},
        "machine": {"system": "board"},
    }
    (answers / "run.json").write_text(json.dumps(said))
    found = judged(answers, bundle, "--sdk", "2.1")
    (target,) = found.header.targets
    assert (target.target, target.adapter, target.device) == ("lab", "offline", "Acme 7")
    identity = target.identity
    named = (identity["vendor"], identity["kind"], identity["sdk"])
    assert named == ("Acme", "fpga", "2.1"), "what is given goes before what is written"
    assert target.labels == ["lab"]
    assert found.header.versions["acme-compiler"] == "1.9.3"
    assert found.header.machine == {"system": "board"}
    assert found.records[0].bounds is not None
    assert found.records[0].bounds.arithmetic == "fp32"


def test_known_outcomes_are_expected(answers: Path, bundle: Path, tmp_path: Path) -> None:
    shutil.rmtree(answers / CASE / "test_data_set_0")
    (answers / CASE / "status.txt").write_text("failed\nbad")
    path = tmp_path / "known.toml"
    path.write_text(
        f'schema = 1\n[[expect]]\ncases = ["{CASE}"]\nkind = "not_yet"\n'
        'outcome = "ERROR"\ncause = "it is bad"\n'
    )
    done, _ = judge(answers, bundle, "--gate")
    assert done.code == 1
    shutil.rmtree(answers.parent / "results")
    done, folder = judge(answers, bundle, "--gate", "--expectations", str(path))
    assert done.code == 0, done.err
    (found,) = (each for each in results.read(folder).records if each.case == CASE)
    assert (found.unexpected, found.cause) == (False, "it is bad")


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        (f"{CASE}/status.txt", "exploded\n", "begins with 'exploded'"),
        (f"{CASE}/status.txt", "hung 3\n", "begins with 'hung 3'"),
        ("run.json", "[]", "no JSON object"),
        ("run.json", "{", "is not JSON"),
        ("run.json", '{"kind": "toaster"}', "kind"),
        ("run.json", '{"sdkk": "1"}', "sdkk"),
    ],
)
def test_what_a_lab_writes_wrongly_is_told_with_its_file(
    answers: Path, bundle: Path, file: str, content: str, told: str
) -> None:
    if file.endswith("status.txt"):
        shutil.rmtree(answers / CASE / "test_data_set_0")
    (answers / file).write_text(content)
    done, _ = judge(answers, bundle)
    assert done.code == 2
    assert told in " ".join(done.err.split())
    assert file.rpartition("/")[2] in done.err


def test_nobodys_answers_are_not_judged(answers: Path, bundle: Path) -> None:
    done = call("judge", answers, "--bundle", bundle, "-o", answers.parent / "results")
    assert done.code == 2
    assert "give --target NAME" in done.err


def test_cases_of_another_version_are_not_judged(
    answers: Path, bundle: Path, tmp_path: Path
) -> None:
    manifest = json.loads((bundle / "corpus.json").read_text())
    manifest["cases"][0]["hash"] = "sha256:0"
    (tmp_path / "corpus.json").write_text(json.dumps(manifest))
    done, folder = judge(answers, tmp_path / "corpus.json")
    assert done.code == 2
    assert f"1 of {count(bundle)} cases are not those of this version" in done.err
    assert not folder.exists()


def test_a_folder_of_something_else_is_told(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    done, _ = judge(tmp_path / "answers", bundle)
    assert done.code == 2
    assert f"holds no answer to any of {count(bundle)} cases" in done.err
    done, _ = judge(tmp_path / "answers", tmp_path)
    assert done.code == 2
    assert "no bundle at" in done.err


def test_a_bundle_wants_an_empty_folder(bundle: Path) -> None:
    done = call("corpus", "export", bundle, "--suite", "ops", "-k", CASE)
    assert done.code == 2
    assert "is not empty" in done.err
