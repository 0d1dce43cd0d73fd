"""Starting a worker process, watching it, and ending it with all it has started."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

Child: TypeAlias = "subprocess.Popen[bytes]"

_SCRIPT = Path(__file__).with_name("__main__.py")
_KEPT_BYTES = 8192
DEATH_S = 10.0
"""How long a killed process may take to end: one inside a driver may never do."""


class Process:
    """One worker process here with its socket, its lifeline and the tail of what it printed.

    Args:
        python: the interpreter; None for this one.
        staged: a folder that holds copies of `hal` and the adapter, for an interpreter in
            which they are not installed.
        memory_bytes: the most data it may allocate; None for no limit.
        env: environment variables, over this process's own.
    """

    shares_memory = True
    is_cut_off = False

    def __init__(
        self,
        *,
        python: str | None = None,
        staged: Path | None = None,
        memory_bytes: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        script = staged / "hal" / "worker" / "__main__.py" if staged else _SCRIPT
        command = [python or sys.executable, str(script)]
        tail = [str(memory_bytes or 0), *(["--staged"] if staged else [])]
        environment = {**os.environ, **(env or {})}
        self._released = False
        if hasattr(socket, "AF_UNIX") and os.name == "posix":
            self._start_posix(command, tail, environment)
        else:
            self._start_elsewhere(command, tail, environment)
        self._tail = b""
        self._drain = threading.Thread(target=self._read_stderr, daemon=True)
        self._drain.start()

    def _start_posix(
        self, command: Sequence[str], tail: Sequence[str], env: dict[str, str]
    ) -> None:
        ours, theirs = socket.socketpair()
        watched, self._lifeline = os.pipe()
        try:
            self.popen = subprocess.Popen(
                [*command, "fd", str(theirs.fileno()), str(watched), *tail],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(), watched),
                env=env,
                start_new_session=True,
            )
        except OSError:
            ours.close()
            os.close(self._lifeline)
            raise
        finally:
            theirs.close()
            os.close(watched)
        self.socket = ours

    def _start_elsewhere(
        self, command: Sequence[str], tail: Sequence[str], env: dict[str, str]
    ) -> None:
        self._lifeline = -1
        secret = secrets.token_hex(16).encode() + b"\n"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self.popen = subprocess.Popen(
                [*command, "port", str(port), "-1", *tail],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=env,
            )
            try:
                if self.popen.stdin is not None:
                    self.popen.stdin.write(secret)
                    self.popen.stdin.flush()
                self.socket = _accept(listener, secret, self.popen)
            except BaseException:
                with self.popen:
                    self.popen.kill()
                raise

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self.popen.pid

    def epitaph(self) -> str:
        """Nothing: an end on this machine has a status."""
        return ""

    def stderr(self) -> str:
        """The last it printed, on either stream."""
        self._drain.join(timeout=0.2)
        return self._tail.decode("utf-8", "replace").strip()

    def wait(self, seconds: float) -> int | None:
        """Its exit status once it has ended, None if it has not within `seconds`."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Have it and every process it has started killed; does not wait for that."""
        if self._released:
            return  # its number may be another's by now
        if os.name == "posix":
            try:
                os.killpg(self.popen.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self.popen.kill()  # the group is gone already; the process may not be
        else:
            self.popen.kill()

    def kill(self) -> None:
        """End it and every process it has started; again is harmless."""
        self.end()
        self.wait(DEATH_S)
        self.release()

    def release(self) -> None:
        """Close what this side holds of it."""
        self._released = True
        self.socket.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        if self.popen.stdin is not None:
            self.popen.stdin.close()

    def _read_stderr(self) -> None:
        stream = self.popen.stderr
        if stream is None:
            return
        with stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                self._tail = (self._tail + chunk)[-_KEPT_BYTES:]


def _accept(listener: socket.socket, secret: bytes, child: Child) -> socket.socket:
    """The child's connection; whoever else is on this machine may connect too.

    Raises:
        OSError: the child ended before it connected.
    """
    listener.settimeout(1)
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if child.poll() is None:
                continue
            raise OSError(f"it exited with status {child.returncode}") from None
        if _says(connection, secret):
            return connection
        connection.close()


def _says(connection: socket.socket, secret: bytes) -> bool:
    connection.settimeout(1)
    said = b""
    try:
        while len(said) < len(secret):
            more = connection.recv(len(secret) - len(said))
            if not more:
                break
            said += more
    except OSError:  # silent, or gone
        return False
    return secrets.compare_digest(said, secret)
