"""Which named targets are on this machine: each is opened once, in a worker of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hal
from hal import targets
from hal.cli import output
from hal.errors import HALError, InputError
from hal.targets import Target
from hal_conformance.making import cores


def targets_here(files: Sequence[Path]) -> tuple[str, ...]:
    """The targets of devices.yaml that open, by name; of the others it says why not.

    Args:
        files: devices.yaml files to read on top of the shipped one.

    Raises:
        InputError: a file is wrong, or none opens.
    """
    named = targets.all(files)
    with ThreadPoolExecutor(cores()) as threads:
        answers = dict(zip(named, threads.map(_missing, named.values()), strict=True))
    for name, reason in answers.items():
        if reason:
            output.note(f"hal: {name} is left out: {reason}")
    found = tuple(name for name, reason in answers.items() if not reason)
    if not found:
        raise InputError(
            "no named target is on this machine; `hal devices` says what is missing"
        )
    return found


def _missing(target: Target) -> str:
    """Why the target cannot be opened; nothing where it can."""
    try:
        hal.open(target, isolated=True).close()
    except HALError as error:
        return error.message
    return ""
