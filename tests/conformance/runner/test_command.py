"""`hal conform`, `report`, `repro` and `expect`, installed, on a device with a grudge."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FLAKY = Path(__file__).parents[2] / "fixtures" / "flaky"
HAL = [sys.executable, "-m", "hal"]
FILES = {"run.json", "results.jsonl", "index.jsonl", "junit.xml", "report.md", "report.html"}


@dataclass(frozen=True)
class Done:
    """What one call of the command did."""

    code: int
    out: str
    err: str


Start = Callable[..., "subprocess.Popen[str]"]
Hal = Callable[..., Done]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts the command in an empty folder, the flaky adapter installed."""
    monkeypatch.setenv("PYTHONPATH", str(FLAKY))
    monkeypatch.setenv("COLUMNS", "120")

    def begin(*words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*HAL, *words], cwd=tmp_path, stdout=pipe, stderr=pipe, text=True
        )

    return begin


@pytest.fixture
def hal(start: Start) -> Hal:
    """Calls the command."""

    def call(*words: str) -> Done:
        with start(*words) as process:
            out, err = process.communicate(timeout=300)
        return Done(process.returncode, out, err)

    return call


def conform(*words: str) -> list[str]:
    return ["conform", "flaky:cpu", "--suite", "onnx", *words]


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    text = (folder / "results.jsonl").read_text("utf-8")
    found = [json.loads(line) for line in text.splitlines()]
    assert len({row["case"] for row in found}) == len(found)
    return {row["case"]: row for row in found}


def test_a_run_leaves_a_whole_folder_and_a_verdict(hal: Hal, tmp_path: Path) -> None:
    done = hal(*conform("-k", "test_abs*", "-o", "out"))
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "out").iterdir()} >= FILES
    assert "flaky:cpu: no verdict on onnx 1.23.2" in done.out
    assert "report: out/report.html" in done.out
    ET.parse(tmp_path / "out" / "junit.xml")


def test_every_named_target_that_is_here_is_judged_and_the_others_are_named(
    hal: Hal, tmp_path: Path
) -> None:
    (tmp_path / "devices.yaml").write_text(
        "schema: 1\ntargets:\n"
        "  fast: {adapter: flaky, device: cpu}\n"
        "  slow: {adapter: flaky, device: cpu, labels: [slow]}\n"
        "  gone: {adapter: flaky, device: gpu}\n",
        encoding="utf-8",
    )
    done = hal("conform", "--here", "--suite", "onnx", "-k", "test_asin*", "-o", "out",
               "--sample-slow", "1")  # fmt: skip
    assert "gone is left out: " in done.err
    text = (tmp_path / "out" / "results.jsonl").read_text("utf-8")
    counts = Counter(json.loads(line)["target"] for line in text.splitlines())
    assert "gone" not in counts
    assert counts["fast"] > counts["slow"] == 1


def test_json_is_the_only_thing_on_stdout(hal: Hal) -> None:
    done = hal(*conform("-k", "test_a[bs*", "--json"))
    assert json.loads(done.out)["error"]["exit_code"] == done.code == 2
    done = hal(*conform("-k", "*/test_abs", "--json", "--gate"))
    document = json.loads(done.out)
    assert document["targets"]["flaky:cpu"]["outcomes"] == {"PASS": 1}
    assert document["gate"] == {"passed": True, "problems": []}
    assert Path(document["folder"]).parts[0] == "hal-results"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["conform", "flaky:cpu", "--shard", "3/2"], 2, "--shard '3/2'"),
        (["conform", "nobody:0", "-k", "test_abs"], 3, "nobody"),
        (["conform", "flaky:gpu", "-k", "test_abs"], 3, "no device 'gpu'"),
        (["conform"], 2, "TARGET"),
        (["conform", "flaky:cpu", "--resume"], 2, "nothing to resume"),
        (["repro", "onnx/node/test_nothing", "-d", "flaky:cpu"], 2, "test_nothing"),
        (["repro", "onnx/node/test_cos", "-d", "flaky:cpu", "--history"], 2, "--from"),
        (["report", "nowhere"], 2, "nowhere"),
        (["expect", "update", "nowhere"], 2, "nowhere"),
    ],
)
def test_a_mistake_is_told_with_its_exit_code(
    hal: Hal, words: list[str], code: int, said: str
) -> None:
    done = hal(*words)
    assert (done.code, said in done.err) == (code, True), done.err


def test_what_one_case_spoils_for_another_is_a_flake_in_any_order(
    hal: Hal, tmp_path: Path
) -> None:
    hal(*conform("-k", "*cos*", "-j", "1", "-o", "plain"))
    found = rows(tmp_path / "plain")
    assert found["onnx/node/test_cos"]["outcome"] == "FLAKE"
    assert Counter(row["outcome"] for row in found.values())["FLAKE"] == 2
    for seed in ("1", "2"):
        hal(*conform("-k", "*cos*", "-j", "1", "--shuffle", seed, "-o", seed))
        shuffled = rows(tmp_path / seed)
        assert set(shuffled) == set(found)
        # Whether a Cos runs after an Acos depends on the order; being wrong alone does not.
        assert {row["outcome"] for row in shuffled.values()} <= {"PASS", "FLAKE"}


