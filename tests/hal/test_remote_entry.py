"""Entering another machine: whom it is trusted to be, whom it lets in, what is said if not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import hal
from hal.errors import AdapterError, HostUnreachable, InputError, SDKMissing
from hal.targets import EnvSpec, Target, Timeouts, resolve
from hal.worker.client import WorkerAdapter

Board = Any
"""`Board` of tests/conftest.py."""


@pytest.mark.parametrize("known", ["", "[127.0.0.1]:{port} {other}\n"])
def test_a_machine_with_an_unknown_key_is_refused(
    board: Board, toy: str, tmp_path: Path, known: str
) -> None:
    other = (tmp_path / "keys" / "authorized").read_text().strip()
    hosts = tmp_path / "home" / ".ssh" / "known_hosts"
    hosts.write_text(known.format(port=board.port, other=other))
    with pytest.raises(InputError, match=r"not known here, or its key has changed .*`ssh -p"):
        WorkerAdapter(toy, host=board.url, python=sys.executable)


def test_a_config_that_knows_no_machines_trusts_none(
    board: Board, toy: str, tmp_path: Path
) -> None:
    (tmp_path / "home" / ".ssh" / "config").write_text("Host *\n  UserKnownHostsFile none\n")
    with pytest.raises(InputError, match="not known here"):
        WorkerAdapter(toy, host=board.url, python=sys.executable)


def test_a_machine_may_go_by_its_name_in_the_users_config(
    board: Board, toy: str, tmp_path: Path
) -> None:
    text = f"Host devkit\n  HostName 127.0.0.1\n  Port {board.port}\n"
    (tmp_path / "home" / ".ssh" / "config").write_text(text)
    WorkerAdapter(toy, host="ssh://devkit", python=sys.executable).close()


def test_a_machine_that_does_not_know_us_is_told(
    board: Board, toy: str, tmp_path: Path
) -> None:
    (tmp_path / "home" / ".ssh" / "id_ed25519").unlink()
    with pytest.raises(InputError, match=r"does not let us in .*ssh-copy-id"):
        WorkerAdapter(toy, host=board.url, python=sys.executable)


def test_nothing_starts_where_nobody_listens(board: Board, toy: str) -> None:
    board.stop()
    with pytest.raises(HostUnreachable, match=f"{board.url} does not answer: .+"):
        hal.open(board.target(toy))


def test_a_machine_that_says_nothing_at_all_is_given_up(toy: str, board: Board) -> None:
    board.pause()
    try:
        with pytest.raises(HostUnreachable):
            hal.open(board.target(toy, timeouts=Timeouts(start_s=0.5)))
    finally:
        board.go_on()


def test_without_asyncssh_the_line_that_brings_it_is_told(
    toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    with pytest.raises(SDKMissing, match=r"pip install \"onnx-hal\[ssh\]\""):
        WorkerAdapter(toy, host="ssh://board")


@pytest.mark.parametrize("url", ["board", "http://board", "ssh://a@b@c", "ssh://board:port"])
def test_what_names_no_machine_is_refused(toy: str, url: str) -> None:
    with pytest.raises(InputError, match="names no machine"):
        WorkerAdapter(toy, host=url)


def test_an_environment_on_another_machine_is_refused(toy: str) -> None:
    target = Target("t", toy, "0", host="ssh://board", env=EnvSpec(("acme",)))
    with pytest.raises(InputError, match="both env and host"):
        hal.open(target)


def test_an_unknown_adapter_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(AdapterError, match="no adapter 'nobody'"):
        WorkerAdapter("nobody", host="ssh://board")


def test_a_path_of_another_machine_is_left_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "devices.yaml"
    text = "targets:\n  t: {adapter: reference, device: cpu, python: ~/venv/bin/python, "
    file.write_text(text + "host: 'ssh://board'}\n")
    target = resolve("t", [file])
    assert target.python == "~/venv/bin/python"
    assert target.interpreter == target.python
    assert target.is_foreign
