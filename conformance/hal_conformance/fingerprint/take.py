"""All probes on one target, in a worker of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from hal import registry
from hal.device import Device
from hal.errors import (
    CompileError,
    DeviceLost,
    ExecutionError,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)
from hal.targets import Target, Timeouts
from hal.worker.client import WorkerAdapter
from hal_conformance.fingerprint.fact import UNKNOWN, Fact, Probe, Seen, Unread, digest
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.fingerprint.probes import PROBES

PATIENCE_S = 20.0
"""How long one probe may compile, or run, before its process is ended."""

THREADS = {"MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""One thread, as in a run: orders of sums must not depend on the machine's size."""

_CALLED: tuple[tuple[type[HALError], str], ...] = (
    (Unsupported, "refused"),
    (OutOfMemory, "out of memory"),
    (CompileError, "it does not compile"),
    (ExecutionError, "it does not run"),
    (InputError, "refused as invalid"),
)


@dataclass(frozen=True)
class Taken:
    """The facts of one target, in the order of the probes; `seconds` is what they took."""

    target: str
    device: dict[str, Any]
    facts: tuple[Fact, ...]
    seconds: float

    @property
    def values(self) -> dict[str, str]:
        """Fact id -> value."""
        return {fact.id: fact.value for fact in self.facts}

    @property
    def hash(self) -> str:
        """One hash over all values."""
        return digest(self.values)

    def to_json(self) -> dict[str, Any]:
        """The fingerprint as a JSON object."""
        return {
            "target": self.target,
            "device": self.device,
            "hash": self.hash,
            "seconds": round(self.seconds, 3),
            "facts": [fact.to_json() for fact in self.facts],
        }


def fingerprint(target: Target, started: Callable[[int], None] | None = None) -> dict[str, str]:
    """Fact id -> value, of a target that is opened for this alone.

    Args:
        target: where to ask.
        started: told the process id of each worker, so that a caller may end it.

    Raises:
        HALError: the target cannot be opened.
    """
    return take(target, started).values


def take(target: Target, started: Callable[[int], None] | None = None) -> Taken:
    """As `fingerprint`, with all evidence.

    Raises:
        HALError: the target cannot be opened.
    """
    began = perf_counter()
    device = _opened(target, started)
    described = device.info.to_json()
    first = [device]
    lab = Lab(lambda: first.pop() if first else _opened(target, started))
    try:
        facts = tuple(ask(lab))
    finally:
        lab.close()
        if first:
            device.close()
    return Taken(target.name, described, facts, perf_counter() - began)


def ask(lab: Lab, probes: Sequence[Probe] = PROBES) -> list[Fact]:
    """The answers to probes, in their order; the dangerous ones are asked last."""
    answers: dict[str, Fact] = {}
    for probe in sorted(probes, key=lambda probe: probe.dangerous):
        lab.begin()
        answer = _answer(lab, probe)
        models = "; ".join(dict.fromkeys(lab.models))
        answers[probe.fact] = Fact(probe.fact, answer.value, models, answer.seen, probe.means)
    return [answers[probe.fact] for probe in probes]


def _answer(lab: Lab, probe: Probe) -> Seen:
    try:
        return probe.ask(lab)
    except Unread as error:
        return Seen(UNKNOWN + error.why, error.seen)
    except DeviceLost as error:
        return Seen(UNKNOWN + _end(error), " ".join(error.message.split()))
    except HALError as error:
        called = next((text for kind, text in _CALLED if isinstance(error, kind)), "it fails")
        return Seen(UNKNOWN + called, " ".join(error.message.split()))


def _end(error: DeviceLost) -> str:
    if error.timed_out:
        return "it does not answer in time"
    if error.signal is None:
        return "it ends the process" if error.exit_code is not None else "the device is lost"
    try:
        name = signal.Signals(error.signal).name
    except ValueError:
        name = f"signal {error.signal}"
    return f"it ends the process ({name})"


def _opened(target: Target, started: Callable[[int], None] | None) -> Device:
    limits = Timeouts(target.timeouts.start_s, PATIENCE_S, PATIENCE_S)
    env = {name: os.environ.get(name, default) for name, default in THREADS.items()}
    adapter = WorkerAdapter(target.adapter, python=target.python, timeouts=limits, env=env)
    try:
        if started is not None:
            started(adapter.pid)
        info = adapter.find(target.device)
    except BaseException:
        adapter.kill()
        raise
    if info.kind == "cpu" and target.options.threads is None:
        target = replace(target, options=replace(target.options, threads=1))
    version = registry.entry(target.adapter).version
    return Device(target, adapter, info, adapter_version=version)
