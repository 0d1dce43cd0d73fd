"""What moves bytes between an SSH channel and a local socket, no faster than either takes them.

Imported by `hal.remote.ssh` alone, since it needs asyncssh; all of it runs in that thread.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import asyncssh

from hal.remote.ssh import signal_number

_STDERR = 1
"""SSH's own number for it, SSH_EXTENDED_DATA_STDERR of RFC 4254."""


class Pump:
    """Both ends, and what became of the command.

    `over` is set once it has ended or the connection has; `status` is its exit status, negative
    for a signal, None where the connection ended first, of which `lost` says why.
    """

    def __init__(self, kept_bytes: int) -> None:
        self.over = threading.Event()
        self.status: int | None = None
        self.lost: str | None = None
        self.stderr = b""
        self.kept_bytes = kept_bytes
        self.local = Local(self)
        self.remote = Remote(self)


class Local(asyncio.Protocol):
    """The socket's end: what is written there goes to the command."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        channel = self._pump.remote.channel
        if channel is not None and not channel.is_closing():
            channel.write(data)  # pyright: ignore[reportUnknownMemberType]  # asyncssh says AnyStr

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's form
        channel = self._pump.remote.channel
        if channel is not None:
            channel.close()

    def pause_writing(self) -> None:
        if self._pump.remote.channel is not None:
            self._pump.remote.channel.pause_reading()

    def resume_writing(self) -> None:
        if self._pump.remote.channel is not None:
            self._pump.remote.channel.resume_reading()


class Remote(asyncssh.SSHClientSession[bytes]):
    """The channel's end: what the command writes goes to the socket."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self.channel: asyncssh.SSHClientChannel[bytes] | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self.channel = chan

    def data_received(self, data: bytes, datatype: Any) -> None:
        transport = self._pump.local.transport
        if datatype == _STDERR:
            self._pump.stderr = (self._pump.stderr + data)[-self._pump.kept_bytes :]
        elif transport is not None and not transport.is_closing():
            transport.write(data)

    def eof_received(self) -> bool:
        transport = self._pump.local.transport
        if transport is not None and not transport.is_closing():
            transport.write_eof()
        return True  # the exit status is still to come

    def exit_status_received(self, status: int) -> None:
        self._pump.status = status
        self._pump.over.set()

    def exit_signal_received(
        self,
        signal: str,
        core_dumped: bool,  # noqa: ARG002  asyncssh's form
        msg: str,  # noqa: ARG002  asyncssh's form
        lang: str,  # noqa: ARG002  asyncssh's form
    ) -> None:
        self._pump.status = -signal_number(signal)
        self._pump.over.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._pump.status is None:
            self._pump.lost = str(exc) if exc else "it was closed"
        self._pump.over.set()
        if self._pump.local.transport is not None:
            self._pump.local.transport.close()

    def pause_writing(self) -> None:
        if self._pump.local.transport is not None:
            self._pump.local.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._pump.local.transport is not None:
            self._pump.local.transport.resume_reading()
