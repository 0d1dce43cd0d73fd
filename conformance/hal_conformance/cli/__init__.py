"""The commands this package adds to `hal`, a module each: signatures and help texts.

What they do is in `hal_conformance.commands`, imported when one of them runs.
"""

from __future__ import annotations

import typer

from hal_conformance.cli import (
    conform,
    corpus,
    expect,
    fingerprint,
    judge,
    locate,
    power,
    profiles,
    report,
    repro,
)

_MODULES = (conform, judge, report, repro, expect, corpus, fingerprint, locate, profiles, power)


def register(app: typer.Typer) -> None:
    """Add the commands to `hal`; called through the entry point group `hal.commands`."""
    for module in _MODULES:
        module.register(app)
