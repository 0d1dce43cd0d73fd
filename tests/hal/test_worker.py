"""Workers: a vendor may die in every way there is, and only its worker dies with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import hal
from hal.errors import AdapterError, DeviceLost, ExecutionError, InputError, Unsupported
from hal.targets import Target, Timeouts
from hal.worker.client import WorkerAdapter
from hal.worker.staging import stage

Array = np.ndarray[Any, Any]
SHM = Path("/dev/shm")


@pytest.fixture
def worker(toy: str) -> Iterator[WorkerAdapter]:
    adapter = WorkerAdapter(toy)
    yield adapter
    adapter.close()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_dead(pid: int, seconds: float = 5) -> bool:
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


def isolated(toy: str, run_s: float = 20) -> hal.Device:
    return hal.open(Target("t", toy, "0", timeouts=Timeouts(run_s=run_s)), isolated=True)


def test_a_device_in_a_worker_is_used_like_any_other(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with isolated(toy) as device:
        exe = device.compile(doubling)
        assert (exe({"x": x})["y"] == x * 2).all()
        assert device.query(doubling).complete
        assert exe.placement().counts()["device"] == 1
        assert (device.load(exe.save())({"x": x})["y"] == x * 2).all()
        assert [time.op for time in exe.profile({"x": x})] == ["Add"]


@pytest.mark.parametrize("placed", [False, True], ids=["asked later", "with the compilation"])
def test_the_placement_is_the_same_whenever_it_is_asked(
    toy: str, doubling: onnx.ModelProto, placed: bool
) -> None:
    adapter = WorkerAdapter(toy, placed=placed)
    with hal.Device(Target("t", toy, "0"), adapter, adapter.find("0")) as device:
        placement = device.compile(doubling).placement()
    assert [(node.node, node.where) for node in placement.nodes] == [("#0", "device")]


def test_features_that_cannot_cross_are_not_claimed(toy: str) -> None:
    with isolated(toy) as device:
        assert "bind" not in device.info.features


def test_large_tensors_cross_and_stay_the_callers(toy: str, doubling: onnx.ModelProto) -> None:
    with isolated(toy) as device:
        exe = device.compile(doubling)
        for rows in (100_000, 10, 300_000):
            big = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
            first = exe({"x": big})["y"]
            exe({"x": big * 0})
            assert (first == big * 2).all()


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("segfault", {"signal": signal.SIGSEGV}),
        ("abort", {"signal": signal.SIGABRT}),
        ("kill", {"signal": signal.SIGKILL}),
        ("exit", {"exit_code": 0}),
        ("_exit", {"exit_code": 7}),
        ("hang", {"timed_out": True}),
        ("hang in C", {"timed_out": True}),
    ],
)
def test_a_vendor_that_ends_its_process_is_a_lost_device(
    toy: str, doubling: onnx.ModelProto, x: Array, act: str, fields: dict[str, Any]
) -> None:
    with isolated(toy, run_s=1) as device:
        exe = device.compile(doubling, vendor={"act": act})
        with pytest.raises(DeviceLost) as caught:
            exe({"x": x})
        assert {name: caught.value.fields().get(name) for name in fields} == fields
        with pytest.raises(DeviceLost, match="gone"):
            exe({"x": x})


def test_what_a_dying_vendor_printed_is_kept(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    adapter = WorkerAdapter(toy, timeouts=Timeouts(run_s=1))
    device = hal.Device(Target("t", toy, "0"), adapter, adapter.find("0"))
    device.compile(doubling, vendor={"act": "print"})({"x": x})
    with pytest.raises(DeviceLost) as caught:
        device.compile(doubling, vendor={"act": "hang"})({"x": x})
    assert caught.value.stderr == "vendor noise"
    device.close()


@pytest.mark.parametrize("act", ["print", "close fd 1"])
def test_a_vendors_noise_harms_nothing(
    toy: str, doubling: onnx.ModelProto, x: Array, act: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with isolated(toy) as device:
        exe = device.compile(doubling, vendor={"act": act})
        for _ in range(3):
            assert (exe({"x": x})["y"] == x * 2).all()
    assert capfd.readouterr().out == ""


def test_errors_cross_with_their_class_and_fields(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with isolated(toy) as device:
        with pytest.raises(Unsupported, match="the fan fell off"):
            device.compile(doubling, vendor={"act": "raise"})({"x": x})
        with pytest.raises(ExecutionError, match="KeyError"):
            device.compile(doubling, vendor={"act": "no such act"})({"x": x})


def test_a_memory_limit_is_an_error_or_a_lost_device_but_never_the_machines(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    adapter = WorkerAdapter(toy, memory_bytes=1 << 30)
    with hal.Device(Target("t", toy, "0"), adapter, adapter.find("0")) as device:
        exe = device.compile(doubling, vendor={"act": "grow"})
        with pytest.raises((hal.OutOfMemory, DeviceLost)):
            exe({"x": x})


def test_a_function_runs_inside_the_worker(worker: WorkerAdapter) -> None:
    assert worker.call("tests_worker_functions:describe", {"word": "hi"}) == ["toy", "hi"]


def test_a_result_that_is_not_json_is_an_error_and_the_worker_lives(
    worker: WorkerAdapter,
) -> None:
    with pytest.raises(AdapterError, match="'call' gave only JSON"):
        worker.call("tests_worker_functions:unsayable")
    assert worker.call("tests_worker_functions:describe", {"word": "hi"}) == ["toy", "hi"]


def test_an_adapter_that_cannot_be_closed_leaves_no_process(toy: str) -> None:
    adapter = WorkerAdapter(toy)
    adapter.call("tests_worker_functions:break_closing")
    with pytest.raises(hal.HALError, match="the door is stuck"):
        adapter.close()
    assert wait_until_dead(adapter.pid)
    assert adapter.is_lost


def test_a_vendors_child_does_not_hide_the_workers_end(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with isolated(toy) as device:
        exe = device.compile(doubling, vendor={"act": "abort beside a child"})
        started = time.monotonic()
        with pytest.raises(DeviceLost) as caught:
            exe({"x": x})
    assert caught.value.signal == signal.SIGABRT
    assert time.monotonic() - started < 8


def test_a_worker_is_reached_without_unix_sockets_too(
    toy: str, doubling: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    monkeypatch.setattr("hal.worker.arena.AVAILABLE", False)
    big = np.ones((50_000, 3), np.float32)
    with isolated(toy) as device:
        assert (device.compile(doubling)({"x": big})["y"] == 2).all()


def test_a_worker_that_ends_before_it_connects_is_said_so(
    toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(InputError, match="no worker can be started"):
        WorkerAdapter(toy, python="/bin/false")


def test_an_adapter_that_is_a_single_module_is_lent_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "hal_solo.py").write_text("")
    folder = stage("hal_solo")
    assert sorted(place.name for place in folder.iterdir()) == ["hal", "hal_solo.py"]


def test_closing_ends_the_process(toy: str) -> None:
    adapter = WorkerAdapter(toy)
    adapter.close()
    adapter.close()
    assert wait_until_dead(adapter.pid)


def test_a_worker_that_ignores_close_is_ended(toy: str, doubling: onnx.ModelProto) -> None:
    adapter = WorkerAdapter(toy)
    os.kill(adapter.pid, signal.SIGSTOP)
    adapter.close()
    assert wait_until_dead(adapter.pid)


PARENT = """
import os, sys, threading, time
import numpy as np
import hal
from hal.targets import Target
device = hal.open(Target("t", "toy", "0"), isolated=True)
exe = device.compile(sys.argv[1], vendor={"act": sys.argv[2]})
print(device.adapter.pid, flush=True)
threading.Thread(target=lambda: exe({"x": np.ones((400000, 3), np.float32)})).start()
time.sleep(0.5)
print(device.adapter.stderr(), flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and /dev/shm")
@pytest.mark.parametrize("act", ["hang", "hang in C", "child"])
def test_a_killed_parent_leaves_no_process_and_no_memory(
    toy: str, doubling: onnx.ModelProto, tmp_path: Path, act: str
) -> None:
    before = set(SHM.iterdir())
    path = tmp_path / "m.onnx"
    path.write_bytes(doubling.SerializeToString())
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(path), act],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline())]
        printed = parent.stdout.readline().split()
        if act == "child":
            pids.append(int(printed[1]))
        assert all(is_alive(pid) for pid in pids)
        parent.kill()
    assert all(wait_until_dead(pid) for pid in pids)
    assert set(SHM.iterdir()) <= before


