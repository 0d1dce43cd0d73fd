"""onnx's suite on ONNX Runtime: the standard runner's wall time against that of `hal conform`.

    python benchmarks/standard_suite.py [--rounds 3] [--jobs 2]

Each round runs, one after the other, each in processes of its own: the standard runner
(`onnx.backend.test.BackendTest` over `onnxruntime.backend`, under pytest, as its documentation
has it; its failing cases are expected); its collection alone, which is mostly generating the
cases; `hal conform` with an empty cache; `hal conform` again with the cache filled. Medians
over the rounds are compared.
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
class Round:
    """Wall times in seconds."""

    standard: float
    collection: float
    cold: float
    warm: float


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
        print(f"round {number + 1}: {_round(rounds[-1])}", flush=True)
    return _summary(rounds)


def measure(folder: Path, target: str, jobs: int) -> Round:
    """One round; everything that is written lies in `folder`."""
    return Round(
        standard=standard(folder),
        collection=standard(folder, "--collect-only"),
        cold=ours(folder, target, jobs, "cold"),
        warm=ours(folder, target, jobs, "warm"),
    )


def standard(folder: Path, *arguments: str) -> float:
    """Seconds of the standard runner.

    Raises:
        SystemExit: it did not go through its cases.
    """
    module = folder / "test_standard.py"
    module.write_text(STANDARD)
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
    seconds, output = _timed([*command, *arguments, module.name], folder)
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", output)}
    if arguments:
        ran = counts.get("tests", 0) // 2  # a case for the CPU and one for CUDA
    else:
        ran = counts.get("passed", 0) + counts.get("failed", 0)
    if ran != CASES:
        raise SystemExit(
            f"the standard runner did not run its {CASES} cases:\n{output[-2000:]}"
        )
    return seconds


def ours(folder: Path, target: str, jobs: int, name: str) -> float:
    """Seconds of `hal conform`, with the cache in `folder`.

    Raises:
        SystemExit: it did not record every case.
    """
    results = folder / name
    command = [sys.executable, "-m", "hal", "conform", target, "--suite", "onnx"]
    where = ["-j", str(jobs), "-o", str(results), "--cache", str(folder / "cache")]
    seconds, output = _timed([*command, *where], folder)
    records = results / "results.jsonl"
    lines = records.read_text().splitlines() if records.exists() else []
    if len({json.loads(line)["case"] for line in lines}) != CASES:
        raise SystemExit(f"hal conform recorded {len(lines)} of {CASES} cases:\n{output}")
    return seconds


def _timed(command: list[str], folder: Path) -> tuple[float, str]:
    started = perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "ONNX_HOME": str(folder / "onnx")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,  # the standard runner's failing cases are expected
    )
    return perf_counter() - started, done.stdout


def _round(times: Round) -> str:
    return (
        f"standard {times.standard:.2f} s (collection {times.collection:.2f} s), "
        f"cold {times.cold:.2f} s, warm {times.warm:.2f} s"
    )


def _summary(rounds: list[Round]) -> int:
    theirs = median(times.standard for times in rounds)
    collection = median(times.collection for times in rounds)
    medians = {
        "cold": median(times.cold for times in rounds),
        "warm": median(times.warm for times in rounds),
    }
    print(f"medians of {len(rounds)}:")
    print(f"  standard runner  {theirs:6.2f} s   of which collection {collection:.2f} s")
    for name, seconds in medians.items():
        print(
            f"  hal conform {name} {seconds:6.2f} s   {seconds / theirs:.3f} of the "
            f"standard's (threshold {THRESHOLDS[name]})"
        )
    met = all(medians[name] <= limit * theirs for name, limit in THRESHOLDS.items())
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
