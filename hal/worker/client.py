"""The caller's side of a worker: an Adapter like any other, whose vendor may die alone.

A worker that ends or does not answer in time raises DeviceLost, with the signal, the exit code
and the last it printed; the adapter then stays lost, and the caller opens another. Requests of
several threads are answered one at a time.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import RLock
from time import monotonic
from typing import Any, ClassVar

from hal import registry
from hal.adapter import Adapter, CanLoad, CanPlace, CanProfile, CanQuery, CanSave, Program
from hal.errors import AdapterError, DeviceLost, from_json
from hal.model import Model
from hal.spec import (
    CompileOptions,
    DeviceInfo,
    NodeTime,
    Placement,
    Support,
    TensorSpec,
)
from hal.targets import Timeouts
from hal.tensor import Feeds, Value
from hal.worker.process import Process
from hal.worker.wire import PROTOCOL, Channel, Closed, Message, Received

_NOT_ACROSS = frozenset({"bind", "concurrent", "submit"})
"""Features that need the caller's own process; a device in a worker does not claim them."""

_GRACE_S = 2.0
"""How long a worker that closed its socket has to end before it is killed."""


class WorkerAdapter(Adapter, CanQuery, CanLoad):
    """The adapter of that name, in a process of its own.

    Args:
        adapter: its registered name.
        python: the interpreter to run it in; None for this one.
        timeouts: how long to wait for a start, a compilation, a run.
        memory_bytes: the most data the process may allocate.
        env: environment variables of the process, over this one's.

    Raises:
        AdapterError: the adapter is unknown, or its class cannot be loaded.
        SDKMissing: its vendor's package is not installed there.
        DeviceLost: the process ended while it started.
    """

    name: ClassVar[str] = "worker"

    def __init__(
        self,
        adapter: str,
        *,
        python: str | None = None,
        timeouts: Timeouts | None = None,
        memory_bytes: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        entry = registry.entry(adapter)
        self.name = adapter  # type: ignore[misc]  # an instance stands for another class's name
        self.timeouts = timeouts or Timeouts()
        self._lock = RLock()
        self._lost: DeviceLost | None = None
        foreign = python is not None and Path(python) != Path(sys.executable)
        self._process = Process(
            python=python,
            staged=_stage(entry.value) if foreign else None,
            memory_bytes=memory_bytes,
            env=env,
        )
        self._channel = Channel(self._process.socket)
        hello = {
            "adapter": entry.value,
            "protocol": PROTOCOL,
            "path": [] if foreign else [place for place in sys.path if place],
        }
        try:
            self.hello = self._ask("hello", self.timeouts.start_s, **hello).header
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def is_lost(self) -> bool:
        """Whether the worker has ended, or was ended because it did not answer."""
        return self._lost is not None

    def probe(self) -> Sequence[DeviceInfo]:
        """As the adapter says, less the features that do not cross a process border."""
        devices = self._ask("probe", self.timeouts.start_s).header["devices"]
        return [_claimed_across(DeviceInfo.from_json(device)) for device in devices]

    def find(self, device: str) -> DeviceInfo:
        """As the adapter says, less the features that do not cross a process border."""
        found = self._ask("find", self.timeouts.start_s, device=device).header["device"]
        return _claimed_across(DeviceInfo.from_json(found))

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        """As the adapter says."""
        message = _request("query", model, device, options)
        reply = self._exchange(message, self.timeouts.compile_s)
        return Support.from_json(reply.header["support"])

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        """Compile in the worker; the program lives there."""
        message = _request("compile", model, device, options)
        reply = self._exchange(message, self.timeouts.compile_s)
        return WorkerProgram(self, reply.header)

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        """Revive a saved program in the worker."""
        message = Message(
            {"verb": "load", "device": device.to_json(), "options": options.to_json()}
        )
        message.add(blob)
        reply = self._exchange(message, self.timeouts.compile_s)
        return WorkerProgram(self, reply.header)

    def call(
        self,
        function: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Any:
        """Run `module:function` in the worker with its adapter and JSON arguments.

        Returns:
            What the function returned, which must be JSON too.
        """
        reply = self._ask(
            "call",
            timeout_s or self.timeouts.compile_s,
            function=function,
            arguments=dict(arguments or {}),
        )
        return reply.header["result"]

    def peak_bytes(self) -> int | None:
        """The most memory the worker has held at once, in bytes; None where unknown."""
        peak = self._ask("usage", self.timeouts.start_s).header["peak_bytes"]
        return None if peak is None else int(peak)

    def close(self) -> None:
        """Ask the worker to leave; one that does not is killed."""
        with self._lock:
            if self._lost is None:
                try:
                    self._ask("close", _GRACE_S)
                    self._process.wait(_GRACE_S)
                except DeviceLost:
                    return  # it is gone, which is what was wanted
                self._lost = DeviceLost("the worker was closed")
            self._process.kill()

    def kill(self) -> None:
        """End the worker at once."""
        with self._lock:
            self._lost = self._lost or DeviceLost("the worker was killed by its owner")
            self._process.kill()

    def _ask(self, verb: str, timeout_s: float, **header: Any) -> Received:
        return self._exchange(Message({"verb": verb, **header}), timeout_s)

    def _exchange(
        self,
        message: Message,
        timeout_s: float,
        read: Callable[[Received], Any] | None = None,
    ) -> Any:
        """Send and wait; `read` sees the reply while its views of shared memory are valid."""
        with self._lock:
            if self._lost is not None:
                raise DeviceLost(f"the worker is gone: {self._lost.message}")
            started = monotonic()
            self._channel.settimeout(timeout_s)
            try:
                self._channel.send(message)
                reply = self._channel.receive()
            except TimeoutError as error:
                raise self._hung(monotonic() - started, message.header["verb"]) from error
            except Closed as error:
                raise self._ended(message.header["verb"]) from error
            except (ValueError, KeyError) as error:
                self.kill()
                raise AdapterError(f"the worker's answer cannot be read: {error}") from error
            if "error" in reply.header:
                raise from_json(reply.header["error"])
            return reply if read is None else read(reply)

    def _hung(self, seconds: float, verb: str) -> DeviceLost:
        self._process.kill()
        self._lost = DeviceLost(
            f"the worker did not answer within {seconds:.1f} s of {verb!r} and was ended",
            timed_out=True,
            stderr=self._process.stderr() or None,
        )
        return self._lost

    def _ended(self, verb: str) -> DeviceLost:
        status = self._process.wait(_GRACE_S)
        self._process.kill()
        stderr = self._process.stderr() or None
        if status is None:
            what = f"the worker closed its connection during {verb!r} and did not end"
            self._lost = DeviceLost(what, stderr=stderr)
        elif status < 0:
            what = f"the worker was ended by {_signal_name(-status)} during {verb!r}"
            self._lost = DeviceLost(what, signal=-status, stderr=stderr)
        else:
            what = f"the worker exited with status {status} during {verb!r}"
            self._lost = DeviceLost(what, exit_code=status, stderr=stderr)
        return self._lost


class WorkerProgram(Program, CanPlace, CanSave, CanProfile):
    """A program that lives in a worker; `compile_seconds` and `run_seconds` are its own times."""

    def __init__(self, worker: WorkerAdapter, compiled: Mapping[str, Any]) -> None:
        self.inputs = tuple(TensorSpec.from_json(spec) for spec in compiled["inputs"])
        self.outputs = tuple(TensorSpec.from_json(spec) for spec in compiled["outputs"])
        self.compile_seconds = float(compiled["seconds"])
        self.run_seconds: float | None = None
        self._worker = worker
        self._number = int(compiled["program"])

    def run(self, feeds: Feeds) -> Sequence[Value]:
        """Send the feeds, wait, and copy the results out of shared memory."""
        return self._worker._exchange(  # noqa: SLF001  two halves of one class
            self._message("run", feeds), self._worker.timeouts.run_s, self._results
        )

    def profile(self, feeds: Feeds) -> Sequence[NodeTime]:
        """As the vendor's program says."""
        message = self._message("profile", feeds)
        reply = self._worker._exchange(message, self._worker.timeouts.run_s)  # noqa: SLF001
        return [NodeTime(*time) for time in reply.header["times"]]

    def placement(self) -> Placement:
        """As the vendor's program says."""
        return Placement.from_json(self._ask("placement").header["placement"])

    def save(self) -> bytes:
        """As the vendor's program says."""
        return self._worker._exchange(  # noqa: SLF001
            Message({"verb": "save", "program": self._number}),
            self._worker.timeouts.compile_s,
            lambda reply: bytes(reply.buffers[0]),
        )

    def close(self) -> None:
        """Release the program in the worker, where there still is one."""
        if not self._worker.is_lost:
            self._ask("release")

    def _ask(self, verb: str) -> Received:
        message = Message({"verb": verb, "program": self._number})
        return self._worker._exchange(message, self._worker.timeouts.run_s)  # noqa: SLF001

    def _message(self, verb: str, feeds: Feeds) -> Message:
        message = Message({"verb": verb, "program": self._number})
        message.header["feeds"] = {n: message.add_value(v) for n, v in feeds.items()}
        return message

    def _results(self, reply: Received) -> list[Value]:
        self.run_seconds = float(reply.header["seconds"])
        return [reply.value(described, copy=True) for described in reply.header["results"]]


def _request(
    verb: str, model: Model, device: DeviceInfo, options: CompileOptions
) -> Message:
    message = Message(
        {"verb": verb, "device": device.to_json(), "options": options.to_json()}
    )
    message.header["model"] = {
        "path": str(model.path.resolve()) if model.path else None,
        "buffer": None if model.path else message.add(model.bytes()),
        "folder": str(model.folder.resolve()) if model.folder else None,
        "facts": model.facts.to_json(),
        "digest": model.digest if not model.path else None,
    }
    return message


def _claimed_across(info: DeviceInfo) -> DeviceInfo:
    from dataclasses import replace

    return replace(info, features=info.features - _NOT_ACROSS)


def _stage(value: str) -> Path:
    from hal.worker.staging import stage

    return stage(value.partition(":")[0])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


