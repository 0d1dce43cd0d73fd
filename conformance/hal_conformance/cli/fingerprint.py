"""`hal fingerprint`: signature and help text."""

from __future__ import annotations

from typing import Annotated

import typer

from hal.cli.options import DevicesOption, JsonOption

FINGERPRINT = """Tell what arithmetic a target computes in, from its answers to small probes.

How wide sums are kept and in which order they are added, what operands and intermediates are
rounded to, what becomes of subnormals, NaN and signed zeros, what casts do out of range, how
accurate functions are, which of equals is taken. Each fact has the models that show it and what
was seen (--long, --json); what cannot be told is "unknown", with the reason. One hash stands
for all facts; several targets are laid side by side.

\b
Examples:
  hal fingerprint openvino-default
  hal fingerprint onnxruntime:cpu --only 'subnormals.*' --long
  hal fingerprint openvino:cpu openvino-default --differences

\b
Exit codes:
  0  done
  2  wrong usage, or no such target
  3  no such device, adapter or SDK
  4  the device could not be opened"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fingerprint", help=FINGERPRINT)(fingerprint)


def fingerprint(
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET...", help="Where to ask.", show_default=False)
    ],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="GLOB", help="These facts; may be repeated."),
    ] = None,
    long: Annotated[
        bool, typer.Option("--long", help="With the probe and what was seen.")
    ] = False,
    differences: Annotated[
        bool, typer.Option("--differences", help="Only facts in which the targets differ.")
    ] = False,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `FINGERPRINT` is its text."""
    from hal_conformance.commands.fingerprint import Asked, run

    asked = Asked(
        targets=tuple(targets),
        only=tuple(only or ()),
        long=long,
        differences=differences,
        devices=tuple(devices or ()),
    )
    raise typer.Exit(run(asked, as_json=json))
