"""onnx's suite on ONNX Runtime: the standard runner's wall time against that of `hal conform`.

    python benchmarks/standard_suite.py [--rounds 3] [--jobs 2]

Each round runs, one after the other, each in processes of its own: the standard runner
(`onnx.backend.test.BackendTest` over `onnxruntime.backend`, under pytest, as its documentation
has it; its failing cases are expected); its collection alone, which is mostly generating the
cases; `hal conform` with an empty cache; `hal conform` again with the cache filled. Medians
over the rounds are compared. Processor times are printed too: they say what a run costs where
the machine is not quiet (0 on Windows, which does not count children).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

CASES = 2033
STANDARD = """\
import onnx.backend.test
import onnxruntime.backend as backend

backend_test = onnx.backend.test.BackendTest(backend, __name__)
globals().update(backend_test.test_cases)
"""
THRESHOLDS = {"cold": 1.0, "warm": 0.35}


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds that a command took, by the clock and of processors."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.processor:.2f} s of processors)"


@dataclass(frozen=True, slots=True)
class Round:
    """One time of each."""

    standard: Time
    collection: Time
    cold: Time
    warm: Time


def main() -> int:
    """Measure, print, and say with the exit status whether the thresholds were met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--target", default="onnxruntime:cpu")
    options = parser.parse_args()
    rounds: list[Round] = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(measure(Path(folder), options.target, options.jobs))
        last = rounds[-1]
        print(f"round {number + 1}: standard {last.standard}, its collection {last.collection}")
        print(f"  cold {last.cold}, warm {last.warm}", flush=True)
    return _summary(rounds)


def measure(folder: Path, target: str, jobs: int) -> Round:
    """One round; everything that is written lies in `folder`."""
    return Round(
        standard=standard(folder),
        collection=standard(folder, "--collect-only"),
        cold=ours(folder, target, jobs, "cold"),
        warm=ours(folder, target, jobs, "warm"),
    )


def standard(folder: Path, *arguments: str) -> Time:
    """The time of the standard runner.

    Raises:
        SystemExit: it did not go through its cases.
    """
    module = folder / "test_standard.py"
    module.write_text(STANDARD)
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
    time, output = _timed([*command, *arguments, module.name], folder)
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", output)}
    if arguments:
        ran = counts.get("tests", 0) // 2  # a case for the CPU and one for CUDA
    else:
        ran = counts.get("passed", 0) + counts.get("failed", 0)
    if ran != CASES:
        raise SystemExit(
            f"the standard runner did not run its {CASES} cases:\n{output[-2000:]}"
        )
    return time


def ours(folder: Path, target: str, jobs: int, name: str) -> Time:
    """The time of `hal conform`, with the cache in `folder`.

    Raises:
        SystemExit: it did not record every case.
    """
    results = folder / name
    command = [sys.executable, "-m", "hal", "conform", target, "--suite", "onnx"]
    where = ["-j", str(jobs), "-o", str(results), "--cache", str(folder / "cache")]
    time, output = _timed([*command, *where], folder)
    records = results / "results.jsonl"
    lines = records.read_text().splitlines() if records.exists() else []
    if len({json.loads(line)["case"] for line in lines}) != CASES:
        raise SystemExit(f"hal conform recorded {len(lines)} of {CASES} cases:\n{output}")
    return time


def _timed(command: list[str], folder: Path) -> tuple[Time, str]:
    started, before = perf_counter(), _processors()
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,  # the standard runner's failing cases are expected
    )
    return Time(perf_counter() - started, _processors() - before), done.stdout


def _environment(folder: Path) -> dict[str, str]:
    """As on a user's machine, where Python keeps the byte code it has compiled."""
    kept = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    compiled = Path(tempfile.gettempdir()) / "onnx-hal-benchmark-byte-code"
    return {
        **kept,
        "ONNX_HOME": str(folder / "onnx"),
        "PYTHONPYCACHEPREFIX": str(compiled),
    }


def _processors() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _summary(rounds: list[Round]) -> int:
    theirs = _median([times.standard for times in rounds])
    found = {
        "cold": _median([times.cold for times in rounds]),
        "warm": _median([times.warm for times in rounds]),
    }
    print(f"medians of {len(rounds)}:")
    print(f"  standard runner   {theirs}")
    print(f"    its collection  {_median([times.collection for times in rounds])}")
    for name, time in found.items():
        print(f"  hal conform {name}  {time}")
    for name, time in found.items():
        ratio = time.wall / theirs.wall
        print(f"  {name} / standard  {ratio:.3f} (threshold {THRESHOLDS[name]})")
    met = all(found[name].wall <= limit * theirs.wall for name, limit in THRESHOLDS.items())
    return 0 if met else 1


def _median(times: list[Time]) -> Time:
    return Time(median(time.wall for time in times), median(time.processor for time in times))


if __name__ == "__main__":
    sys.exit(main())
