"""Every command that the documents tell a reader to type exists, with the options they name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "docs/decisions/*.md")
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"(?<!\S)--?[a-zA-Z][a-z-]*")
ROOT = Path(__file__).parents[2]


def _lines() -> list[str]:
    documents = [path for pattern in DOCUMENTS for path in sorted(ROOT.glob(pattern))]
    blocks = [block for path in documents for block in BLOCK.findall(path.read_text())]
    joined = (block.replace("\\\n", " ") for block in blocks)
    lines = {line.partition(" #")[0].strip() for block in joined for line in block.splitlines()}
    return sorted(line.removeprefix("$ ") for line in lines)


@cache
def _help(command: str) -> str:
    env = {**os.environ, "COLUMNS": "400", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [Path(sys.executable).parent / "hal", *command.split(), "--help"],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _documented(program: str) -> list[str]:
    found = [line for line in _lines() if line.split(" ")[0] == program]
    assert found, f"no document shows a {program} command"
    return found


@pytest.mark.parametrize("line", _documented("hal"))
def test_a_documented_hal_command_exists(line: str) -> None:
    _, command, *rest = line.split()
    text = _help("" if command.startswith("-") else command)
    if rest and re.search(rf"^  {rest[0]}  ", text, re.MULTILINE):  # a command below it
        text = _help(f"{command} {rest[0]}")
    unknown = [option for option in OPTION.findall(line) if option not in text]
    assert not unknown, f"hal {command} has no {unknown}"


@pytest.mark.parametrize("line", _documented("make"))
def test_a_documented_make_target_exists(line: str) -> None:
    goals = [word for word in line.split()[1:] if "=" not in word]
    makefile = (ROOT / "Makefile").read_text()
    assert [goal for goal in goals if f"\n{goal}:" not in makefile] == []
