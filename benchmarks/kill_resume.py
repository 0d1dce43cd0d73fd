"""Nothing is lost: kill a conformance run with signal 9 at random moments, resume it, count.

    python benchmarks/kill_resume.py 20
    python benchmarks/kill_resume.py 5 --target openvino:cpu --jobs 4 --seed 7 -k '*conv*'

Each round starts a run in an empty folder, kills it at a random moment (every other time its
workers with it), and resumes it to its end. After each kill, within five seconds, no process
of the run and no shared memory may be left; after the resumption every case has exactly one
final record, and at most `--jobs` cases were begun twice. Exits with 1 where that is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRACE_S = 5.0
SHARED = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Run:
    """A command line without its folder."""

    target: str
    pattern: str | None
    jobs: int

    def start(self, folder: Path, *, resume: bool) -> subprocess.Popen[bytes]:
        """The run in a process of its own."""
        command = [sys.executable, "-m", "hal", "conform", self.target, "--suite", "onnx"]
        command += ["-j", str(self.jobs), "-o", str(folder)]
        command += ["-k", self.pattern] if self.pattern else []
        command += ["--resume"] if resume else []
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def finish(self, folder: Path, *, resume: bool) -> float:
        """Run to the end; how long it took, in seconds."""
        started = time.monotonic()
        process = self.start(folder, resume=resume)
        _, said = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"the run exited with {process.returncode}: {said.decode()}")
        return time.monotonic() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds; the exit code."""
    asked = _parser().parse_args(arguments)
    chance = random.Random(asked.seed)
    run = Run(asked.target, asked.pattern, asked.jobs)
    broken = 0
    with tempfile.TemporaryDirectory(prefix="hal-kill-") as root:
        whole = Path(root) / "whole"
        seconds = run.finish(whole, resume=False)
        outcomes = _outcomes(whole)
        print(f"undisturbed: {len(outcomes)} cases in {seconds:.1f} s", flush=True)
        for number in range(1, asked.rounds + 1):
            folder = Path(root) / str(number)
            moment = chance.uniform(0.05, seconds)
            found = _round(run, folder, moment, with_workers=bool(number % 2))
            wrong = [*found, *_compare(folder, outcomes, asked.jobs)]
            broken += bool(wrong)
            verdict = "; ".join(wrong) or "nothing lost"
            print(f"{number}: killed after {moment:.2f} s: {verdict}", flush=True)
    print(f"{asked.rounds - broken} of {asked.rounds} rounds lost nothing")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rounds", type=int, nargs="?", default=20)
    parser.add_argument("--target", default="onnxruntime:cpu")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-k", dest="pattern")
    return parser


def _round(run: Run, folder: Path, moment: float, *, with_workers: bool) -> list[str]:
    """Kill and resume once; what was left behind, in words."""
    shared = set(_shared())
    process = run.start(folder, resume=False)
    time.sleep(moment)
    family = _family(process.pid)
    for pid, _ in family if with_workers else family[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    wrong = _left_behind(family, shared)
    run.finish(folder, resume=True)
    return wrong


def _left_behind(family: Sequence[tuple[int, str]], shared: set[str]) -> list[str]:
    deadline = time.monotonic() + GRACE_S
    while True:
        orphans = [pid for pid, born in family if _born(pid) == born]
        segments = sorted(set(_shared()) - shared)
        if not orphans and not segments:
            return []
        if time.monotonic() > deadline:
            named = [_described(pid) for pid in orphans]
            return [f"processes {named} and shared memory {segments} are left"]
        time.sleep(0.05)


def _shared() -> list[str]:
    return [path.name for path in SHARED.iterdir()] if SHARED.is_dir() else []


def _family(pid: int) -> list[tuple[int, str]]:
    """A process and its descendants, each with the moment it was born."""
    everyone = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    stats = {one: _stat(one) for one in everyone}
    found, queue = list[tuple[int, str]](), [pid]
    while queue:
        one = queue.pop(0)
        found.append((one, _born(one)))
        queue += [child for child, stat in stats.items() if stat[1:2] == [str(one)]]
    return [(one, born) for one, born in found if born]


def _born(pid: int) -> str:
    """When a process started, in ticks; empty where it is gone, or only waits to be reaped."""
    stat = _stat(pid)
    return stat[19] if stat and stat[0] != "Z" else ""


def _described(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except OSError:
        command = "gone"
    return f"{pid} {_stat(pid)[:2]} {command.replace(chr(0), ' ').strip()}"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, ..."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _compare(folder: Path, outcomes: Counter[tuple[str, str]], jobs: int) -> list[str]:
    """What is wrong with a resumed folder, in words."""
    lines = [
        json.loads(text) for text in (folder / "journal.jsonl").read_text("utf-8").splitlines()
    ]
    ends = Counter(_key(line["record"]) for line in lines if line["kind"] == "end")
    starts = Counter(_key(line) for line in lines if line["kind"] == "start")
    twice = sum(count > 1 for count in starts.values())
    wrong: list[str] = []
    if any(count != 1 for count in ends.values()):
        wrong.append("a case has two final records")
    if twice > jobs:
        wrong.append(f"{twice} cases were begun twice")
    found = _outcomes(folder)
    if found != outcomes:
        wrong.append(f"outcomes differ: {sorted((found - outcomes) + (outcomes - found))}")
    return wrong


def _key(line: dict[str, Any]) -> tuple[str, str]:
    return line["target"], line["case"]


def _outcomes(folder: Path) -> Counter[tuple[str, str]]:
    """How often each case ended how, in results.jsonl: once, if nothing is wrong."""
    rows = [
        json.loads(text) for text in (folder / "results.jsonl").read_text("utf-8").splitlines()
    ]
    return Counter((row["case"], row["outcome"]) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
