"""The workers of a run: opened on targets, watched, kept warm, ended together.

A session is one worker with the user's shell around it, so that claims are checked here as they
are for users. All targets are opened once before any case runs: a device that is not there ends
the run before it begins.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from time import monotonic
from typing import Any

from hal import registry
from hal.device import Device
from hal.errors import HALError
from hal.targets import Target
from hal.worker.client import WorkerAdapter
from hal_conformance.runner.outcome import Observation, elsewhere, of_error, told
from hal_conformance.runner.plan import Item
from hal_conformance.runner.progress import clock
from hal_conformance.runner.slot import Stopped
from hal_conformance.runner.suites import Suite
from hal_conformance.runner.wards import MemoryWatch, Ward

THREAD_VARIABLES = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Of pools that a worker's libraries start unasked: one thread, unless the user says more."""

GRACE_S = 5.0
"""How long workers that are still starting are waited for when the run ends early."""

PAUSES_S = (0.2, 2.0)
"""How long to wait before a device that could not be opened again is tried once more."""

AWAY_S = 2.0
"""How long to wait between two attempts to reach a machine that went away."""


class Bench:
    """Opens sessions on a run's targets; one object for all slots.

    `headers` says what was found at each target, as `records.TargetHeader`. `faults` counts
    what went wrong in the suite itself rather than on a device.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        suites: Mapping[str, Suite],
        memory_limit: int,
        say: Callable[[str], None],
    ) -> None:
        self.suites = suites
        self._say = say  # what the user should know meanwhile, in a line
        self._away: set[str] = set()  # targets whose machine is being waited for
        self.headers: dict[str, dict[str, Any]] = {}
        self.faults = 0
        self.is_working = False  # whether slots are at work, which notice a stop by themselves
        self.watch = MemoryWatch(memory_limit)
        self._targets = {target.name: target for target in targets}
        self._spare: dict[str, list[WorkerSession]] = {}
        self._mutex = threading.Lock()
        self._stopping = threading.Event()
        self._opening: list[Future[None]] = []

    def begin(self, targets: Sequence[str], at_once: int) -> None:
        """Open a session on each, in the background, for the first slot that asks for it."""
        queue = deque((target, Future[None]()) for target in targets)
        self._opening = [future for _, future in queue]
        for number in range(at_once):
            name = f"hal-open-{number}"
            threading.Thread(
                target=self._prepare, args=(queue,), name=name, daemon=True
            ).start()

    def _prepare(self, queue: deque[tuple[str, Future[None]]]) -> None:
        while queue:
            try:
                target, future = queue.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                session = self._opened(target)
            except BaseException as error:  # noqa: BLE001  `wait` raises it where it is seen
                future.set_exception(error)
            else:
                with self._mutex:
                    self._spare.setdefault(target, []).append(session)
                future.set_result(None)

    def wait(self) -> None:
        """Wait for what `begin` began.

        Raises:
            HALError: a worker cannot be started, or a device is not there. Stopped.
        """
        for future in self._opening:
            future.result()

    def open(self, target: str) -> WorkerSession:
        """A session on the target: one that was prepared, or a new one.

        A device may need a moment after it has crashed: opening is tried more than once. One on
        another machine, which may be starting anew, is waited for.

        Raises:
            HALError: no worker can be started, or the device is not there.
            Stopped: the run is being stopped.
        """
        session = self._spared(target)
        if session is not None:
            return session
        if self._targets[target].host is not None:
            return self._awaited(self._targets[target])
        for pause in PAUSES_S:
            try:
                return self._opened(target)
            except HALError:
                self._stopping.wait(pause)
        return self._opened(target)

    def _spared(self, target: str) -> WorkerSession | None:
        """A session that was prepared, and that still answers."""
        while True:
            with self._mutex:
                spare = self._spare.get(target)
                if not spare:
                    return None
                session = spare.pop()
            if session.answers():
                return session
            session.kill()

    def _awaited(self, target: Target) -> WorkerSession:
        """A session on a target of another machine, as soon as that lets us have one."""
        began = monotonic()
        while True:
            try:
                session = self._opened(target.name)
            except HALError as error:
                if monotonic() - began > target.timeouts.reboot_s:
                    raise
                self._tell_away(target, error)
                self._stopping.wait(AWAY_S)
            else:
                self._tell_back(target, monotonic() - began)
                return session

    def _tell_away(self, target: Target, error: HALError) -> None:
        with self._mutex:
            is_news = target.name not in self._away
            self._away.add(target.name)
        if is_news:
            limit = clock(target.timeouts.reboot_s)
            self._say(f"{target.name}: {error.message}; waiting for it, up to {limit}")

    def _tell_back(self, target: Target, seconds: float) -> None:
        with self._mutex:
            is_news = target.name in self._away
            self._away.discard(target.name)
        if is_news:
            self._say(f"{target.name}: {target.host} is back after {clock(seconds)}")

    def _opened(self, name: str) -> WorkerSession:
        target = self._targets[name]
        if self.stopping():
            raise Stopped
        threads = {name: os.environ.get(name, "1") for name in THREAD_VARIABLES}
        adapter = WorkerAdapter.of(target, env=threads, placed=True)
        ward = self.watch.over(adapter)
        try:
            if self.stopping():
                raise Stopped
            info = adapter.find(target.device)
        except BaseException:
            self.watch.remove(ward)
            adapter.kill()
            raise
        version = registry.entry(target.adapter).version
        device = bound(Device(target, adapter, info, adapter_version=version))
        with self._mutex:
            self.headers.setdefault(name, header(device, adapter.hello))
        return WorkerSession(self, device, adapter, ward)

    def watch_over(self, worker: WorkerAdapter) -> None:
        """Watch a worker that is none of the sessions', until the run ends.

        Raises:
            Stopped: the run is being stopped.
        """
        self.watch.over(worker)
        if self.stopping():
            raise Stopped

    def stopping(self) -> bool:
        """Whether the run is being stopped."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End all workers now; whoever waits for one is told Stopped."""
        self._stopping.set()
        self.watch.end_all()

    def fault(self) -> None:
        """Count one failure of the suite itself."""
        with self._mutex:
            self.faults += 1

    def close(self) -> None:
        """End the sessions that nobody asked for, and stop watching."""
        wait(self._opening, timeout=0 if not self.stopping() else GRACE_S)
        if not all(future.done() for future in self._opening):
            self.stop()
            wait(self._opening, timeout=GRACE_S)
        with self._mutex:
            spare = [session for sessions in self._spare.values() for session in sessions]
        for session in spare:
            session.kill()
        self.watch.close()


