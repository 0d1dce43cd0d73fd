"""`hal corpus`: signatures and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import JsonOption

CORPUS = """The generated cases: what is in them, and what of the standard they cover."""

STATS = """Print what of the standard the generated cases cover, beside onnx's own suite.

Pairs are (operator, version) valid at opset 7 or later; triples are (operator, type parameter,
type) at the newest version; attributes count where set to something other than their default.
What no case covers is listed, with the reason. Takes some ten seconds.

\b
Examples:
  hal corpus stats
  hal corpus stats --json

\b
Exit codes:
  0  done
  2  wrong usage, or another version of onnx is installed"""

LIST = """List the generated cases.

\b
Examples:
  hal corpus list -k 'ops/Conv/*'
  hal corpus list -k '*/bfloat16/every' --json

\b
Exit codes:
  0  done
  2  wrong usage"""


def register(app: typer.Typer) -> None:
    """Add the group."""
    corpus = typer.Typer(help=CORPUS, rich_markup_mode=None)
    corpus.command("stats", help=STATS)(corpus_stats)
    corpus.command("list", help=LIST)(corpus_list)
    app.add_typer(corpus, name="corpus")


def corpus_stats(
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Where to keep the standard's cases."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `STATS` is its text."""
    from hal_conformance.commands.corpus import stats

    raise typer.Exit(stats(cache, as_json=json))


def corpus_list(
    pattern: Annotated[
        str | None,
        typer.Option("-k", metavar="GLOB", help="Only cases whose id matches, or contains it."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `LIST` is its text."""
    from hal_conformance.commands.corpus import listed

    raise typer.Exit(listed(pattern, as_json=json))