def test_the_history_of_a_flake_is_bisected_to_the_one_culprit(
    hal: Hal, tmp_path: Path
) -> None:
    hal(*conform("-k", "*cos*", "-j", "1", "-o", "out"))
    done = hal("repro", "onnx/node/test_cos", "-d", "flaky:cpu", "--history", "--from", "out")
    assert done.code == 0, done.err
    assert "1 must run before it: ['onnx/node/test_acos" in done.err
    folder = tmp_path / "repro-onnx-node-test_cos-flaky-cpu"
    assert (folder / "before-1" / "model.onnx").exists()
    script = subprocess.run(
        [sys.executable, "repro.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert script.returncode == 1
    assert "Mismatched elements" in script.stderr


def test_a_case_that_passes_has_nothing_to_show(hal: Hal, tmp_path: Path) -> None:
    done = hal("repro", "onnx/node/test_cos", "-d", "flaky:cpu", "-o", "r")
    assert done.code == 1
    assert "PASS" in done.out
    assert (tmp_path / "r" / "inputs" / "x.npy").exists()
    assert "onnx-hal==" in (tmp_path / "r" / "environment.txt").read_text("utf-8")


def test_a_case_runs_in_this_process_when_asked(hal: Hal, tmp_path: Path) -> None:
    done = hal("repro", "onnx/node/test_cos", "-d", "flaky:cpu", "--in-process", "--json")
    assert done.code == 1
    assert json.loads(done.out)["outcome"] == "PASS"
    assert list(tmp_path.iterdir()) == []


def test_shards_become_one_report(hal: Hal, tmp_path: Path) -> None:
    whole = hal(*conform("-k", "test_a*", "-o", "whole"))
    parts = [hal(*conform("-k", "test_a*", "--shard", f"{n}/2", "-o", f"{n}")) for n in (1, 2)]
    assert [done.code for done in (whole, *parts)] == [0, 0, 0]
    assert hal("report", "1", "2", "-o", "both").code == 0
    both, once = rows(tmp_path / "both"), rows(tmp_path / "whole")
    assert {c: r["outcome"] for c, r in both.items()} == {
        c: r["outcome"] for c, r in once.items()
    }


def test_what_failed_can_be_run_again_alone(hal: Hal, tmp_path: Path) -> None:
    hal(*conform("-k", "*cos*", "-j", "1", "-o", "out"))
    hal(*conform("--failed-from", "out", "-o", "again"))
    failed = {case for case, row in rows(tmp_path / "out").items() if row["outcome"] != "PASS"}
    assert set(rows(tmp_path / "again")) == failed != set()


def test_the_gate_is_shut_by_a_surprise_and_opened_by_an_expectation(
    hal: Hal, tmp_path: Path
) -> None:
    (tmp_path / "known.toml").write_text("schema = 1\n", encoding="utf-8")
    (tmp_path / "devices.yaml").write_text(
        "targets:\n  grudge: {adapter: flaky, device: cpu, expectations: [known.toml]}\n",
        encoding="utf-8",
    )
    words = ["conform", "grudge", "--suite", "onnx", "-k", "*cos*", "-j", "1", "--gate"]
    shut = hal(*words, "-o", "out")
    assert shut.code == 1
    assert "gate: unexpected: grudge onnx/node/test_cos" in shut.err
    assert hal("expect", "update", "out", "-o", "known.toml").code == 0
    opened = hal(*words, "-o", "out2")
    assert opened.code == 0, opened.err
    assert rows(tmp_path / "out2")["onnx/node/test_cos"]["expected"] == "FLAKE"


def test_two_runs_cannot_share_a_folder(hal: Hal, start: Start, tmp_path: Path) -> None:
    with start(*conform("-k", "test_atanh", "-j", "1", "-o", "out")) as first:
        _wait_for(tmp_path / "out" / "journal.jsonl", '"start"')
        second = hal(*conform("-k", "test_atanh", "-j", "1", "-o", "out", "--resume"))
        first.communicate(timeout=60)
    assert second.code == 2
    assert f"another run (process {first.pid})" in second.err
    assert first.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_how_to_go_on_and_does(
    start: Start,
    hal: Hal,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    with start(*conform("-k", "test_a*", "-j", "1", "-o", "out")) as process:
        _wait_for(tmp_path / "out" / "journal.jsonl", "test_atanh")
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Go on with:\n  hal conform flaky:cpu --suite onnx -k 'test_a*' -j 1" in err
    assert not (tmp_path / "out" / "results.jsonl").exists()
    done = hal(*conform("-k", "test_a*", "-j", "1", "-o", "out", "--resume"))
    assert done.code == 0, done.err
    assert _journal(tmp_path / "out", "start")["onnx/node/test_atanh"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("whole_family", [False, True])
def test_kill_9_loses_nothing_and_leaves_nothing(
    start: Start, hal: Hal, tmp_path: Path, whole_family: bool
) -> None:
    """`benchmarks/kill_resume.py` does this at random moments; here, in the middle."""
    words = conform("-k", "test_a*", "-j", "2", "-o", "out")
    with start(*words) as process:
        _wait_for(tmp_path / "out" / "journal.jsonl", "test_atanh")
        workers = _children(process.pid)
        for pid in [*workers, process.pid] if whole_family else [process.pid]:
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=30)
    assert len(workers) in (2, 3)  # the third asks for the fingerprint
    _wait_until(lambda: not any(_lives(pid) for pid in workers))
    done = hal(*words, "--resume")
    assert done.code == 0, done.err
    ends = _journal(tmp_path / "out", "end")
    assert set(ends.values()) == {1}
    assert set(rows(tmp_path / "out")) == set(ends)
    assert sum(count > 1 for count in _journal(tmp_path / "out", "start").values()) <= 2


def _journal(folder: Path, kind: str) -> Counter[str]:
    lines = map(json.loads, (folder / "journal.jsonl").read_text("utf-8").splitlines())
    return Counter(
        line["record"]["case"] if kind == "end" else line["case"]
        for line in lines
        if line["kind"] == kind
    )


def _wait_for(path: Path, text: str) -> None:
    _wait_until(lambda: path.exists() and text in path.read_text("utf-8"))


def _wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
