"""`hal locate`: signature and help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import (
    DevicesOption,
    DimOption,
    InputOption,
    JsonOption,
    ModelArgument,
    SeedOption,
)

LOCATE = """Find where inside a model a device goes wrong.

Every node, and every segment between residual additions or normalisations, is run on the device
as a model of its own, on the inputs the device itself had computed. Nodes are judged by sound
bounds, segments by typical ones (docs/numerics.md). Extracted parts are compiled otherwise than
the whole: what is found is evidence, and no verdict until the operator's own cases confirm it;
--results names those that fail. -o writes the worst node with its inputs.

\b
Examples:
  hal locate model.onnx -d openvino-default -i data=cat.npy
  hal locate model.onnx -d acme:0 -i random --dim batch=1 -o worst
  hal locate model.onnx -d acme:0 --nodes-only --results results

\b
Exit codes:
  0  every part that was judged lies within its bound
  1  some do not
  2  wrong usage or input
  3  no such device, adapter or SDK
  4  the run itself broke"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("locate", help=LOCATE)(locate)


def locate(
    model: ModelArgument,
    target: Annotated[
        str, typer.Option("-d", "--device", metavar="TARGET", help="Where to run.")
    ],
    inputs: InputOption = None,
    dims: DimOption = None,
    seed: SeedOption = 0,
    nodes_only: Annotated[
        bool, typer.Option("--nodes-only", help="No segments: they take most of the time.")
    ] = False,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", metavar="DIR", help="Results that may confirm what is found."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where to write the worst node."),
    ] = None,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `LOCATE` is its text."""
    from hal.cli.feeds import Plan
    from hal_conformance.commands.locate import Asked, run

    asked = Asked(
        model=model,
        target=target,
        plan=Plan.parse(inputs or [], dims or [], seed),
        segments=not nodes_only,
        results=results,
        folder=folder,
        devices=tuple(devices or ()),
    )
    raise typer.Exit(run(asked, as_json=json))
