"""Vendors' tools that are programs: run to their end, which is told in our words.

A compiler that is a command may crash on a model, and a crash is no refusal: an end by a signal
is `DeviceLost`, as it is where the vendor's code runs in our own worker, and so is an end that
did not come in time. Any other status is for the adapter to read.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from hal.errors import DeviceLost, SDKMissing, signal_name

KEPT = 2000
"""Characters of what a tool printed that an error holds."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a tool ended by itself: its exit status, and what it printed to both streams."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that it printed; errors last."""
        return f"{self.out}\n{self.err}".strip()


def package_folder(package: str, missing: str, install: str) -> Path:
    """The folder of the package that brings a tool, which is found without importing it.

    Args:
        package: the name it is imported by.
        missing: what is said where it is not there, before the command that installs it.
        install: that command.

    Raises:
        SDKMissing: it is not installed.
    """
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SDKMissing(f"{missing}: {install}", install=install)
    return Path(next(iter(found.submodule_search_locations)))


def run(
    words: Sequence[str],
    who: str,
    *,
    folder: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> Ended:
    """Run a tool in a folder, with nothing to read, until it ends.

    It stays in this process's group, so that it dies with the worker that started it.

    Args:
        words: the program and its arguments.
        who: what the user knows it as, at the start of a sentence.
        folder: where it runs.
        env: environment variables, over this process's.
        timeout_s: how long it may take; None where the caller's caller keeps the time.

    Raises:
        DeviceLost: a signal ended it, or it took too long.
        OSError: it cannot be started.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        # Files, not pipes: what it leaves running may hold on to them, and nobody waits for it.
        try:
            done = subprocess.run(
                words,
                cwd=folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            told = f"{who} did not end within {timeout_s:g} s and was ended"
            raise DeviceLost(told, timed_out=True, stderr=end_of(_read(err))) from error
        ended = Ended(done.returncode, _read(out), _read(err))
    if ended.status < 0:
        told = f"{who} was ended by {signal_name(-ended.status)}"
        raise DeviceLost(told, signal=-ended.status, stderr=_ends_of(ended.said) or None)
    return ended


def end_of(text: str) -> str:
    """The end of what a tool printed, which says why it failed."""
    text = text.strip()
    return text if len(text) <= KEPT else f"...{text[-KEPT:]}"


def _ends_of(text: str) -> str:
    """The beginning and the end: a crash is told before the stack that led to it, or after."""
    return text if len(text) <= 2 * KEPT else f"{text[:KEPT]}\n...\n{text[-KEPT:]}"


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")
