"""All probes on one target, in a worker of its own."""

from __future__ import annotations

import math
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
from hal.targets import Target
from hal.worker.client import WorkerAdapter
from hal_conformance.fingerprint.fact import UNKNOWN, Fact, Probe, Seen, Uneven, Unread, digest
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.fingerprint.probes import PROBES

PATIENCE_S = 20.0
"""How long one probe may compile, or run, before its process is ended."""

THREADS = {"MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""One thread, as in a run: orders of sums must not depend on the machine's size."""

_CALLED: tuple[tuple[type[HALError], str], ...] = (
    (Unsupported, "refused"),
    (OutOfMemory, "out of memory"),
    (CompileError, "an error when it is compiled"),
    (ExecutionError, "an error when it runs"),
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


def fingerprint(
    target: Target,
    started: Callable[[WorkerAdapter], None] | None = None,
    *,
    budget_s: float = math.inf,
) -> dict[str, str]:
    """Fact id -> value, of a target that is opened for this alone.

    Args:
        target: where to ask.
        started: told of each worker, so that a caller may end it.
        budget_s: after so many seconds, no further probe is begun; its fact is left out.

    Raises:
        HALError: the target cannot be opened.
    """
    return take(target, started, budget_s=budget_s).values


def take(
    target: Target,
    started: Callable[[WorkerAdapter], None] | None = None,
    *,
    budget_s: float = math.inf,
    probes: Sequence[Probe] = PROBES,
) -> Taken:
    """As `fingerprint`, with all evidence; of `probes` alone, where they are given.

    Raises:
        HALError: the target cannot be opened.
    """
    began = perf_counter()
    device = _opened(target, started)
    described = device.info.to_json()
    first = [device]
    lab = Lab(lambda: first.pop() if first else _opened(target, started))
    try:
        facts = tuple(ask(lab, probes, until=began + budget_s))
    finally:
        lab.close()
        if first:
            device.close()
    return Taken(target.name, described, facts, perf_counter() - began)


def ask(lab: Lab, probes: Sequence[Probe] = PROBES, *, until: float = math.inf) -> list[Fact]:
    """The answers to probes, in their order; the dangerous ones are asked last.

    `until` is the moment (of `perf_counter`) after which no further one is begun.
    """
    answers: dict[str, Fact] = {}
    for probe in sorted(probes, key=lambda probe: probe.dangerous):
        if perf_counter() > until:
            break
        lab.begin()
        answer = _answer(lab, probe)
        models = "; ".join(dict.fromkeys(lab.models))
        answers[probe.fact] = Fact(probe.fact, answer.value, models, answer.seen, probe.means)
    return [answers[probe.fact] for probe in probes if probe.fact in answers]


def _answer(lab: Lab, probe: Probe) -> Seen:
    try:
        return probe.ask(lab)
    except Unread as error:
        return Seen(UNKNOWN + error.why, error.seen)
    except Uneven as error:
        return Seen("it depends on the place in the tensor", str(error))
    except HALError as error:
        is_answer = probe.dangerous and isinstance(error, (DeviceLost, ExecutionError))
        return Seen(("" if is_answer else UNKNOWN) + _end(error), _line(error.message))
    except (IndexError, TypeError, ValueError) as error:  # an answer of another shape
        return Seen(UNKNOWN + "its answer cannot be read", _line(str(error)))


def _line(text: str) -> str:
    return " ".join(text.split())


def _end(error: HALError) -> str:
    if not isinstance(error, DeviceLost):
        return next((text for kind, text in _CALLED if isinstance(error, kind)), "it fails")
    if error.timed_out:
        return "it does not answer in time"
    if error.signal is None:
        return "it ends the process" if error.exit_code is not None else "the device is lost"
    try:
        return f"it ends the process ({signal.Signals(error.signal).name})"
    except ValueError:
        return f"it ends the process (signal {error.signal})"


def _opened(target: Target, started: Callable[[WorkerAdapter], None] | None) -> Device:
    limits = replace(target.timeouts, compile_s=PATIENCE_S, run_s=PATIENCE_S)
    env = {name: os.environ.get(name, default) for name, default in THREADS.items()}
    adapter = WorkerAdapter.of(target, timeouts=limits, env=env)
    try:
        if started is not None:
            started(adapter)
        info = adapter.find(target.device)
    except BaseException:
        adapter.kill()
        raise
    if info.kind == "cpu" and target.options.threads is None:
        target = replace(target, options=replace(target.options, threads=1))
    version = registry.entry(target.adapter).version
    return Device(target, adapter, info, adapter_version=version)
