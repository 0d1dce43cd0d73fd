"""`hal report`: signature and help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import JsonOption

REPORT = """Write the reports of results folders anew, merge shards, compare runs.

One folder: junit.xml, report.md, report.html and findings.json are written into it. Shards of
one run: merged into -o, and reported there. Several runs: laid side by side in comparison.html
and comparison.md, in -o or here.

\b
Examples:
  hal report results
  hal report shard1 shard2 shard3 -o whole
  hal report yesterday today -o difference

\b
Exit codes:
  0  done
  2  wrong usage, no results there, or results that do not belong together"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report", help=REPORT)(report)


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results folders.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `REPORT` is its text."""
    from hal_conformance.commands.report import run

    raise typer.Exit(run(folders, out, as_json=json))
