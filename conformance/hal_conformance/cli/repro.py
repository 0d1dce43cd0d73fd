"""`hal repro`: signature and help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import DevicesOption, JsonOption
from hal_conformance.cli.options import CacheOption

REPRO = """Take one case apart: a folder that shows its failure without this package.

The folder holds the model, its inputs, what is expected and what was got, a short script that
needs the vendor's package alone, the environment, and a README. --in-process runs the case here
instead, under your debugger, without a worker. --history finds, in a results folder, the
smallest set of cases that must run before this one for it to fail.

\b
Examples:
  hal repro onnx/node/test_conv_with_strides_padding -d openvino:cpu
  hal repro onnx/node/test_gru_defaults -d acme:0 --history --from results
  python -m pdb -m hal repro onnx/node/test_gru_defaults -d acme:0 --in-process

\b
Exit codes:
  0  done: the case does not pass, and the folder shows it
  1  the case passes
  2  wrong usage, or no such case
  3  no such device, adapter or SDK
  4  the run itself broke"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("repro", help=REPRO)(repro)


def repro(
    case: Annotated[str, typer.Argument(metavar="CASE", help="The id of a case.")],
    target: Annotated[
        str, typer.Option("-d", "--device", metavar="TARGET", help="Where to run it.")
    ],
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Default: repro-CASE-TARGET."),
    ] = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Run it here, under your debugger.")
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Find what must run before it; needs --from.")
    ] = False,
    results: Annotated[
        Path | None,
        typer.Option("--from", metavar="RESULTS", help="The results that hold its history."),
    ] = None,
    cache: CacheOption = None,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `REPRO` is its text."""
    from hal_conformance.commands.repro import Asked, run

    asked = Asked(
        case=case,
        target=target,
        folder=folder,
        in_process=in_process,
        history=history,
        results=results,
        cache=cache,
        devices=tuple(devices or ()),
    )
    raise typer.Exit(run(asked, as_json=json))
