"""`hal judge`: signature and help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import JsonOption
from hal_conformance.cli.options import CacheOption, GateOption, ResultsOption

JUDGE = """Judge outputs that were made elsewhere, by any means.

ANSWERS has a folder a case, named as in the bundle that `hal corpus export` wrote, with
test_data_set_N/output_K.pb, output_K.npy or outputs.json; where there is no output, status.txt
says why: refused, failed, crashed 11, hung or out-of-memory, the reason on the next lines.
run.json there may say whose answers these are: {"target": "acme-7", "sdk": "2.1"}; options here
go before it. Records, results folder and reports are those of `hal conform`. docs/offline.md
has the formats.

\b
Examples:
  hal judge answers --bundle bundle --target acme-7 --sdk 2.1 --arithmetic fp16
  hal judge answers --bundle bundle -o results --gate --json

\b
Exit codes:
  0  every answer is judged (with --gate: and nothing stands in the way)
  1  with --gate: an outcome is unexpected, or an expectation is stale or expired
  2  wrong usage or input
  4  the suite itself failed"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("judge", help=JUDGE)(judge)


def judge(
    answers: Annotated[Path, typer.Argument(metavar="ANSWERS", help="What was handed in.")],
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="DIR", help="What was asked; default: ANSWERS."),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="NAME", help="What reports call it.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="What its maker calls it.")
    ] = None,
    vendor: Annotated[
        str | None, typer.Option("--vendor", metavar="NAME", help="Its maker.")
    ] = None,
    sdk: Annotated[
        str | None, typer.Option("--sdk", metavar="VERSION", help="Its SDK's version.")
    ] = None,
    driver: Annotated[
        str | None, typer.Option("--driver", metavar="VERSION", help="Its driver's version.")
    ] = None,
    arithmetic: Annotated[
        str | None,
        typer.Option("--arithmetic", metavar="NAME", help="What it is said to compute in."),
    ] = None,
    expectations: Annotated[
        list[Path] | None,
        typer.Option("--expectations", metavar="FILE", help="Known outcomes; repeatable."),
    ] = None,
    gate: GateOption = False,
    folder: ResultsOption = None,
    cache: CacheOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `JUDGE` is its text."""
    from hal_conformance.commands.judge import Asked, run

    said = {
        "target": target,
        "device": device,
        "vendor": vendor,
        "sdk": sdk,
        "driver": driver,
        "arithmetic": arithmetic,
    }
    asked = Asked(
        answers=answers,
        bundle=bundle,
        said=said,
        expectations=tuple(expectations or ()),
        gate=gate,
        folder=folder,
        cache=cache,
    )
    raise typer.Exit(run(asked, as_json=json))
