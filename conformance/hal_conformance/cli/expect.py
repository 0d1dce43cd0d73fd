"""`hal expect`: signature and help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import JsonOption

EXPECT = """Known outcomes: expectations.toml beside an adapter or a devices.yaml."""

UPDATE = """Write the expectations that would make a run expected, for review.

What still holds is kept to the letter, with its comments; what holds no longer is commented
out; new entries group failures, and begin their cause with "seen: " until it has been found.

\b
Examples:
  hal expect update results                          print it
  hal expect update results -o expectations.toml     update that file

\b
Exit codes:
  0  done
  2  wrong usage, no results there, or a mistake in the file"""


def register(app: typer.Typer) -> None:
    """Add the group."""
    expect = typer.Typer(help=EXPECT, rich_markup_mode=None)
    expect.callback()(_expect)
    expect.command("update", help=UPDATE)(update)
    app.add_typer(expect, name="expect")


def _expect() -> None:
    """A group with one command is otherwise taken for that command."""


def update(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A results folder.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Update this file."),
    ] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option("-t", "--target", metavar="TARGET", help="Only these targets."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `UPDATE` is its text."""
    from hal_conformance.commands.expect import run

    raise typer.Exit(run(results, out, targets, as_json=json))
