"""The measuring side of `hal bench`: runs inside a target's worker, where the device is.

Called by name through `WorkerAdapter.call`, one function after the other: `prepare`, `spin` as
often as there are rounds, `finish`. What is timed is `executable(feeds)`, as a user calls it:
the shell's cost is in the figures, and the cost of the worker's border is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from hal.adapter import Adapter
from hal.cli.feeds import Plan
from hal.device import Device
from hal.executable import Executable
from hal.model import Model
from hal.spec import CompileOptions, ModelFacts
from hal.targets import Target
from hal.worker.server import peak_bytes

PERCENTILES = (50, 90, 99)


@dataclass
class Measured:
    """One executable being measured; a worker measures one."""

    executable: Executable
    feeds: Mapping[str, Any]
    base_bytes: int | None
    rounds: list[list[float]] = field(default_factory=list[list[float]])


_measured: list[Measured] = []


def prepare(
    adapter: Adapter,
    *,
    target: str,
    device: str,
    options: Mapping[str, Any],
    model: str,
    facts: Mapping[str, Any],
    plan: Mapping[str, Any],
) -> dict[str, Any]:
    """Compile, make the inputs, run once."""
    known = ModelFacts.from_json(facts)
    feeds = Plan.from_json(plan).feeds(known.inputs)
    info = adapter.find(device)
    asked = Target(target, adapter.name, device, CompileOptions.from_json(options))
    base = peak_bytes()
    opened = Device(asked, adapter, info)
    executable = opened.compile(Model(model, facts=known))
    started = perf_counter()
    executable(feeds)
    first = perf_counter() - started
    _measured[:] = [Measured(executable, feeds, base)]
    return {
        "device": info.to_json(),
        "compile_s": executable.compile_seconds,
        "first_run_s": first,
    }


def spin(adapter: Adapter, *, seconds: float, keep: bool) -> int:  # noqa: ARG001  call's form
    """Run for that long, at least once; `keep` the times, or let it be a warm-up.

    Returns:
        How often it ran.
    """
    measured = _measured[0]
    executable, feeds = measured.executable, measured.feeds
    times: list[float] = []
    until = perf_counter() + seconds
    now = perf_counter()
    while now < until or not times:
        executable(feeds)
        before, now = now, perf_counter()
        times.append(now - before)
    if keep:
        measured.rounds.append(times)
    return len(times)


def finish(adapter: Adapter) -> dict[str, Any]:  # noqa: ARG001  call's form
    """The figures of all rounds together, in seconds and bytes."""
    measured = _measured[0]
    times = np.concatenate([np.asarray(one) for one in measured.rounds])
    peak = peak_bytes()
    percentiles = np.percentile(times, PERCENTILES).tolist()
    base = measured.base_bytes
    return {
        "runs": len(times),
        "mean_s": float(times.mean()),
        "min_s": float(times.min()),
        "max_s": float(times.max()),
        **{f"p{n}_s": value for n, value in zip(PERCENTILES, percentiles, strict=True)},
        "per_second": len(times) / float(times.sum()),
        "rounds_p50_s": [float(np.median(one)) for one in measured.rounds],
        "peak_bytes": peak,
        "model_bytes": None if peak is None or base is None else peak - base,
    }
