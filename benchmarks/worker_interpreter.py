"""Cases through a worker in another interpreter, against the same in this process.

    python benchmarks/worker_interpreter.py [--rounds 3] [--python 3.12] [--threads 0]

An environment of its own is made with the same ONNX Runtime (and its own NumPy), as for a
target with an `env`. Each of the standard's 2,033 cases is compiled, run, judged and asked for
its placement, as `hal conform` does it, by a device in this process and by one in a worker
there, one after the other, so that a machine that is not quiet slows both; which goes first
changes from case to case. Sums over all cases are compared, by the clock and, on Linux, of
processors, the worker's included: what it costs where others wait for the same cores. The
outcomes must agree in every case.

Both have one host thread. With more (`--threads 0` leaves it to ONNX Runtime), the threads of a
session spin until it is closed, and in a worker that waits for us they spin for longer: no cost
by the clock on idle cores, and a cost of processors.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from hal_conformance.runner.standard_suite import StandardSuite

import hal
from hal import env, registry
from hal.device import Device
from hal.errors import HALError
from hal.targets import EnvSpec, Target, resolve
from hal.worker.client import WorkerAdapter

THRESHOLD = 1.5


def main() -> int:
    """Measure, print, and say with the exit status whether the threshold was met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", help="its version (3.12); this one's where not given")
    parser.add_argument("--target", default="onnxruntime:cpu")
    parser.add_argument("--threads", type=int, default=1, help="host threads; 0: unasked")
    options = parser.parse_args()
    spec = EnvSpec((f"onnxruntime=={version('onnxruntime')}",), options.python)
    made = env.create(spec, say=lambda line: print(line, file=sys.stderr))
    here = resolve(options.target)
    here = replace(here, options=replace(here.options, threads=options.threads or None))
    there = replace(here, env=spec)
    print(f"here: Python {sys.version.split()[0]}, NumPy {version('numpy')}")
    print(f"there: Python {made.python}, NumPy {made.packages['numpy']}, {made.interpreter}")
    suite = StandardSuite()
    suite.prepare(suite.ids(), [here])
    with hal.open(here) as near, _far(there) as far:
        ratios = [_round(suite, near, far, number) for number in range(options.rounds)]
    ratio = median(ratios)
    print(f"median ratio {ratio:.3f} (threshold {THRESHOLD})")
    return 0 if ratio <= THRESHOLD else 1


def _far(target: Target) -> Device:
    """The device in the worker, as a conformance run opens it."""
    adapter = WorkerAdapter.of(target, placed=True)
    info = adapter.find(target.device)
    return Device(target, adapter, info, adapter_version=registry.entry(adapter.name).version)


def _round(suite: StandardSuite, near: Device, far: Device, number: int) -> float:
    """How much longer all cases took there.

    Raises:
        SystemExit: a case has another outcome there.
    """
    here, there = Side(near), Side(far)
    for index, case in enumerate(suite.ids()):
        for side in (here, there) if (index + number) % 2 else (there, here):
            side.take(suite, case)
        if here.last != there.last:
            raise SystemExit(f"{case}: {here.last} here, {there.last} there")
    print(f"round {number + 1}: {dict(here.outcomes.most_common())}")
    print(f"  in this process      {here}")
    print(f"  worker there         {there}")
    clock, processors = there.clock / here.clock, there.processors / here.processors
    print(f"  there / here         {clock:.3f} by the clock, {processors:.3f} of processors")
    sys.stdout.flush()
    return clock


class Side:
    """One device, and what its cases took so far."""

    def __init__(self, device: Device) -> None:
        self.clock = self.processors = 0.0
        self.outcomes: Counter[str] = Counter()
        self.last = ""
        self._device = device

    def take(self, suite: StandardSuite, case: str) -> None:
        """One case more."""
        started, used = perf_counter(), self._used()
        try:
            self.last = suite.observe(self._device, case).outcome
        except HALError as error:
            self.last = type(error).__name__
        self.clock += perf_counter() - started
        self.processors += self._used() - used
        self.outcomes[self.last] += 1

    def _used(self) -> float:
        """Seconds of processors that this process and the device's worker have had."""
        adapter = self._device.adapter
        worker = Path("/proc", str(getattr(adapter, "pid", 0)), "stat")
        if not isinstance(adapter, WorkerAdapter) or not worker.exists():
            return process_time()
        fields = worker.read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])  # utime, stime
        return process_time() + ticks / os.sysconf("SC_CLK_TCK")

    def __str__(self) -> str:
        rate = self.outcomes.total() / self.clock
        return (
            f"{self.clock:7.2f} s, {rate:5.1f} a second ({self.processors:.2f} s of processors)"
        )


if __name__ == "__main__":
    sys.exit(main())