def test_another_protocol_is_refused(toy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal.worker.client.PROTOCOL", 999)
    with pytest.raises(AdapterError, match="protocol 999"):
        WorkerAdapter(toy)


def test_an_unknown_interpreter_is_said_so(toy: str) -> None:
    with pytest.raises(InputError, match="no-such-python"):
        WorkerAdapter(toy, python="/no-such-python")


def python_310() -> str | None:
    """An interpreter of 3.10 that has NumPy, if this machine has one."""
    for folder in (Path.home() / ".pyenv" / "versions").glob("3.10*"):
        candidate = folder / "bin" / "python"
        probe = subprocess.run([candidate, "-c", "import numpy"], check=False)
        if probe.returncode == 0:
            return str(candidate)
    return None


@pytest.mark.slow
def test_another_interpreter_holds_the_adapter(
    toy: str, doubling: onnx.ModelProto, x: Array, tmp_path: Path
) -> None:
    """A bare environment: NumPy and nothing of ours installed."""
    python = python_310() or _bare_environment(tmp_path)
    with hal.load(doubling, device=Target("t", toy, "0", python=python)) as exe:
        assert (exe({"x": x})["y"] == x * 2).all()


def _bare_environment(folder: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", folder / "bare"], check=True)
    python = str(folder / "bare" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy"], check=True)
    return python
