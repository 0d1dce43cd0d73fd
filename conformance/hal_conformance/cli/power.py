"""`hal power`: signatures and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

POWER = """Measure what the suites find: faults planted in a device that is otherwise correct.

Each fault is put into each operator that can have it; the generated cases, the soak suite's
repeats and the standard's own cases are asked whether they notice (docs/power.md)."""

RUN = """Try every fault in every operator.

Writes a line an operator as it is done; goes on where FILE ends. No device is needed.

\b
Examples:
  hal power run
  hal power run Conv Gemm -o conv.jsonl
  hal power run -j 8 -o power.jsonl

\b
Exit codes:
  0  done, whatever was found
  2  no such operator, or FILE is something else"""

TABLE = """Print the tables of a campaign, or put them into a document that has the marks.

\b
Examples:
  hal power table power.jsonl
  hal power table docs/results/power-2026-11-26.jsonl.gz --write docs/power.md

\b
Exit codes:
  0  done
  2  no such results, or no marks in the document"""

PACK = """Sort and compress the results of a campaign: the same campaign, the same bytes.

\b
Examples:
  hal power pack power.jsonl -o docs/results/power-2026-11-26.jsonl.gz

\b
Exit codes:
  0  done
  2  no such results"""

ResultsArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="What `hal power run` wrote, packed or not.")
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    power = typer.Typer(help=POWER, rich_markup_mode=None, no_args_is_help=True)
    power.command("run", help=RUN)(run)
    power.command("table", help=TABLE)(table)
    power.command("pack", help=PACK)(pack)
    app.add_typer(power, name="power")


def run(
    operators: Annotated[
        list[str] | None,
        typer.Argument(metavar="[OPERATOR]...", help="Only these.", show_default=False),
    ] = None,
    out: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Lines of JSON.")
    ] = Path("power.jsonl"),
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Processes.")] = 2,
) -> None:
    """The command; `RUN` is its text."""
    from hal_conformance.commands import power

    raise typer.Exit(power.run(tuple(operators or ()), out, jobs))


def table(
    results: ResultsArgument,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DOCUMENT", help="Where to put them."),
    ] = None,
) -> None:
    """The command; `TABLE` is its text."""
    from hal_conformance.commands import power

    raise typer.Exit(power.table(results, write))


def pack(
    results: ResultsArgument,
    out: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="A .jsonl.gz.")],
) -> None:
    """The command; `PACK` is its text."""
    from hal_conformance.commands import power

    raise typer.Exit(power.pack(results, out))
