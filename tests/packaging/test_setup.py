"""`.ci/setup` on machines that are short of something, played with a stand-in for Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# Answers what the script asks of a Python: its version (`-c`), `-m venv`, `-m pip`.
STAND_IN = """#!/bin/sh
case "$*" in
    *ensurepip*) exit ${NO_ENSUREPIP:-0} ;;
    -c*) exit ${TOO_OLD:-0} ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip "*) echo "$*" >>pip.log; exit ${NO_NETWORK:-0} ;;
    -V) echo "Python 3.9.1" ;;
esac
"""


class Machine:
    """An empty folder with our set-up script, and a PATH that holds nearly nothing."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.folder = folder
        self.venv = folder / ".venv"
        self._bin = folder / "bin"
        self._bin.mkdir()
        (folder / ".ci").mkdir()
        shutil.copy(script, folder / ".ci" / "setup")
        for tool in ("sh", "dirname", "mkdir", "rm", "cp"):
            (self._bin / tool).symlink_to(shutil.which(tool) or tool)
        self.add_python("python3")

    def add_python(self, name: str) -> None:
        (self._bin / name).write_text(STAND_IN)
        (self._bin / name).chmod(0o755)

    def remove_python(self) -> None:
        (self._bin / "python3").unlink()

    def set_up(self, extra: str = "all", **env: str) -> subprocess.CompletedProcess[str]:
        clean = {"PATH": str(self._bin), "HOME": str(self.folder), **env}
        return subprocess.run(
            [self.folder / ".ci" / "setup", extra],
            capture_output=True,
            text=True,
            env=clean,
            check=False,
        )

    def installs(self) -> list[str]:
        log = self.folder / "pip.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(root: Path, tmp_path: Path) -> Machine:
    if os.name != "posix":
        pytest.skip("the Makefile is for POSIX machines")
    return Machine(tmp_path, root / ".ci" / "setup")


def test_a_set_up_that_ends_well_leaves_its_stamp(machine: Machine) -> None:
    done = machine.set_up()
    assert done.returncode == 0, done.stderr
    assert (machine.venv / "ready-all").exists()
    assert not (machine.venv / "building").exists()


def test_a_set_up_that_fails_leaves_no_stamp(machine: Machine) -> None:
    assert machine.set_up(NO_NETWORK="1").returncode == 1
    assert list(machine.venv.glob("ready-*")) == []


def test_a_half_built_venv_is_thrown_away(machine: Machine) -> None:
    machine.set_up(NO_NETWORK="1")
    (machine.venv / "half a package").touch()
    assert machine.set_up().returncode == 0
    assert not (machine.venv / "half a package").exists()


def test_a_whole_venv_is_refreshed_in_place(machine: Machine) -> None:
    machine.set_up()
    (machine.venv / "a package").touch()
    assert machine.set_up("dev").returncode == 0
    assert (machine.venv / "a package").exists()
    stamps = {path.name for path in machine.venv.glob("ready-*")}
    assert stamps == {"ready-all", "ready-every", "ready-dev"}


def test_only_the_gates_are_pinned(machine: Machine) -> None:
    machine.set_up("all")
    machine.set_up("dev")
    users, gates = machine.installs()
    assert "constraints.txt" not in users
    assert "constraints.txt" in gates


def test_without_python_it_says_what_is_missing(machine: Machine) -> None:
    machine.remove_python()
    done = machine.set_up()
    assert done.returncode == 1
    assert "No Python 3.11 or later was found; python3 here is: absent." in done.stderr


def test_an_old_python_is_named_with_its_version(machine: Machine) -> None:
    done = machine.set_up(TOO_OLD="1")
    assert done.returncode == 1
    assert "python3 here is: Python 3.9.1." in done.stderr


def test_a_python_without_venv_gets_the_line_to_type(machine: Machine) -> None:
    done = machine.set_up(NO_ENSUREPIP="1")
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert not machine.venv.exists()


def test_a_newer_python_beside_the_default_one_is_found(machine: Machine) -> None:
    machine.remove_python()
    machine.add_python("python3.12")
    assert machine.set_up().returncode == 0
