"""Cases through a worker in another interpreter, against the same in this process.

    python benchmarks/worker_interpreter.py [--rounds 3] [--python 3.12]

An environment of its own is made with the same ONNX Runtime (and its own NumPy), as for a
target with an `env`. Each of the standard's 2,033 cases is compiled, run, judged and asked for
its placement, as `hal conform` does it, by a device in this process and by one in a worker
there, one after the other, so that a machine that is not quiet slows both; which goes first
changes from case to case. Sums over all cases are compared; they must agree in every outcome.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from statistics import median
from time import perf_counter

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
    options = parser.parse_args()
    spec = EnvSpec((f"onnxruntime=={version('onnxruntime')}",), options.python)
    made = env.create(spec, say=lambda line: print(line, file=sys.stderr))
    here = resolve(options.target)
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
    adapter = WorkerAdapter(
        target.adapter, python=target.interpreter, timeouts=target.timeouts, placed=True
    )
    info = adapter.find(target.device)
    return Device(target, adapter, info, adapter_version=registry.entry(adapter.name).version)


def _round(suite: StandardSuite, near: Device, far: Device, number: int) -> float:
    """How much longer all cases took there.

    Raises:
        SystemExit: a case has another outcome there.
    """
    sides = (near, far)
    seconds = {id(side): 0.0 for side in sides}
    found: Counter[str] = Counter()
    for index, case in enumerate(suite.ids()):
        outcomes: dict[int, str] = {}
        for side in sides if (index + number) % 2 else sides[::-1]:
            started = perf_counter()
            outcomes[id(side)] = _outcome(suite, side, case)
            seconds[id(side)] += perf_counter() - started
        if outcomes[id(near)] != outcomes[id(far)]:
            raise SystemExit(f"{case}: {outcomes[id(near)]} here, {outcomes[id(far)]} there")
        found[outcomes[id(near)]] += 1
    here, there = seconds[id(near)], seconds[id(far)]
    cases = sum(found.values())
    print(f"round {number + 1}: {cases:,} cases, {dict(found.most_common())}")
    print(f"  in this process      {here:7.2f} s  {cases / here:6.1f} a second")
    print(f"  worker there         {there:7.2f} s  {cases / there:6.1f} a second")
    print(f"  there / here         {there / here:7.3f}", flush=True)
    return there / here


def _outcome(suite: StandardSuite, device: Device, case: str) -> str:
    try:
        return suite.observe(device, case).outcome
    except HALError as error:
        return type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
