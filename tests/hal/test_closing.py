"""Closing: what runs is waited for, what waits is cancelled, and all that is held is let go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, ClassVar

import numpy as np
import onnx
import pytest

import hal
from hal import registry
from hal.adapter import Adapter, Binding, CanBind, CanProfile, CanSave, CanSubmit, Program
from hal.errors import ExecutionError, HALError, InputError
from hal.executable import Executable
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, NodeTime, TensorSpec
from hal.targets import Target
from hal.tensor import Feeds, Value

Array = np.ndarray[Any, Any]
FEATURES = ("bind", "profile", "save", "submit")
SOON = 5.0


class Buffers(Binding):
    """Knows whether it is used or closed after its program."""

    def __init__(self, program: Gated) -> None:
        self._program = program
        self.inputs, self.outputs = {}, {}

    def run(self) -> None:
        self._program.use()

    def close(self) -> None:
        self._program.use()


class Gated(Program, CanBind, CanProfile, CanSave, CanSubmit):
    """Waits in a run until `gate` opens; being used once it is closed is noted."""

    def __init__(self) -> None:
        self.inputs = self.outputs = (TensorSpec("x", "float32"),)
        self.gate, self.begun = threading.Event(), threading.Event()
        self.closed = False
        self.misused = False
        self.threads = ThreadPoolExecutor(1)

    def use(self) -> None:
        self.misused = self.misused or self.closed

    def run(self, feeds: Feeds) -> Sequence[Value]:
        self.begun.set()
        self.gate.wait(SOON)
        self.use()
        return list(feeds.values())

    def submit(self, feeds: Feeds) -> Future[Sequence[Value]]:
        return self.threads.submit(self.run, feeds)

    def bind(self, feeds: Feeds, outputs: Feeds) -> Binding:
        return Buffers(self)

    def profile(self, feeds: Feeds) -> Sequence[NodeTime]:
        self.use()
        return []

    def save(self) -> bytes:
        self.begun.set()
        self.gate.wait(SOON)
        self.use()
        return b""

    def close(self) -> None:
        self.closed = True
        self.threads.shutdown()


class Nameless(Adapter):
    """An adapter that knows no error."""

    name: ClassVar[str] = "nameless"

    def __init__(self, program: Program | None = None, error: Exception | None = None) -> None:
        self._program = program or Gated()
        self._error = error
        self.closed = 0

    def probe(self) -> Sequence[DeviceInfo]:
        if self._error:
            raise self._error
        return [DeviceInfo("0", "Nameless 0", "Nobody", features=frozenset(FEATURES))]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        return self._program

    def close(self) -> None:
        self.closed += 1


def executable(program: Program, *features: str) -> Executable:
    info = DeviceInfo("0", "Nameless 0", "Nobody", features=frozenset(features))
    return Executable(program, Nameless(), info)


def started(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def closed_during(exe: Executable, program: Gated, act: Callable[[], object]) -> None:
    """Close while `act` is inside the program, and let it out a little later."""
    acting = started(act)
    assert program.begun.wait(SOON)
    closing = started(exe.close)
    closing.join(0.05)
    program.gate.set()
    acting.join(SOON)
    closing.join(SOON)


@pytest.mark.parametrize("features", [(), ("concurrent",)], ids=["one at a time", "concurrent"])
def test_closing_waits_for_the_run_that_has_begun(x: Array, features: tuple[str, ...]) -> None:
    program = Gated()
    exe = executable(program, *features)
    closed_during(exe, program, lambda: exe({"x": x}))
    assert program.closed
    assert not program.misused


@pytest.mark.parametrize("features", [(), ("submit",)], ids=["our queue", "device queue"])
def test_closing_waits_for_the_submitted_run_that_has_begun(
    x: Array, features: tuple[str, ...]
) -> None:
    program = Gated()
    exe = executable(program, *features)
    futures: list[Future[Any]] = []
    closed_during(exe, program, lambda: futures.append(exe.submit({"x": x})))
    assert (futures[0].result(SOON)["x"] == x).all()
    assert not program.misused


@pytest.mark.parametrize("features", [(), ("submit",)], ids=["our queue", "device queue"])
def test_who_waits_for_a_cancelled_run_is_told(x: Array, features: tuple[str, ...]) -> None:
    program = Gated()
    exe = executable(program, *features)
    futures = [exe.submit({"x": x}) for _ in range(3)]
    assert program.begun.wait(SOON)
    closing = started(exe.close)
    futures[2].cancel()
    program.gate.set()
    assert not wait(futures, timeout=SOON).not_done
    closing.join(SOON)
    assert [future.cancelled() for future in futures] == [False, True, True]


def test_a_submitted_runs_callback_may_close_the_executable(x: Array) -> None:
    program = Gated()
    program.gate.set()
    exe = executable(program)
    closed = threading.Event()

    def close(_: object) -> None:
        exe.close()
        closed.set()

    exe.submit({"x": x}).add_done_callback(close)
    assert closed.wait(SOON)
    assert program.closed


def test_a_call_that_waited_while_another_thread_closed_finds_it_closed(x: Array) -> None:
    program = Gated()
    exe = executable(program, "save", "profile")
    found: list[BaseException] = []

    def use(act: Callable[[], object]) -> None:
        try:
            act()
        except InputError as error:
            found.append(error)

    running = started(lambda: exe({"x": x}))
    assert program.begun.wait(SOON)
    closing = started(exe.close)
    closing.join(0.05)
    waiting = [
        started(lambda: use(exe.save)),
        started(lambda: use(lambda: exe.profile({"x": x}))),
    ]
    program.gate.set()
    for thread in (running, closing, *waiting):
        thread.join(SOON)
    assert len(found) == 2
    assert not program.misused


def test_a_closed_executable_is_not_profiled(x: Array) -> None:
    program = Gated()
    exe = executable(program, "profile")
    exe.close()
    with pytest.raises(InputError, match="closed"):
        exe.profile({"x": x})
    assert not program.misused


@pytest.mark.parametrize("features", [(), ("concurrent",)], ids=["one at a time", "concurrent"])
def test_a_binding_closes_with_its_executable(x: Array, features: tuple[str, ...]) -> None:
    program = Gated()
    exe = executable(program, "bind", *features)
    bound = exe.bind({"x": x})
    exe.close()
    with pytest.raises(InputError, match="closed"):
        bound.run()
    bound.close()
    assert not program.misused


class Stubborn(Gated):
    """Cannot be closed."""

    def close(self) -> None:
        raise RuntimeError("the fan is stuck")


def opened(adapter: Adapter) -> hal.Device:
    return hal.Device(Target("t", "nameless", "0"), adapter, adapter.find("0"))


def test_a_program_that_cannot_be_closed_does_not_keep_the_adapter_open(
    doubling: onnx.ModelProto,
) -> None:
    adapter = Nameless(Stubborn())
    device = opened(adapter)
    device.compile(doubling)
    with pytest.raises(ExecutionError, match="the fan is stuck"):
        device.close()
    assert adapter.closed == 1


def test_a_program_that_cannot_be_closed_does_not_keep_what_follows_undone() -> None:
    exe = executable(Stubborn())
    done: list[bool] = []
    exe.closes(lambda: done.append(True))
    with pytest.raises(ExecutionError, match="the fan is stuck"):
        exe.close()
    assert done == [True]


def test_a_device_closed_while_it_compiles_leaves_no_program_open(
    doubling: onnx.ModelProto,
) -> None:
    program = Gated()

    class Closing(Nameless):
        def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
            opened_device.close()
            return program

    opened_device = opened(Closing())
    with pytest.raises(InputError, match="closed while it compiled"):
        opened_device.compile(doubling)
    assert program.closed


def test_a_device_that_is_not_there_leaves_no_adapter_open(
    toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    create = registry.create

    def noted(name: str) -> Adapter:
        made.append(create(name))
        return made[-1]  # type: ignore[no-any-return]

    monkeypatch.setattr(registry, "create", noted)
    with pytest.raises(HALError, match="no device '7'"):
        hal.open(f"{toy}:7")
    assert made[0].closed == 1
