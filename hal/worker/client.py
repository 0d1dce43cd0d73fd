"""The caller's side of a worker: an Adapter like any other, whose vendor may die alone.

A worker that ends or does not answer in time raises DeviceLost, with the signal, the exit code
and the last it printed; the adapter then stays lost, and the caller opens another. Requests of
several threads are answered one at a time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from hal import registry
from hal.adapter import Adapter, CanLoad, CanPlace, CanProfile, CanQuery, CanSave, Program
from hal.errors import DeviceNotFound, HALError, InputError, SDKMissing, from_json
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, NodeTime, Placement, Support, TensorSpec
from hal.targets import Target, Timeouts
from hal.tensor import Feeds, Value
from hal.worker.connection import Connection, WorkerProcess
from hal.worker.process import Process
from hal.worker.wire import PROTOCOL, Message, Received

MODEL_FILE = "onnx-hal-model.onnx"
"""What a model with external data is called on another machine."""

_NOT_ACROSS = frozenset({"bind", "concurrent", "submit"})
"""Features that need the caller's own process; a device in a worker does not claim them."""


class WorkerAdapter(Adapter, CanQuery, CanLoad):
    """The adapter of that name, in a process of its own.

    Args:
        adapter: its registered name.
        python: the interpreter to run it in; None for this one.
        timeouts: how long to wait for a start, a compilation, a run.
        memory_bytes: the most data the process may allocate.
        env: environment variables of the process, over this one's.
        host: the other machine it runs on, as ssh://user@board:22; `python` is then an
            interpreter there.
        placed: ask for the placement of each program with its compilation, where it will be
            wanted of every one.

    Raises:
        AdapterError: the adapter is unknown, or its class cannot be loaded.
        InputError: the interpreter cannot be started, or the other machine not be entered.
        SDKMissing: its vendor's package is not installed there.
        HostUnreachable: the other machine does not answer.
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
        host: str | None = None,
        placed: bool = False,
    ) -> None:
        entry = registry.entry(adapter)
        self.name = adapter  # type: ignore[misc]  # one instance stands for another class
        self.timeouts = timeouts or Timeouts()
        self._placed = placed
        self.host = host
        self._described: dict[str, DeviceInfo] = {}
        foreign = host is not None or _is_foreign(python)
        process: WorkerProcess
        if host is not None:
            process = _remote(host, entry.value, python, memory_bytes, env, self.timeouts)
        else:
            process = _local(entry.value if foreign else None, python, memory_bytes, env)
        self._connection = Connection(process)
        path = [] if foreign else [place for place in sys.path if place]
        self.hello = self._greeted(entry.value, path)

    @classmethod
    def of(
        cls,
        target: Target,
        *,
        timeouts: Timeouts | None = None,
        env: Mapping[str, str] | None = None,
        placed: bool = False,
    ) -> WorkerAdapter:
        """The worker of a target: its adapter, where it runs and in what, how long it may take.

        `timeouts` go before the target's own.

        Raises:
            InputError: the target's environment has not been made.
            HALError: as the constructor says.
        """
        return cls(
            target.adapter,
            python=target.interpreter,
            host=target.host,
            timeouts=timeouts or target.timeouts,
            env=env,
            placed=placed,
        )

    @property
    def pid(self) -> int:
        """The worker's process id, on its machine."""
        return int(self.hello["pid"])

    @property
    def is_lost(self) -> bool:
        """Whether the worker has ended, or was ended because it did not answer.

        One on another machine is lost as soon as the connection to it is.
        """
        return self._connection.is_lost

    @property
    def is_cut_off(self) -> bool:
        """Whether the connection to its machine is known to be lost."""
        return self._connection.process.is_cut_off

    def probe(self) -> Sequence[DeviceInfo]:
        """As the adapter says, less the features that do not cross a process border."""
        return [self._across(device) for device in self._ask_for_devices("probe")["devices"]]

    def find(self, device: str) -> DeviceInfo:
        """As the adapter says, less the features that do not cross a process border."""
        return self._across(self._ask_for_devices("find", device=device)["device"])

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        """As the adapter says."""
        message = self._about("query", device, options)
        self._add_model(message, model)
        return self._connection.exchange(
            message,
            self.timeouts.compile_s,
            lambda reply: Support.from_json(reply.header["support"]),
        )

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        """Compile in the worker; the program lives there."""
        message = self._about("compile", device, options)
        message.header["placed"] = self._placed
        self._add_model(message, model)
        return self._connection.exchange(message, self.timeouts.compile_s, self._program)

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        """Revive a saved program in the worker."""
        message = self._about("load", device, options)
        message.add(blob)
        return self._connection.exchange(message, self.timeouts.compile_s, self._program)

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
        reply = self._connection.ask(
            "call",
            timeout_s or self.timeouts.compile_s,
            function=function,
            arguments=dict(arguments or {}),
        )
        return reply["result"]

    def lend(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Where the worker finds files, by the names they are given.

        To another machine they are sent, into one folder, where they lie under these names
        until the worker ends.
        """
        if self.host is None:
            return {name: os.path.abspath(path) for name, path in files.items()}
        message = Message({"verb": "keep"})
        _add_files(message.header, message, files)
        folder = self._connection.exchange(
            message, self.timeouts.compile_s, lambda reply: str(reply.header["folder"])
        )
        return {name: f"{folder}/{name}" for name in files}

    def ping(self) -> None:
        """Ask for nothing.

        Raises:
            DeviceLost: there is nobody any more.
        """
        self._connection.ask("usage", self.timeouts.start_s)

    def peak_bytes(self) -> int | None:
        """The most memory the worker has held at once, in bytes; None where unknown."""
        peak = self._connection.ask("usage", self.timeouts.start_s)["peak_bytes"]
        return None if peak is None else int(peak)

    def stderr(self) -> str:
        """The last the worker printed, on either stream."""
        return self._connection.process.stderr()

    def end(self) -> None:
        """End the worker at once, without waiting for that."""
        self._connection.process.end()

    def close(self) -> None:
        """Ask the worker to leave; one that does not is killed."""
        self._connection.close()

    def kill(self) -> None:
        """End the worker at once, with every process it has started."""
        self._connection.kill()

    def _greeted(self, adapter: str, path: Sequence[str]) -> dict[str, Any]:
        """What the worker says first; it ends where that is an error."""
        limit = self.timeouts.start_s
        asked = {"adapter": adapter, "protocol": PROTOCOL, "path": path}
        try:
            return self._connection.ask("hello", limit, **asked)
        except SDKMissing as error:
            self._connection.close()
            raise self._there(error) from error
        except BaseException:
            self._connection.close()
            raise

    def _ask_for_devices(self, verb: str, **header: Any) -> dict[str, Any]:
        try:
            return self._connection.ask(verb, self.timeouts.start_s, **header)
        except (DeviceNotFound, SDKMissing) as error:
            raise self._there(error) from error

    def _there(self, error: DeviceNotFound | SDKMissing) -> HALError:
        """What is missing on another machine, said to be missing there."""
        if self.host is None:
            return error
        return type(error)(f"on {self.host}: {error.message}", **error.fields())

    def _add_model(self, message: Message, model: Model) -> None:
        _add_model(message, model, by_value=self.host is not None)

    def _across(self, described: Mapping[str, Any]) -> DeviceInfo:
        info = DeviceInfo.from_json(described)
        info = replace(info, features=info.features - _NOT_ACROSS)
        self._described[info.id] = info
        return info

    def _about(self, verb: str, device: DeviceInfo, options: CompileOptions) -> Message:
        """A request about a device, which the worker knows by its id if it described it."""
        known = self._described.get(device.id) is device
        described = device.id if known else device.to_json()
        return Message({"verb": verb, "device": described, "options": options.to_json()})

    def _program(self, reply: Received) -> Program:
        return WorkerProgram(self._connection, self.timeouts, reply.header)


class WorkerProgram(Program, CanPlace, CanSave, CanProfile):
    """A program that lives in a worker; its seconds are measured there."""

    def __init__(
        self, connection: Connection, timeouts: Timeouts, compiled: Mapping[str, Any]
    ) -> None:
        self.inputs = tuple(TensorSpec.from_json(spec) for spec in compiled["inputs"])
        self.outputs = tuple(TensorSpec.from_json(spec) for spec in compiled["outputs"])
        self.compile_seconds = float(compiled["seconds"])
        self.run_seconds: float | None = None
        self._connection = connection
        self._timeouts = timeouts
        self._number = int(compiled["program"])
        self._placed: Mapping[str, Any] | None = compiled.get("placed")

    def run(self, feeds: Feeds) -> Sequence[Value]:
        """Send the feeds, wait, and copy the results out of shared memory."""
        return self._connection.exchange(
            self._fed("run", feeds), self._timeouts.run_s, self._results
        )

    def profile(self, feeds: Feeds) -> Sequence[NodeTime]:
        """As the vendor's program says."""
        return self._connection.exchange(
            self._fed("profile", feeds),
            self._timeouts.run_s,
            lambda reply: [NodeTime(*time) for time in reply.header["times"]],
        )

    def placement(self) -> Placement:
        """As the vendor's program says."""
        reply = self._placed or self._connection.ask(
            "placement", self._timeouts.run_s, program=self._number
        )
        if "error" in reply:
            raise from_json(reply["error"])
        return Placement.from_json(reply["placement"])

    def save(self) -> bytes:
        """As the vendor's program says."""
        return self._connection.exchange(
            Message({"verb": "save", "program": self._number}),
            self._timeouts.compile_s,
            lambda reply: bytes(reply.buffers[0]),
        )

    def close(self) -> None:
        """Release the program in the worker, where there still is one."""
        if not self._connection.is_lost:
            self._connection.ask("release", self._timeouts.run_s, program=self._number)

    def _fed(self, verb: str, feeds: Feeds) -> Message:
        message = Message({"verb": verb, "program": self._number})
        message.header["feeds"] = {n: message.add_value(v) for n, v in feeds.items()}
        return message

    def _results(self, reply: Received) -> list[Value]:
        self.run_seconds = float(reply.header["seconds"])
        return [reply.value(described, copy=True) for described in reply.header["results"]]


def _add_model(message: Message, model: Model, *, by_value: bool) -> None:
    """The model by its path where there is one, or else, and to another machine, its bytes."""
    by_path = model.path is not None and not by_value
    described: dict[str, Any] = {
        "path": os.path.abspath(model.path) if model.path and by_path else None,
        "folder": os.path.abspath(model.folder) if model.folder and not by_value else None,
        "facts": model.facts.to_json(),
        "digest": None if by_path else model.digest,
        "files": [],
    }
    if by_value and model.facts.external:
        described |= {"path": MODEL_FILE, "digest": None}
        files = dict(zip(model.facts.external, model.external_paths(), strict=True))
        _add_files(described, message, files)
        described["files"].append([MODEL_FILE, message.add(model.bytes())])
    elif not by_path:
        described["buffer"] = message.add(model.bytes())
    message.header["model"] = described


def _add_files(header: dict[str, Any], message: Message, files: Mapping[str, Path]) -> None:
    """Raises: InputError: one cannot be read."""
    try:
        read = {name: path.read_bytes() for name, path in files.items()}
    except OSError as error:
        raise InputError(f"a file for another machine cannot be read: {error}") from error
    header["files"] = [[name, message.add(data)] for name, data in read.items()]


def _is_foreign(python: str | None) -> bool:
    return python is not None and Path(python) != Path(sys.executable)


def _local(
    lent: str | None, python: str | None, memory: int | None, env: Mapping[str, str] | None
) -> Process:
    """A worker here; `lent` is the adapter's address where its interpreter lacks it."""
    try:
        staged = _stage(lent) if lent else None
        return Process(python=python, staged=staged, memory_bytes=memory, env=env)
    except OSError as error:
        raise InputError(f"no worker can be started with {python!r}: {error}") from error


def _remote(
    host: str,
    value: str,
    python: str | None,
    memory: int | None,
    env: Mapping[str, str] | None,
    timeouts: Timeouts,
) -> WorkerProcess:
    from hal.remote.process import RemoteProcess

    return RemoteProcess(
        host,
        value.partition(":")[0],
        python=python,
        memory_bytes=memory,
        env=env,
        start_s=timeouts.start_s,
    )


def _stage(value: str) -> Path:
    from hal.worker.staging import stage

    return stage(value.partition(":")[0])
