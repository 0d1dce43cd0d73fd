"""A conversation with a worker: after nonsense or an interruption no answer is a wrong one."""

from __future__ import annotations

import json
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np
import pytest

from hal import dtypes
from hal.errors import AdapterError, DeviceLost, InputError
from hal.tensor import Tensor
from hal.worker.connection import Connection
from hal.worker.wire import Channel, Message


class Mute:
    """Stands for a worker process; the test answers in its place."""

    shares_memory = True
    is_cut_off = False

    def __init__(self) -> None:
        self.socket, self.other = socket.socketpair()
        self.killed = 0

    def end(self) -> None:
        self.other.close()

    def kill(self) -> None:
        self.killed += 1
        self.socket.close()

    def wait(self, seconds: float) -> int | None:
        return None

    def stderr(self) -> str:
        return ""

    def epitaph(self) -> str:
        return ""

    def say(self, header: Any, *, length: int | None = None, inline: int = 0) -> None:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        known = len(text) if length is None else length
        self.other.sendall(struct.pack("<IQ", known, inline) + text)


@pytest.fixture
def mute() -> Iterator[Mute]:
    process = Mute()
    yield process
    process.socket.close()
    process.other.close()


@pytest.fixture
def connection(mute: Mute) -> Connection:
    return Connection(mute)


@pytest.mark.parametrize(
    ("header", "sizes"),
    [
        (b"nonsense", {}),
        (b"\xff\xff", {}),
        ([1], {}),
        ({}, {}),
        ({"buffers": 3}, {}),
        ({"buffers": [[-1]]}, {}),
        ({"buffers": [[-1, 8]]}, {}),
        ({"buffers": [[-1, -8]]}, {}),
        ({"buffers": [[0, 8]]}, {}),
        ({"buffers": [["a", "b"]]}, {}),
        (b"[" * 10_000, {}),
        ({}, {"length": 1}),
        ({}, {"inline": 2**62}),
        ({}, {"inline": 2**64 - 1}),
    ],
    ids=lambda value: repr(value)[:32],
)
def test_an_answer_that_is_no_message_ends_the_worker(
    connection: Connection, mute: Mute, header: Any, sizes: dict[str, int]
) -> None:
    mute.say(header, **sizes)
    with pytest.raises(AdapterError, match="cannot be read"):
        connection.ask("probe", 5)
    assert connection.is_lost
    assert mute.killed


@pytest.mark.parametrize("error", [3, [], {"fields": 3}], ids=repr)
def test_an_error_that_is_none_is_an_adapters_error(
    connection: Connection, mute: Mute, error: Any
) -> None:
    mute.say({"buffers": [], "error": error})
    with pytest.raises(AdapterError, match="cannot be read"):
        connection.ask("probe", 5)


def test_an_answer_that_lacks_what_was_asked_leaves_the_next_one_right(
    connection: Connection, mute: Mute
) -> None:
    mute.say({"buffers": []})
    with pytest.raises(AdapterError, match="KeyError: 'results'"):
        connection.exchange(Message({"verb": "run"}), 5, lambda reply: reply.header["results"])
    mute.say({"buffers": [], "peak": 7})
    assert connection.ask("usage", 5)["peak"] == 7


def test_an_interrupted_question_never_gets_its_answer_to_the_next(
    connection: Connection,
) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise LookupError("out of patience")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(LookupError):
            connection.ask("probe", 5)
    finally:
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(DeviceLost, match="interrupted"):
        connection.ask("probe", 5)


def test_who_waits_for_an_answer_does_not_keep_another_from_killing(
    connection: Connection,
) -> None:
    lost: list[DeviceLost] = []

    def ask() -> None:
        try:
            connection.ask("run", 20)
        except DeviceLost as error:
            lost.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.05)
    started = time.monotonic()
    connection.kill()
    asking.join()
    assert time.monotonic() - started < 5
    assert "killed by its owner" in lost[0].message


def test_a_lost_worker_says_how_it_was_lost_again(connection: Connection, mute: Mute) -> None:
    mute.other.close()
    with pytest.raises(DeviceLost) as first:
        connection.ask("probe", 5)
    with pytest.raises(DeviceLost) as second:
        connection.ask("probe", 5)
    assert second.value.__cause__ is first.value


def test_what_cannot_be_said_disturbs_nothing_said_later(
    connection: Connection, mute: Mute
) -> None:
    """The memory that was to be replaced for it is replaced for the next message."""
    array = np.arange(100_000, dtype=np.float32)
    unsaid = Message({"verb": "run", "option": object()})
    unsaid.add_value(Tensor(array, dtypes.of_name("float32")))
    with pytest.raises(InputError, match="only JSON"):
        connection.exchange(unsaid, 5, lambda reply: reply)
    said = Message({"verb": "run"})
    described = said.add_value(Tensor(array, dtypes.of_name("float32")))
    mute.say({"buffers": []})
    connection.exchange(said, 5, lambda reply: reply)
    received = Channel(mute.other).receive().value(described, copy=True)
    assert isinstance(received, Tensor)
    assert (received.array == array).all()
