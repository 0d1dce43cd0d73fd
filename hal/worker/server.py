"""The worker's side: it holds one adapter and does what the client asks, one request at a time.

Standard library and NumPy only. The conversation runs over a private descriptor; before any
vendor is loaded, descriptor 1 is pointed at descriptor 2, so that what a vendor prints harms
nothing. A vendor that crashes, hangs or exits ends this process, and the client sees it.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter
from typing import Any

from hal.adapter import Adapter, CanLoad, CanPlace, CanProfile, CanQuery, CanSave, Program
from hal.errors import (
    AdapterError,
    ArtifactError,
    CompileError,
    DeviceError,
    ExecutionError,
    HALError,
    InputError,
    Unsupported,
    to_json,
)
from hal.model import Model
from hal.registry import missing_sdk
from hal.spec import CompileOptions, DeviceInfo, ModelFacts
from hal.translation import translate
from hal.worker import lifeline
from hal.worker.stdio import Pipes
from hal.worker.wire import PROTOCOL, Channel, Closed, Message, Received, Stream


class Server:
    """Answers requests with one adapter and the programs it has made."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._adapter: Adapter | None = None
        self._programs: dict[int, Program] = {}
        self._seen: dict[str, DeviceInfo] = {}
        self._lent: dict[int, Path] = {}  # files that programs were made from
        self._made = 0
        # verb -> what does it, and what an error the adapter cannot name becomes
        self._verbs: dict[str, tuple[Callable[[Received], Message], type[HALError]]] = {
            "hello": (self._hello, AdapterError),
            "probe": (self._probe, DeviceError),
            "find": (self._find, DeviceError),
            "query": (self._query, CompileError),
            "compile": (self._compile, CompileError),
            "load": (self._load, ArtifactError),
            "run": (self._run, ExecutionError),
            "profile": (self._profile, ExecutionError),
            "placement": (self._placement, ExecutionError),
            "save": (self._save, ExecutionError),
            "release": (self._release, ExecutionError),
            "call": (self._call, ExecutionError),
            "usage": (self._usage, ExecutionError),
            "keep": (self._keep, ExecutionError),
            "close": (self._close, DeviceError),
        }

    def serve(self) -> None:
        """Answer until the client is gone or says close."""
        verb = ""
        while verb != "close":
            try:
                request = self._channel.receive()
            except Closed:
                return
            verb = str(request.header["verb"])
            try:
                self._channel.send(self._answer(verb, request))
            except InputError as error:  # nothing was sent
                self._channel.send(_failure(AdapterError(f"{verb!r} gave {error.message}")))

    def _answer(self, verb: str, request: Received) -> Message:
        if verb not in self._verbs:
            return _failure(InputError(f"the worker knows no verb {verb!r}"))
        act, fallback = self._verbs[verb]
        try:
            return act(request)
        except Exception as error:  # noqa: BLE001  crosses the border as data, whatever it is
            if self._adapter is None:
                ours = error if isinstance(error, HALError) else fallback(_described(error))
                return _failure(ours)
            return _failure(translate(self._adapter, error, fallback))

    def _hello(self, request: Received) -> Message:
        asked = request.header
        if asked["protocol"] != PROTOCOL:
            raise AdapterError(
                f"the client speaks worker protocol {asked['protocol']}, this worker "
                f"{PROTOCOL}: install the same version of onnx-hal on both sides"
            )
        sys.path += [entry for entry in asked["path"] if entry not in sys.path]
        module, _, name = str(asked["adapter"]).partition(":")
        kind: Any = getattr(import_module(module), name)
        try:
            self._adapter = kind()
        except ImportError as error:
            raise missing_sdk(kind, error) from error
        about = {"machine": platform.machine(), "system": platform.system()}
        return Message({"pid": os.getpid(), "python": sys.version.split()[0], **about})

    def _probe(self, request: Received) -> Message:  # noqa: ARG002  verbs share one form
        devices = self._vendor.probe()
        self._seen.update({info.id: info for info in devices})
        return Message({"devices": [info.to_json() for info in devices]})

    def _find(self, request: Received) -> Message:
        info = self._vendor.find(request.header["device"])
        self._seen[info.id] = info
        return Message({"device": info.to_json()})

    def _query(self, request: Received) -> Message:
        adapter = self._vendor
        if not isinstance(adapter, CanQuery):
            raise Unsupported(f"adapter {adapter.name!r} cannot be queried")
        support = adapter.query(*self._asked(request))
        self._discard(request)
        return Message({"support": support.to_json()})

    def _compile(self, request: Received) -> Message:
        started = perf_counter()
        try:
            program = self._vendor.compile(*self._asked(request))
        except BaseException:
            self._discard(request)
            raise
        message = self._kept(program, perf_counter() - started)
        if "folder" in request.header:
            self._lent[self._made] = request.header["folder"]
        if request.header["placed"] and isinstance(program, CanPlace):
            placed = self._attempt_placement(program)
            if _is_known(placed):  # else it is asked for after a run, which may tell
                message.header["placed"] = placed
        return message

    def _attempt_placement(self, program: CanPlace) -> dict[str, Any]:
        """The placement, or the error that asking for it gave: the client raises it then."""
        try:
            return {"placement": program.placement().to_json()}
        except Exception as error:  # noqa: BLE001  crosses the border as data, whatever it is
            return {"error": to_json(translate(self._vendor, error, ExecutionError))}

    def _load(self, request: Received) -> Message:
        adapter = self._vendor
        if not isinstance(adapter, CanLoad):
            raise Unsupported(f"adapter {adapter.name!r} cannot load programs")
        device = self._device(request)
        options = CompileOptions.from_json(request.header["options"])
        started = perf_counter()
        program = adapter.load(bytes(request.buffers[0]), device, options)
        return self._kept(program, perf_counter() - started)

    def _run(self, request: Received) -> Message:
        feeds: Any = {
            name: request.value(described, copy=False)
            for name, described in request.header["feeds"].items()
        }
        program = self._program(request)
        started = perf_counter()
        results = program.run(feeds)
        seconds = perf_counter() - started
        message = Message({"seconds": seconds})
        message.header["results"] = [message.add_value(value) for value in results]
        return message

    def _profile(self, request: Received) -> Message:
        program = self._program(request)
        if not isinstance(program, CanProfile):
            raise Unsupported("this program cannot be profiled")
        feeds: Any = {
            name: request.value(described, copy=False)
            for name, described in request.header["feeds"].items()
        }
        times = program.profile(feeds)
        return Message({"times": [[time.node, time.op, time.seconds] for time in times]})

    def _placement(self, request: Received) -> Message:
        program = self._program(request)
        if not isinstance(program, CanPlace):
            raise Unsupported("this program does not know where its nodes ran")
        return Message({"placement": program.placement().to_json()})

    def _save(self, request: Received) -> Message:
        program = self._program(request)
        if not isinstance(program, CanSave):
            raise Unsupported("this program cannot be saved")
        message = Message({})
        message.add(program.save())
        return message

    def _release(self, request: Received) -> Message:
        number = request.header["program"]
        try:
            self._programs.pop(number).close()
        finally:
            if number in self._lent:
                shutil.rmtree(self._lent.pop(number), ignore_errors=True)
        return Message({})

    def _keep(self, request: Received) -> Message:
        """Files that a caller on another machine lends, until this process ends."""
        return Message({"folder": str(_unpacked(request, request.header["files"]))})

    def _call(self, request: Received) -> Message:
        module, _, name = str(request.header["function"]).partition(":")
        function: Any = getattr(import_module(module), name)
        return Message({"result": function(self._vendor, **request.header["arguments"])})

    def _usage(self, request: Received) -> Message:  # noqa: ARG002  verbs share one form
        return Message({"peak_bytes": peak_bytes(), "pid": os.getpid()})

    def _close(self, request: Received) -> Message:  # noqa: ARG002  verbs share one form
        for program in self._programs.values():
            program.close()
        if self._adapter is not None:
            self._adapter.close()
        return Message({})

    @property
    def _vendor(self) -> Adapter:
        if self._adapter is None:
            raise AdapterError("the client must say hello first")
        return self._adapter

    def _asked(self, request: Received) -> tuple[Model, DeviceInfo, CompileOptions]:
        asked = request.header
        described = asked["model"]
        path, folder = described["path"], described["folder"]
        if described["files"]:
            folder = asked["folder"] = _unpacked(request, described["files"])
            path = folder / path
        source = path or bytes(request.buffers[int(described["buffer"])])
        model = Model(
            source,
            folder=folder,
            facts=ModelFacts.from_json(described["facts"]),
            digest=described["digest"],
        )
        return (
            model,
            self._device(request),
            CompileOptions.from_json(asked["options"]),
        )

    def _discard(self, request: Received) -> None:
        """The files that came with a request, where any did."""
        folder = request.header.pop("folder", None)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _device(self, request: Received) -> DeviceInfo:
        """The device that is meant: by its id where this worker has described it."""
        described: Any = request.header["device"]
        if isinstance(described, str):
            return self._seen[described]
        return DeviceInfo.from_json(described)

    def _kept(self, program: Program, seconds: float) -> Message:
        self._made += 1
        self._programs[self._made] = program
        return Message(
            {
                "program": self._made,
                "inputs": [spec.to_json() for spec in program.inputs],
                "outputs": [spec.to_json() for spec in program.outputs],
                "seconds": seconds,
            }
        )

    def _program(self, request: Received) -> Program:
        return self._programs[request.header["program"]]


