"""Workers on another machine: over SSH, which may end as a worker may, and come back."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data

import hal
from hal.errors import (
    DeviceLost,
    DeviceNotFound,
    HostUnreachable,
    InputError,
    SDKMissing,
)
from hal.remote import process
from hal.remote.pack import pack
from hal.spec import CompileOptions
from hal.targets import Timeouts
from hal.worker.client import WorkerAdapter

Array = np.ndarray[Any, Any]
Board = Any
"""`Board` of tests/conftest.py."""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(true: Callable[[], bool], seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()


@pytest.fixture
def worker(board: Board, toy: str) -> Iterator[WorkerAdapter]:
    adapter = WorkerAdapter(toy, host=board.url, python=sys.executable)
    yield adapter
    adapter.close()


def of(device: hal.Device) -> WorkerAdapter:
    assert isinstance(device.adapter, WorkerAdapter)
    return device.adapter


def act(device: hal.Device, model: onnx.ModelProto, x: Array, name: str) -> None:
    device.compile(model, vendor={"act": name})({"x": x})


def use(device: hal.Device, doubling: onnx.ModelProto, x: Array) -> None:
    exe = device.compile(doubling)
    assert (exe({"x": x})["y"] == x * 2).all()
    assert device.query(doubling).complete
    assert exe.placement().counts()["device"] == 1
    assert (device.load(exe.save())({"x": x})["y"] == x * 2).all()
    assert [time.op for time in exe.profile({"x": x})] == ["Add"]


def test_a_device_on_another_machine_is_used_like_any_other(
    board: Board, toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with hal.open(board.target(toy)) as device:
        use(device, doubling, x)


def test_it_is_with_openssh_too(
    openssh_board: Board, toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with hal.open(openssh_board.target(toy)) as device:
        use(device, doubling, x)
    with pytest.raises(DeviceLost) as lost, hal.open(openssh_board.target(toy)) as device:
        act(device, doubling, x, "segfault")
    assert lost.value.signal == signal.SIGSEGV


def test_large_tensors_cross_unchanged(
    board: Board, toy: str, doubling: onnx.ModelProto
) -> None:
    x = np.random.default_rng(0).random((1 << 20, 3), np.float32)
    with hal.open(board.target(toy)) as device:
        np.testing.assert_array_equal(device.compile(doubling)({"x": x})["y"], x * 2)


def test_weights_beside_the_model_go_along(board: Board, tmp_path: Path) -> None:
    weights = np.arange(12, dtype=np.float32).reshape(3, 4)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "matmul",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    path = tmp_path / "model.onnx"
    (tmp_path / "weights").mkdir()
    place = "weights/w.bin"
    convert_model_to_external_data(model, location=place, size_threshold=0)
    onnx.save_model(model, str(path))  # pyright: ignore[reportUnknownMemberType]  # its stubs
    x = np.ones((2, 3), np.float32)
    with hal.load(path, board.target("reference", "cpu")) as exe:
        np.testing.assert_array_equal(exe({"x": x})["y"], x @ weights)


def test_files_that_are_lent_lie_there_until_the_worker_ends(
    worker: WorkerAdapter, tmp_path: Path
) -> None:
    (tmp_path / "a.npy").write_bytes(b"some bytes")
    (place,) = worker.lend({"deep/a.npy": tmp_path / "a.npy"}).values()
    assert Path(place).read_bytes() == b"some bytes"
    assert not Path(place).is_relative_to(tmp_path)
    worker.close()
    assert wait_until(lambda: not Path(place).exists())


@pytest.mark.parametrize(
    ("name", "number", "status"),
    [
        ("abort", signal.SIGABRT, None),
        ("kill", signal.SIGKILL, None),
        ("_exit", None, 7),
    ],
)
def test_a_worker_that_ends_there_says_how(
    board: Board,
    toy: str,
    doubling: onnx.ModelProto,
    x: Array,
    name: str,
    number: int | None,
    status: int | None,
) -> None:
    with hal.open(board.target(toy)) as device, pytest.raises(DeviceLost) as lost:
        act(device, doubling, x, name)
    assert (lost.value.signal, lost.value.exit_code) == (number, status)


def test_a_worker_that_does_not_answer_is_ended_there(
    board: Board, toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with hal.open(board.target(toy, timeouts=Timeouts(run_s=0.5))) as device:
        pid = of(device).pid
        with pytest.raises(DeviceLost, match=r"within 0\.5 s") as lost:
            act(device, doubling, x, "hang in C")
    assert lost.value.timed_out
    assert wait_until(lambda: not is_alive(pid))


def test_what_a_worker_started_ends_with_it(
    board: Board, toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with hal.open(board.target(toy)) as device:
        act(device, doubling, x, "child")
        child = int(of(device).stderr().split()[-1])
        assert is_alive(child)
    assert wait_until(lambda: not is_alive(child))


def test_a_machine_that_vanishes_is_a_lost_device_and_ends_its_workers(
    board: Board, worker: WorkerAdapter
) -> None:
    assert not worker.is_cut_off
    board.stop()
    assert wait_until(lambda: worker.is_cut_off)
    assert worker.is_lost
    with pytest.raises(DeviceLost, match=r"connection to ssh://.* was lost \(.+\) during"):
        worker.probe()
    assert wait_until(lambda: not is_alive(worker.pid))


def test_a_machine_that_vanishes_while_it_is_waited_for_is_a_lost_device(
    board: Board, toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with hal.open(board.target(toy)) as device:
        exe = device.compile(doubling, vendor={"act": "hang"})
        threading.Timer(0.3, board.stop).start()
        with pytest.raises(DeviceLost, match=r"was lost \(.+\) during 'run'"):
            exe({"x": x})


def test_a_silent_machine_is_taken_for_gone(
    board: Board, toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hal.remote.ssh.KEEP_ALIVE_S", 1.0)
    worker = WorkerAdapter(toy, host=board.url, python=sys.executable)
    board.pause()
    try:
        assert wait_until(lambda: worker.is_cut_off)
    finally:
        board.go_on()
        worker.kill()


def test_a_machine_that_is_back_takes_new_workers(
    board: Board, toy: str, worker: WorkerAdapter
) -> None:
    board.stop()
    with pytest.raises(HostUnreachable, match="does not answer"):
        WorkerAdapter(toy, host=board.url, python=sys.executable)
    board.start()
    again = WorkerAdapter(toy, host=board.url, python=sys.executable)
    assert again.probe()
    again.close()


def test_the_files_of_a_worker_are_sent_once(board: Board, toy: str) -> None:
    place: Path = board.home / "cache" / "onnx-hal" / "remote" / pack("hal_toy").digest[:16]
    WorkerAdapter(toy, host=board.url, python=sys.executable).close()
    assert (place / "hal_toy" / "__init__.py").is_file()
    (place / "kept").touch()
    WorkerAdapter(toy, host=board.url, python=sys.executable).close()
    assert [folder.name for folder in place.parent.iterdir()] == [place.name]
    assert (place / "kept").exists()


def test_workers_that_install_themselves_at_once_do_not_harm_each_other(
    board: Board, toy: str
) -> None:
    made: list[WorkerAdapter] = []

    def start() -> None:
        made.append(WorkerAdapter(toy, host=board.url, python=sys.executable))

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([worker.probe() for worker in made]) == 3
    for worker in made:
        worker.close()
    assert len(list((board.home / "cache" / "onnx-hal" / "remote").iterdir())) == 1


def test_the_archive_depends_on_its_contents_alone(
    toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pack("hal_toy")
    pack.cache_clear()
    assert pack("hal_toy") == first


def wrapper(tmp_path: Path, *lines: str) -> str:
    """A program that stands for Python there, and does something before."""
    path = tmp_path / "python"
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return str(path)


def test_what_a_login_shell_prints_does_no_harm(
    board: Board, toy: str, tmp_path: Path, doubling: onnx.ModelProto, x: Array
) -> None:
    loud = wrapper(tmp_path, "echo Welcome to the board", f'exec {sys.executable} "$@"')
    with hal.open(board.target(toy, python=loud)) as device:
        assert (device.compile(doubling)({"x": x})["y"] == x * 2).all()


def test_a_machine_without_that_python_is_told(board: Board, toy: str) -> None:
    with pytest.raises(InputError, match=r"runs no '/no/python' \(status 127: .*set `python`"):
        WorkerAdapter(toy, host=board.url, python="/no/python")


def test_a_machine_without_numpy_is_told_with_the_line_to_type(
    board: Board, toy: str, tmp_path: Path
) -> None:
    bare = wrapper(tmp_path, f'exec {sys.executable} -S "$@"')
    with pytest.raises(SDKMissing, match="has no NumPy") as missing:
        WorkerAdapter(toy, host=board.url, python=bare)
    line = f"ssh -p {board.port} .*@127.0.0.1 .* -m pip install numpy"
    assert missing.match(line)
    assert "pip install numpy" in str(missing.value.install)


def test_a_python_that_is_too_old_is_told(
    board: Board, toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "OLDEST", (9, 9))
    with pytest.raises(InputError, match=r"has Python 3\..* needs 9\.9 or newer"):
        WorkerAdapter(toy, host=board.url, python=sys.executable)


def test_a_device_that_is_missing_there_is_said_to_be(board: Board, toy: str) -> None:
    with pytest.raises(DeviceNotFound, match=f"on {board.url}: no device '9'"):
        hal.open(board.target(toy, "9"))


def test_variables_and_limits_arrive_there(board: Board) -> None:
    worker = WorkerAdapter(
        "reference",
        host=board.url,
        python=sys.executable,
        env={"OMP_NUM_THREADS": "3"},
        memory_bytes=8 << 30,
    )
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    variables = Path(f"/proc/{worker.pid}/environ").read_bytes().split(b"\0")
    worker.close()
    assert f"Max data size             {8 << 30}" in limits
    assert b"OMP_NUM_THREADS=3" in variables


def test_options_of_a_target_reach_the_device_there(
    board: Board, toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    options = CompileOptions(vendor={"act": "_exit"})
    with (
        hal.open(board.target(toy, options=options)) as device,
        pytest.raises(DeviceLost) as lost,
    ):
        device.compile(doubling)({"x": x})
    assert lost.value.exit_code == 7


def test_a_python_in_the_home_there_is_found(board: Board, toy: str) -> None:
    program = wrapper(board.home, f'exec {sys.executable} "$@"')
    assert program == str(board.home / "python")
    WorkerAdapter(toy, host=board.url, python="~/python").close()
