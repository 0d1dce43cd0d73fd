"""`hal new-adapter`: the beginning of a vendor's own distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli import output

HELP = """Write a package with an adapter of your own, to be made yours.

It is a distribution of its own: pyproject.toml, the adapter, expectations, tests, a CI workflow
and a devices.yaml. Its device is a null device, which passes the contract suite as it stands.

\b
Examples:
  hal new-adapter acme
  hal new-adapter acme_npu -o work/acme

\b
Exit codes:
  0  written
  2  no such name can be used, or something lies in the folder"""


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The adapter's name, as in acme:0.")
    ],
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where; default: hal-NAME."),
    ] = None,
) -> None:
    """The command; `HELP` is its text."""
    from hal import scaffold

    names = scaffold.names_of(name)
    place = folder or Path(names.distribution)
    for path in scaffold.write(names, place):
        output.line(str(path))
    output.line()
    output.line(f"next: pip install -e '{place}[test]'")
    output.line(f"      hal conform {name}:0 --suite api")
    output.line(f"      {place}/README.md says how to make it yours")
