"""A command on another machine over SSH; its standard input and output are one local socket.

One thread runs the conversations of all commands. Host keys are checked against known_hosts,
the user's ~/.ssh/config, keys and agent are used as `ssh` uses them, and nothing is ever asked.
A machine that says nothing for a while is taken for gone.
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from hal.errors import HostUnreachable, InputError, SDKMissing

if TYPE_CHECKING:
    import asyncssh

KEEP_ALIVE_S = 5.0
KEEP_ALIVE_MISSES = 3
CONNECT_S = 20.0
"""How long a machine may take to let us in; less where the target allows less for a start."""

_KEPT_BYTES = 8192
_WINDOW = 1 << 23
_PACKET = 1 << 15
_HOST = re.compile(
    r"ssh://(?:(?P<user>[^\s/@:]+)@)?(?P<name>[^\s/@:\[\]]+|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]+))?"
)

_alone = threading.Lock()  # two threads may start the first two workers at once

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Host:
    """Where a command runs; what is None is as ~/.ssh/config says, or usual."""

    url: str
    name: str
    user: str | None
    port: int | None

    @classmethod
    def parse(cls, url: str) -> Host:
        """From "ssh://user@board:22"; user and port may be absent.

        Raises:
            InputError: it has another form.
        """
        match = _HOST.fullmatch(url)
        if match is None:
            raise InputError(f"{url!r} names no machine; write host: ssh://user@board:22")
        port = match["port"]
        return cls(url, match["name"].strip("[]"), match["user"], int(port) if port else None)

    @property
    def typed(self) -> str:
        """The words of an `ssh` command line that name it."""
        port = f"-p {self.port} " if self.port else ""
        return f"{port}{self.user}@{self.name}" if self.user else f"{port}{self.name}"


class Running:
    """A command that was started there; `socket` is its input and output."""

    def __init__(self, host: Host, command: str, seconds: float) -> None:
        """Connect, and start it.

        Raises:
            SDKMissing: asyncssh is not installed. HostUnreachable: the machine does not answer.
            InputError: it is not known, or does not let us in.
        """
        _require()
        from hal.remote.pump import Pump

        self.socket, theirs = socket.socketpair()
        self._pump = Pump(_KEPT_BYTES)
        self._loop = _loop()
        limit = min(seconds, CONNECT_S)
        try:
            self._connection = _await(
                _start(host, command, self._pump, theirs, limit), limit + 5
            )
        except TooLate as error:
            self._close_both(theirs)
            raise HostUnreachable(f"{host.url} did not answer within {limit:.0f} s") from error
        except BaseException:
            self._close_both(theirs)
            raise

    @property
    def lost(self) -> str | None:
        """Why there is no connection any more; None while there is, or after an orderly end."""
        return self._pump.lost

    @property
    def is_over(self) -> bool:
        """Whether the command has ended, or its connection."""
        return self._pump.over.is_set()

    def stderr(self) -> bytes:
        """The last it wrote to standard error."""
        return self._pump.stderr

    def wait(self, seconds: float) -> int | None:
        """Its exit status, negative for a signal; None where that is not known in time."""
        self._pump.over.wait(seconds)
        return self._pump.status

    def end(self) -> None:
        """Cut the connection; does not wait. The machine then ends the command."""
        self._loop.call_soon_threadsafe(self._connection.abort)

    def close(self) -> None:
        """Cut the connection, and close our end of the socket."""
        self.end()
        self._pump.over.wait(1.0)
        self.socket.close()

    def _close_both(self, theirs: socket.socket) -> None:
        self.socket.close()
        theirs.close()


def signal_number(name: str) -> int:
    """The number of a signal that SSH names without its SIG; 0 where there is no such."""
    found = getattr(signal, f"SIG{name}", None)
    return int(found) if isinstance(found, signal.Signals) else 0


async def _start(
    host: Host, command: str, pump: Any, theirs: socket.socket, limit: float
) -> asyncssh.SSHClientConnection:
    import asyncssh

    connection = await _connected(host, limit)
    try:
        await asyncio.get_running_loop().create_connection(lambda: pump.local, sock=theirs)
        await connection.create_session(  # pyright: ignore[reportUnknownMemberType]  # AnyStr
            lambda: pump.remote,
            command,
            encoding=None,
            request_pty=False,
            window=_WINDOW,
            max_pktsize=_PACKET,
        )
    except (OSError, asyncssh.Error) as error:
        connection.abort()
        raise HostUnreachable(f"{host.url} starts no command: {error}") from error
    except BaseException:
        connection.abort()
        raise
    return connection


async def _connected(host: Host, limit: float) -> asyncssh.SSHClientConnection:
    """Raises: HostUnreachable, InputError."""
    import asyncssh

    given: dict[str, Any] = {"username": host.user, "port": host.port}
    options = {
        **{name: value for name, value in given.items() if value is not None},
        "connect_timeout": limit,
        "login_timeout": limit,
        "keepalive_interval": KEEP_ALIVE_S,
        "keepalive_count_max": KEEP_ALIVE_MISSES,
    }
    try:
        meant = asyncssh.SSHClientConnectionOptions(host=host.name, config=(), **options)
        if meant.known_hosts is None:  # asyncssh takes a config's "none" for trust in all
            options["known_hosts"] = b"\n"
        return await asyncssh.connect(host.name, **options)
    except asyncssh.HostKeyNotVerifiable as error:
        raise InputError(
            f"{host.url} is not known here, or its key has changed ({error}); connect once "
            f"with `ssh {host.typed}`, compare the fingerprint, and it is in known_hosts"
        ) from error
    except asyncssh.PermissionDenied as error:
        raise InputError(
            f"{host.url} does not let us in ({error}); a key that it accepts is needed: "
            f"`ssh-copy-id {host.typed}`, and an agent where the key has a passphrase"
        ) from error
    except (asyncssh.ConfigParseError, asyncssh.KeyImportError) as error:
        raise InputError(f"~/.ssh cannot be used for {host.url}: {error}") from error
    except (OSError, TimeoutError, asyncssh.Error) as error:
        why = str(error) or type(error).__name__
        raise HostUnreachable(f"{host.url} does not answer: {why}") from error


def _require() -> None:
    try:
        import_module("asyncssh")
    except ImportError as error:
        line = 'pip install "onnx-hal[ssh]"'
        raise SDKMissing(
            f"devices on other machines need asyncssh, which is not installed ({error}); "
            f"install it with: {line}",
            install=line,
        ) from error


def _loop() -> asyncio.AbstractEventLoop:
    with _alone:
        return _the_loop()


@lru_cache(maxsize=1)
def _the_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="hal-ssh", daemon=True).start()
    return loop


def _await(work: Coroutine[Any, Any, Result], seconds: float) -> Result:
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result(seconds)
    except BaseException:
        future.cancel()
        raise
