"""Fixtures for all tests: a toy device in a distribution of its own, small models, a board."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hal import registry
from hal.targets import Target

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> None:
    """Ctrl-C ends what we start, though shells let background jobs ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of the adapter in `tests/fixtures/toy`, registered for this test."""
    monkeypatch.setattr(sys, "path", [str(FIXTURES / "toy"), *sys.path])
    registry.refresh()
    yield "toy"
    monkeypatch.undo()
    registry.refresh()
    sys.modules.pop("hal_toy", None)


def doubling_model(dims: tuple[int | str, ...] = ("N", 3), opset: int = 17) -> onnx.ModelProto:
    """y = x + x in float32."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(dims))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, list(dims))
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    )


@pytest.fixture
def doubling() -> onnx.ModelProto:
    """y = x + x over float32[N, 3], opset 17."""
    return doubling_model()


@pytest.fixture
def x() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A feed for it."""
    return np.arange(6, dtype=np.float32).reshape(2, 3)


class Board:
    """Another machine, as far as SSH can tell: a server on loopback with a home of its own."""

    def __init__(self, folder: Path, sshd: str | None) -> None:
        self.home, self._keys, self._sshd = folder / "board", folder / "keys", sshd
        for made in (self.home, self._keys):
            made.mkdir()
        asyncssh: Any = import_module("asyncssh")

        for key in ("host", "user"):
            asyncssh.generate_private_key("ssh-ed25519").write_private_key(self._keys / key)
            (self._keys / key).chmod(0o600)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"
        self._server: subprocess.Popen[bytes] | None = None

    def welcome(self, home: Path) -> None:
        """Make this machine and the user's home know each other."""
        asyncssh: Any = import_module("asyncssh")

        (home / ".ssh").mkdir(parents=True, mode=0o700)
        private = asyncssh.read_private_key(self._keys / "user")
        private.write_private_key(home / ".ssh" / "id_ed25519")
        private.write_public_key(self._keys / "authorized")
        host = asyncssh.read_private_key(self._keys / "host").export_public_key().decode()
        (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host}")

    def start(self) -> None:
        """Begin to answer."""
        env = {**os.environ, "HOME": str(self.home), "XDG_CACHE_HOME": str(self.home / "cache")}
        self._server = subprocess.Popen(self._command(), env=env, start_new_session=True)
        until = time.monotonic() + 30
        while time.monotonic() < until and self._server.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("the SSH server does not start")

    def stop(self) -> None:
        """Vanish: the server and all its connections are gone at once."""
        ended, self._server = self._server, None  # a test may stop it from two threads
        if ended is not None:
            for server in _servers(ended.pid):
                with suppress(ProcessLookupError):
                    os.kill(server, signal.SIGKILL)
            ended.wait()

    def pause(self) -> None:
        """Say nothing more, to anybody; connections stay."""
        for server in _servers(self._pid):
            os.kill(server, signal.SIGSTOP)

    def go_on(self) -> None:
        """Undo `pause`."""
        for server in _servers(self._pid):
            os.kill(server, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        if self._server is None:
            raise RuntimeError("it does not run")
        return self._server.pid

    def target(self, adapter: str, device: str = "0", **changes: Any) -> Target:
        """A target here."""
        made = Target("board", adapter, device, host=self.url, python=sys.executable)
        return replace(made, **changes)

    def _command(self) -> list[str]:
        if self._sshd is None:
            server = FIXTURES / "ssh" / "server.py"
            keys = [str(self._keys / "host"), str(self._keys / "authorized")]
            return [sys.executable, str(server), str(self.port), *keys]
        lines = (
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self._keys / 'host'}",
            f"AuthorizedKeysFile {self._keys / 'authorized'}",
            "StrictModes no",
            "UsePAM no",
            "PidFile none",
            "PermitRootLogin yes",
            f"SetEnv XDG_CACHE_HOME={self.home / 'cache'}",
        )
        config = self._keys / "sshd_config"
        config.write_text("\n".join(lines) + "\n")
        return [self._sshd, "-D", "-e", "-f", str(config)]


def _servers(server: int) -> list[int]:
    """An SSH server, and the one that sshd has started for each connection."""
    found = [server]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(FileNotFoundError):  # the thread has ended meanwhile
                children = [int(child) for child in task.read_text().split()]
                found += [c for c in children if _name(c).startswith("sshd")]
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:  # it has ended
        return ""


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """Another machine that knows us, and answers."""
    yield from _boards(tmp_path, monkeypatch, None)


@pytest.fixture
def openssh_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """The same with OpenSSH's server, where this machine has one."""
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if sshd is None:
        pytest.skip("no sshd here")
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        pytest.skip("sshd of root needs /run/sshd, which is not there")
    yield from _boards(tmp_path, monkeypatch, sshd)


def _boards(folder: Path, monkeypatch: pytest.MonkeyPatch, sshd: str | None) -> Iterator[Board]:
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made = Board(folder, sshd)
    made.welcome(folder / "home")
    made.start()
    try:
        yield made
    finally:
        made.stop()
