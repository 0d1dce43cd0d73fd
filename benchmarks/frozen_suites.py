"""The suites `ops` and `graphs` on ONNX Runtime: from scratch, from the cache, and bare.

    python benchmarks/frozen_suites.py [--jobs 2] [--target onnxruntime:cpu]

Prints how long the corpora take to make from nothing and how large they are; how long `hal
conform` takes over both suites once they are made, with cases a second; and how long ONNX
Runtime itself takes in one process to create the same sessions and run them once, unjudged and
unprotected, but for the cases that end its process. The ratio is ours, by the clock, to that
time dealt over the same number of jobs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

SUITES = ("ops", "graphs")
BARE = """
import sys
from pathlib import Path
from time import perf_counter

import onnxruntime
from hal.tensor import Tensor
from hal_conformance.frozen.corpus import FrozenCorpus
from hal_conformance.frozen.shelf import Shelf

shelf = Shelf(Path(sys.argv[1]))
deadly = set(sys.stdin.read().split())
onnxruntime.set_default_logger_severity(4)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
asked = []
for suite in ("ops", "graphs"):
    corpus = FrozenCorpus(suite, shelf)
    asked += [corpus.question(case) for case in corpus.frozen if case not in deadly]
started, ran = perf_counter(), 0
for question in asked:
    try:
        session = onnxruntime.InferenceSession(
            question.model, options, providers=["CPUExecutionProvider"]
        )
        for feeds in question.datasets:
            named = {k: v.array for k, v in feeds.items() if isinstance(v, Tensor)}
            session.run(None, named)
        ran += 1
    except Exception:  # of many kinds, for what it does not support: not counted as run
        continue
print(ran, perf_counter() - started)
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--target", default="onnxruntime:cpu")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suites = [word for suite in SUITES for word in ("--suite", suite)]
        where = ["--cache", str(folder / "cache"), "-j", str(options.jobs)]
        made, text = _timed(["corpus", "build", *suites, *where, "--json"])
        size = json.loads(text)["bytes"] / 1e6
        print(f"corpora from scratch: {made:.0f} s, {size:.0f} MB", flush=True)
        total, cases = 0.0, 0
        deadly: list[str] = []
        for suite in SUITES:
            words = ["conform", options.target, "--suite", suite, "-o", str(folder / suite)]
            seconds, _ = _timed([*words, *where])
            records = (folder / suite / "results.jsonl").read_text("utf-8").splitlines()
            lines = len(records)
            deadly += [
                record["case"]
                for record in map(json.loads, records)
                if record["outcome"] in ("CRASH", "HANG", "OOM")
            ]
            print(
                f"{suite}: {lines:,} cases in {seconds:.1f} s, {lines / seconds:.0f} a second"
            )
            total, cases = total + seconds, cases + lines
        bare, ran = _bare(folder / "cache", deadly)
        share = bare / options.jobs
        print(f"both: {cases:,} cases in {total:.1f} s with {options.jobs} workers")
        print(f"ONNX Runtime bare, one process: {ran:,} of them run, {bare:.1f} s")
        print(f"ratio to the bare time over {options.jobs} jobs: {total / share:.2f}")
    return 0


def _timed(words: list[str]) -> tuple[float, str]:
    started = perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "hal", *words], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(
            f"hal {' '.join(words)} ended with {ended.returncode}:\n{ended.stderr}"
        )
    return perf_counter() - started, ended.stdout


def _bare(cache: Path, deadly: list[str]) -> tuple[float, int]:
    command = [sys.executable, "-c", BARE, str(cache)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(
            f"the bare loop ended with {ended.returncode}:\n{ended.stderr[-2000:]}"
        )
    ran, seconds = ended.stdout.split()[-2:]
    return float(seconds), int(ran)


if __name__ == "__main__":
    sys.exit(main())
