"""A conversation with one worker process: a question, an answer, or the news of its death."""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import RLock
from time import monotonic
from typing import Any, TypeVar

from hal.errors import AdapterError, DeviceLost, from_json
from hal.worker.process import Process
from hal.worker.wire import Channel, Closed, Message, Received

GRACE_S = 2.0
"""How long a worker that closed its socket has to end before it is killed."""

Answer = TypeVar("Answer")


class Connection:
    """Asks one thing at a time, whatever the number of threads; once lost, it stays lost."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._channel = Channel(process.socket)
        self._lock = RLock()
        self._lost: DeviceLost | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the worker has ended, or was ended."""
        return self._lost is not None

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
                raise DeviceLost(f"the worker is gone: {self._lost.message}")
            verb = str(message.header["verb"])
            started = monotonic()
            self._channel.settimeout(timeout_s)
            try:
                self._channel.send(message)
                reply = self._channel.receive()
            except KeyboardInterrupt:
                self.kill("interrupted")  # its answer would be taken for the next question's
                raise
            except TimeoutError as error:
                raise self._hung(monotonic() - started, verb) from error
            except Closed as error:
                raise self._ended(verb) from error
            except (ValueError, KeyError) as error:
                self.kill()
                raise AdapterError(f"the worker's answer cannot be read: {error}") from error
            if "error" in reply.header:
                raise from_json(reply.header["error"])
            return read(reply)

    def close(self) -> None:
        """Ask the worker to leave; one that does not is killed."""
        with self._lock:
            if self._lost is None:
                try:
                    self.ask("close", GRACE_S)
                    self.process.wait(GRACE_S)
                except DeviceLost:
                    return  # it is gone, which is what was wanted
            self.kill("closed")

    def kill(self, how: str = "killed") -> None:
        """End the worker at once, with every process it has started."""
        with self._lock:
            self._lost = self._lost or DeviceLost(f"the worker was {how} by its owner")
            self.process.kill()

    def _hung(self, seconds: float, verb: str) -> DeviceLost:
        self.process.kill()
        self._lost = DeviceLost(
            f"the worker did not answer within {seconds:.1f} s of {verb!r} and was ended",
            timed_out=True,
            stderr=self.process.stderr() or None,
        )
        return self._lost

    def _ended(self, verb: str) -> DeviceLost:
        status = self.process.wait(GRACE_S)
        self.process.kill()
        stderr = self.process.stderr() or None
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


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