def peak_bytes() -> int | None:
    """The most memory this process has held at once, in bytes; None where unknown.

    Linux's VmHWM, since there `ru_maxrss` begins with what the parent held when it forked.
    """
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _is_known(placed: dict[str, Any]) -> bool:
    """Whether a placement, or an error, says something of any node."""
    nodes = placed.get("placement", {}).get("nodes", [])
    return not nodes or any(where != "unknown" for _, _, where, _ in nodes)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _failure(error: HALError) -> Message:
    return Message({"error": to_json(error)})


def _limit_memory(limit: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _unpacked(request: Received, files: Sequence[Sequence[Any]]) -> Path:
    """A new folder with files that came along, each by its place in it and its buffer."""
    folder = Path(mkdtemp(prefix="lent-"))
    for name, buffer in files:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(request.buffers[buffer])
    return folder


def _connect(arguments: Sequence[str]) -> Stream:
    kind, place = arguments[0], arguments[1]
    if kind == "stdio":
        return Pipes()
    if kind == "fd":
        connection = socket.socket(fileno=int(place))
    else:
        connection = socket.create_connection(("127.0.0.1", int(place)))
        connection.sendall(sys.stdin.buffer.readline())  # the secret that only our parent knows
    # A vendor's child that kept it open would keep our end from being seen.
    connection.set_inheritable(False)
    return connection


def main(arguments: Sequence[str]) -> None:
    """Serve on what the client names: a descriptor, a local port, standard input and output.

    Args:
        arguments: "fd" N, "port" N or "stdio" 0, then the lifeline's descriptor (-1 for none),
            then the memory limit in bytes (0 for none).
    """
    connection = _connect(arguments)
    connection.settimeout(None)
    descriptor, limit = int(arguments[2]), int(arguments[3])
    if descriptor >= 0:
        os.set_inheritable(descriptor, False)
        lifeline.hold(descriptor)
    if limit:
        _limit_memory(limit)
    os.dup2(2, 1)
    Server(Channel(connection)).serve()
    sys.stderr.flush()
    os._exit(0)  # a vendor's destructors must not turn a finished job into a crash
