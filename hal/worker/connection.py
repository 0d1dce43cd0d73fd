"""A conversation with one worker process: a question, an answer, or the news of its death."""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import RLock
from time import monotonic
from typing import Any, Protocol, TypeVar

from hal.errors import AdapterError, DeviceLost, InputError, from_json, signal_name
from hal.worker.wire import Channel, Closed, Malformed, Message, Received

GRACE_S = 2.0
"""How long a worker that closed its socket has to end before it is killed."""

Answer = TypeVar("Answer")


class WorkerProcess(Protocol):
    """The process at the other end, wherever it runs: `Process`, `RemoteProcess`.

    `shares_memory` says whether it is on this machine, `is_cut_off` whether it is known to be
    out of reach before it was asked anything.
    """

    socket: socket.socket

    @property
    def shares_memory(self) -> bool: ...
    @property
    def is_cut_off(self) -> bool: ...
    def epitaph(self) -> str:
        """What is known of its end where there is no exit status."""
        ...

    def stderr(self) -> str: ...
    def wait(self, seconds: float) -> int | None: ...
    def end(self) -> None: ...
    def kill(self) -> None: ...


class Connection:
    """Asks one thing at a time, whatever the number of threads; once lost, it stays lost."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self._channel = Channel(process.socket, inline=not process.shares_memory)
        self._lock = RLock()
        self._lost: DeviceLost | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the worker has ended, was ended, or its machine is known to be gone."""
        return self._lost is not None or self.process.is_cut_off

    def ask(self, verb: str, timeout_s: float, **header: Any) -> dict[str, Any]:
        """Ask with a header alone; the answer's header.

        Raises:
            DeviceLost: the worker ended, or did not answer in time. HALError: what it raised.
        """
        return self.exchange(
            Message({"verb": verb, **header}), timeout_s, lambda reply: reply.header
        )

    def exchange(
        self, message: Message, timeout_s: float, read: Callable[[Received], Answer]
    ) -> Answer:
        """Send and wait; `read` sees the reply while its views of shared memory are valid.

        Raises:
            DeviceLost: the worker ended, or did not answer in time. HALError: what it raised.
        """
        with self._lock:
            if self._lost is not None:
                raise DeviceLost(f"the worker is gone: {self._lost.message}") from self._lost
            return self._answer(self._asked(message, timeout_s), read)

    def close(self) -> None:
        """Ask the worker to leave; one that does not is killed.

        Raises:
            HALError: what its adapter raised in closing; the worker is gone all the same.
        """
        with self._lock:
            try:
                if self._lost is None:
                    self.ask("close", GRACE_S)
                    self.process.wait(GRACE_S)
            except DeviceLost:
                return  # it is gone, which is what was wanted
            finally:
                self.kill("closed")

    def kill(self, how: str = "killed") -> None:
        """End the worker at once, with all it has started; who waits for an answer is told."""
        self._lost = self._lost or DeviceLost(f"the worker was {how} by its owner")
        self.process.end()  # before the lock, which whoever waits for an answer holds
        with self._lock:
            self.process.kill()

    def _asked(self, message: Message, timeout_s: float) -> Received:
        verb = str(message.header["verb"])
        started = monotonic()
        self._channel.settimeout(timeout_s)
        try:
            self._channel.send(message)
            return self._channel.receive()
        except InputError:
            raise  # it cannot be said, and nothing was
        except TimeoutError as error:
            raise self._hung(monotonic() - started, verb) from error
        except Closed as error:
            raise self._ended(verb) from error
        except Malformed as error:
            self.kill("ended, having answered nonsense,")
            raise AdapterError(f"the worker's answer cannot be read: {error}") from error
        except BaseException:
            self.kill("interrupted")  # its answer would be taken for the next question's
            raise

    def _answer(self, reply: Received, read: Callable[[Received], Answer]) -> Answer:
        try:
            if "error" not in reply.header:
                return read(reply)
            error = from_json(reply.header["error"])
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as wrong:
            raise AdapterError(
                f"the worker's answer cannot be read: {type(wrong).__name__}: {wrong}"
            ) from wrong
        raise error

    def _hung(self, seconds: float, verb: str) -> DeviceLost:
        self.process.kill()
        self._lost = self._lost or DeviceLost(
            f"the worker did not answer within {seconds:.1f} s of {verb!r} and was ended",
            timed_out=True,
            stderr=self.process.stderr() or None,
        )
        return self._lost

    def _ended(self, verb: str) -> DeviceLost:
        status = self.process.wait(GRACE_S)
        why = self.process.epitaph()
        self.process.kill()
        stderr = self.process.stderr() or None
        self._lost = self._lost or _death(verb, status, why, stderr)
        return self._lost


def _death(verb: str, status: int | None, why: str, stderr: str | None) -> DeviceLost:
    if status is None:
        told = f"{why} during {verb!r}"
        silent = f"the worker closed its connection during {verb!r} and did not end"
        return DeviceLost(told if why else silent, stderr=stderr)
    if status < 0:
        what = f"the worker was ended by {signal_name(-status)} during {verb!r}"
        return DeviceLost(what, signal=-status, stderr=stderr)
    what = f"the worker exited with status {status} during {verb!r}"
    return DeviceLost(what, exit_code=status, stderr=stderr)
