"""`hal profiles`: signatures and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import JsonOption

PROFILES = """Declared scopes: what must be right, what may be, and in which arithmetic.

`hal conform TARGET --profile NAME` runs one and gives a verdict on each of its parts. Without a
command, lists those that are shipped.

\b
Examples:
  hal profiles
  hal profiles show fp32
  hal profiles verdict fp32 results

\b
Exit codes:
  0  done
  2  wrong usage, or no such profile"""

SHOW = """Tell what is in a profile: its parts, why they are there, and their cases.

\b
Examples:
  hal profiles show int8
  hal profiles show ./ours.toml --json
  hal profiles show edge --cases mandatory

\b
Exit codes:
  0  done
  2  wrong usage, no such profile, or a mistake in its file"""

VERDICT = """Judge the results of a run by a profile, part by part.

The run must have judged by the profile's arithmetic; cases outside the profile are passed over.

\b
Examples:
  hal profiles verdict fp32 hal-results/2026-11-25-120000

\b
Exit codes:
  0  every target is conformant
  1  some target is not, or not all of the profile was run
  2  wrong usage, no such profile, no results there, or of another arithmetic"""


def register(app: typer.Typer) -> None:
    """Add the group."""
    profiles = typer.Typer(help=PROFILES, rich_markup_mode=None, invoke_without_command=True)
    profiles.callback()(listed)
    profiles.command("show", help=SHOW)(show)
    profiles.command("verdict", help=VERDICT)(verdict)
    app.add_typer(profiles, name="profiles")


def listed(context: typer.Context, json: JsonOption = False) -> None:
    """The group itself; `PROFILES` is its text."""
    if context.invoked_subcommand is None:
        from hal_conformance.commands import profiles

        raise typer.Exit(profiles.run_list(as_json=json))


def show(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A profile.")],
    cases: Annotated[
        str | None,
        typer.Option("--cases", metavar="PART", help="List cases: a part's, or a tier's."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `SHOW` is its text."""
    from hal_conformance.commands import profiles

    raise typer.Exit(profiles.run_show(name, cases, as_json=json))


def verdict(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A profile.")],
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A results folder.")],
    json: JsonOption = False,
) -> None:
    """The command; `VERDICT` is its text."""
    from hal_conformance.commands import profiles

    raise typer.Exit(profiles.run_verdict(name, results, as_json=json))