class WorkerSession:
    """One worker on one target."""

    def __init__(
        self, bench: Bench, device: Device, adapter: WorkerAdapter, ward: Ward
    ) -> None:
        self.device = device
        self._bench = bench
        self._adapter = adapter
        self._ward = ward

    @property
    def alive(self) -> bool:
        """Whether it can take another case."""
        return not self._adapter.is_lost and self._ward.verdict is None

    @property
    def cut_off(self) -> bool:
        """Whether its machine is known to be gone."""
        return self._adapter.is_cut_off

    def answers(self) -> bool:
        """Whether it still does, after it has waited."""
        try:
            self._adapter.ping()
        except HALError:
            return False
        return True

    def observe(self, item: Item) -> Observation:
        """Run the case and judge it; what goes wrong is part of the observation."""
        seen = self._observe(item)
        return replace(seen, reason=told(seen.reason)) if seen.reason else seen

    def _observe(self, item: Item) -> Observation:
        try:
            seen = self._bench.suites[item.suite].observe(self.device, item.case)
        except HALError as error:
            return of_error(error, self._ward.verdict)
        except Exception as error:  # noqa: BLE001  one case must not end the run; it is counted
            self._bench.fault()
            reason = f"the suite itself failed: {type(error).__name__}: {error}"
            return Observation("ERROR", reason)
        return elsewhere(seen, self.device.target.options.allow_fallback)

    def close(self) -> None:
        """Ask the worker to leave; one that does not is killed."""
        self._bench.watch.remove(self._ward)
        self._adapter.close()

    def kill(self) -> None:
        """End the worker at once: it is not trusted any more."""
        self._bench.watch.remove(self._ward)
        self._adapter.kill()


def bound(device: Device) -> Device:
    """Give a device that is the host itself one thread a worker, unless its target says more.

    Cases run side by side, not inside: on two cores, two workers of ONNX Runtime with its own
    choice of threads need more than twice the time. The number does not depend on `-j`, so
    that results do not.
    """
    target = device.target
    if device.info.kind == "cpu" and target.options.threads is None:
        device.target = replace(target, options=replace(target.options, threads=1))
    return device


def header(device: Device, worker: Mapping[str, Any]) -> dict[str, Any]:
    """What was found at a target, as `records.TargetHeader`; `worker` is what it said first."""
    target = device.target
    return {
        "target": target.name,
        "adapter": target.adapter,
        "device": target.device,
        "adapter_version": device.adapter_version,
        "identity": device.info.to_json(),
        "options": target.options.to_json(),
        "arithmetic": target.arithmetic,
        "labels": list(target.labels),
        "fingerprint": {name: worker[name] for name in ("machine", "system")},
    }
