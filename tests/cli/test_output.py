"""What stdout carries: one document for programs, safe text for people."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from hal.cli import output

NOISY = """
import ctypes, os, sys
from hal.cli import output
print("before", file=sys.stderr)
output.claim_stdout()
libc = ctypes.CDLL(None)
libc.printf(b"vendor, buffered in C\\n")
os.write(1, b"vendor, on the descriptor\\n")
print("vendor, in Python")
os.system("echo vendor, in a child")
output.emit_json({"answer": 42, "list": (1, float("nan"), float("-inf"))})
os.write(1, b"vendor, afterwards\\n")
"""


def test_only_the_document_reaches_stdout() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOISY], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"answer": 42, "list": [1, "NaN", "-Infinity"]}
    assert done.stderr.count("vendor") == 5


def test_control_characters_are_shown_not_obeyed() -> None:
    assert output.printable("a\x1b[31mb\r\nc\u202e") == r"a\x1b[31mb\r\nc\u202e"
    assert output.printable("é 漢") == "é 漢"


def test_elsewhere_than_on_a_terminal_no_cell_is_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = "x" * 300
    output.table(["A", "B"], [["1", long], ["22", "y"]], numbers=["A"])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head == "A  B".rjust(5)
    assert first == f" 1  {long}"
    assert second == "22  y"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_on_a_terminal_a_table_fits_its_width() -> None:
    code = "from hal.cli import output; output.table(['A', '[red]B'], [['1', 'word ' * 60]])"
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": "50", "TERM": "xterm"}
    subprocess.run([sys.executable, "-c", code], stdout=theirs, env=env, check=True)
    os.close(theirs)
    text = re.sub(r"\x1b\[[\d;]*m", "", _read_all(ours).decode())
    assert "[red]B" in text
    assert text.count("word") == 60
    assert max(map(len, text.splitlines())) <= 50


def _read_all(descriptor: int) -> bytes:
    found = b""
    try:
        while more := os.read(descriptor, 4096):
            found += more
    except OSError:  # how Linux says that a pseudo-terminal has ended
        pass
    os.close(descriptor)
    return found


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.25e-5, "12.5 us"), (0.00302, "3.02 ms"), (1.2, "1.20 s")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert output.human_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 40, "3072.0 GiB")],
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert output.human_bytes(count) == text
