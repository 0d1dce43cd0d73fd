"""A worker process on another machine: it installs itself there, and is then like any other.

`bootstrap` is what runs there first, `pack` what it is sent, `ssh` how. The machine needs a
Python with NumPy and the vendor's package; the rest lies in its user's cache folder, under the
hash of its contents.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

from hal.errors import HostUnreachable, InputError, SDKMissing
from hal.remote.pack import Pack, pack
from hal.remote.ssh import Host, Running

PYTHON = "python3"
"""The interpreter where the target names none."""
OLDEST = (3, 10)

STATUS_S = 5.0
"""How long an exit status may take on its way, after the end itself was seen."""

_MARK = "onnx-hal worker: "
_NOISE_BYTES = 1 << 16  # what a login shell may print before ours
_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


class RemoteProcess:
    """One worker on another machine, with the connection to it.

    Args:
        url: the machine, as ssh://user@board:22.
        module: the adapter's module.
        python: the interpreter there.
        memory_bytes: the most data the worker may allocate; None for no limit.
        env: environment variables of the worker.
        start_s: how long connecting and each step of the installation may take.

    Raises:
        HostUnreachable: the machine does not answer, or went away. InputError: it is unknown,
        does not let us in, or has no such Python. SDKMissing: asyncssh is missing here, or
        NumPy there.
    """

    shares_memory = False

    def __init__(
        self,
        url: str,
        module: str,
        *,
        python: str | None = None,
        memory_bytes: int | None = None,
        env: Mapping[str, str] | None = None,
        start_s: float = 60.0,
    ) -> None:
        self.host = Host.parse(url)
        self._python = python or PYTHON
        self._running = Running(self.host, _command(self._python), start_s)
        self.socket = self._running.socket
        self.socket.settimeout(start_s)
        files = pack(module)
        try:
            told = self._introduce(files, memory_bytes or 0, env or {})
            self._check(told)
            if not told["has_files"]:
                self.socket.sendall(files.data)
        except OSError as error:
            self.kill()
            raise HostUnreachable(
                f"{self.host.url} went away while a worker was started: {self._why(error)}"
            ) from error
        except BaseException:
            self.kill()
            raise

    @property
    def where(self) -> str:
        """The machine's address."""
        return self.host.url

    @property
    def is_cut_off(self) -> bool:
        """Whether the worker, or the connection to it, is known to have ended."""
        return self._running.is_over

    def epitaph(self) -> str:
        """What is known of an end without an exit status."""
        lost = self._running.lost
        return f"the connection to {self.where} was lost ({lost})" if lost else ""

    def stderr(self) -> str:
        """The last it printed, on either stream."""
        return self._running.stderr().decode("utf-8", "replace").strip()

    def wait(self, seconds: float) -> int | None:
        """Its exit status once it has ended, None if that is not known in time."""
        return self._running.wait(max(seconds, STATUS_S))

    def end(self) -> None:
        """Cut the connection, upon which the machine kills it with all it has started."""
        self._running.end()

    def kill(self) -> None:
        """Cut the connection; again is harmless."""
        self._running.close()

    def _introduce(self, files: Pack, memory_bytes: int, env: Mapping[str, str]) -> Any:
        asked = {
            "mark": _MARK,
            "digest": files.digest,
            "size": len(files.data),
            "oldest": OLDEST,
            "memory_bytes": memory_bytes,
            "env": dict(env),
        }
        said = b""
        with suppress(BrokenPipeError):  # it has ended already; what it said is read below
            self.socket.sendall(json.dumps(asked).encode() + b"\n")
        while _MARK.encode() not in said or not said.endswith(b"\n"):
            part = self._part()
            said += part
            if not part or len(said) > _NOISE_BYTES:
                raise self._mute(said)
        return json.loads(said.partition(_MARK.encode())[2])

    def _part(self) -> bytes:
        """What came next; nothing at the end, which may come before our line was read."""
        try:
            return self.socket.recv(1 << 12)
        except ConnectionResetError:
            return b""

    def _mute(self, said: bytes) -> InputError | HostUnreachable:
        """The error for a machine that let us in and did not start our Python."""
        status = self.wait(2.0)
        if status is None and self._running.lost:
            return HostUnreachable(f"{self.where} went away: {self._running.lost}")
        words = f"{said.decode('utf-8', 'replace')} {self.stderr()}".strip()
        return InputError(
            f"{self.where} runs no {self._python!r} (status {status}: {words[-300:]}); set "
            "`python` of the target to an interpreter of that machine"
        )

    def _check(self, told: Mapping[str, Any]) -> None:
        major, minor = map(int, str(told["python"]).split(".")[:2])
        if (major, minor) < OLDEST:
            raise InputError(
                f"{self.where} has Python {told['python']} at {told['executable']}; a worker "
                f"needs {'.'.join(map(str, OLDEST))} or newer: set `python` of the target to "
                "such an interpreter of that machine"
            )
        if not told["has_numpy"]:
            line = f"ssh {self.host.typed} {quote(told['executable'])} -m pip install numpy"
            raise SDKMissing(
                f"{self.where} has no NumPy for {told['executable']}, which a worker needs; "
                f"install it with: {line}",
                install=line,
            )

    def _why(self, error: OSError) -> str:
        if isinstance(error, TimeoutError):
            return "it did not answer in time"
        return self._running.lost or str(error)


def _command(python: str) -> str:
    """One line that any shell reads alike."""
    home, _, rest = python.partition("/")
    found = f'"$HOME"/{quote(rest)}' if home == "~" else quote(python)
    text = base64.b64encode(_BOOTSTRAP.read_bytes()).decode()
    return f"exec {found} -c 'import base64;exec(base64.b64decode(\"{text}\"))'"
