"""A worker reached over SSH, against one of this machine.

    python benchmarks/remote_worker.py --host ssh://user@board [--python /path/there]

Both have the same adapter and device. Measured are the start of a worker, one small run,
tensors of 1 to 64 MiB that go there and come back, and a sample of the standard's cases,
compiled, run and judged as `hal conform` does it. On loopback the difference is what SSH costs;
with another machine, the network's speed and that machine's are in it too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter

import numpy as np
from hal_conformance.runner.standard_suite import StandardSuite
from onnx import TensorProto, helper

import hal
from hal.device import Device
from hal.errors import HALError
from hal.targets import Target, resolve

MIB = 1 << 20


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--python", help="the interpreter there; python3 where not given")
    parser.add_argument("--target", default="onnxruntime:cpu")
    parser.add_argument("--cases", type=int, default=300)
    options = parser.parse_args()
    here = resolve(options.target)
    there = replace(here, host=options.host, python=options.python)
    suite = StandardSuite()
    cases = suite.ids()[:: max(1, len(suite.ids()) // options.cases)]
    suite.prepare(cases, [here])
    print(f"{'':22}{'here':>12}{'there':>12}")
    with hal.open(here, isolated=True) as near, hal.open(there) as far:
        _print("start a worker, s", [_start(target) for target in (here, there)], 2)
        _print("a small run, ms", [1e3 * _run(side, 16, 300) for side in (near, far)], 3)
        for size in (1, 8, 64):
            seconds = [_run(side, size * MIB, 5) for side in (near, far)]
            rates = [2 * size / one for one in seconds]
            _print(f"{size} MiB and back, MiB/s", rates, 0)
        seconds = _suite_seconds(suite, cases, (near, far))
        _print(f"{len(cases)} cases, a second", [len(cases) / one for one in seconds], 1)
    return 0


def _print(what: str, values: Sequence[float], digits: int) -> None:
    print(f"{what:22}" + "".join(f"{value:12.{digits}f}" for value in values), flush=True)


def _start(target: Target) -> float:
    """The median of three, until the device is found."""
    seconds: list[float] = []
    for _ in range(3):
        started = perf_counter()
        with hal.open(target, isolated=True):
            seconds.append(perf_counter() - started)
    return median(seconds)


def _run(device: Device, size: int, rounds: int) -> float:
    """The median seconds of x + x over that many bytes, the way there and back included."""
    feed = {"x": np.ones(size // 4, np.float32)}
    with device.compile(_model()) as exe:
        exe(feed)
        seconds: list[float] = []
        for _ in range(rounds):
            started = perf_counter()
            exe(feed)
            seconds.append(perf_counter() - started)
    return median(seconds)


def _model() -> bytes:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N"]) for n in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString())


def _suite_seconds(
    suite: StandardSuite, cases: Sequence[str], sides: tuple[Device, Device]
) -> list[float]:
    """How long each side took over all cases, one after the other.

    Raises:
        SystemExit: a case has another outcome there.
    """
    seconds = [0.0, 0.0]
    for case in cases:
        found: list[str] = []
        for number, side in enumerate(sides):
            started = perf_counter()
            found.append(_outcome(suite, side, case))
            seconds[number] += perf_counter() - started
        if found[0] != found[1]:
            raise SystemExit(f"{case}: {found[0]} here, {found[1]} there")
    return seconds


def _outcome(suite: StandardSuite, device: Device, case: str) -> str:
    try:
        return suite.observe(device, case).outcome
    except HALError as error:
        return type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
