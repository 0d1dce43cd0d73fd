"""`hal vendors`: the makers of hardware, and the path by which ONNX reaches their devices."""

from __future__ import annotations

from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from hal.cli import output
from hal.cli.options import JsonOption

if TYPE_CHECKING:
    from hal.vendors import Maker

HELP = """List hardware makers, and the path by which an ONNX model reaches their devices.

Each path says what to name as a device, what it needs, and who has seen it work: verified here
(on the device, with a committed results file), runs in a simulator, compiles here, or declared
(by its maker; nobody here has tried).

\b
Examples:
  hal vendors
  hal vendors qualcomm rockchip       what these need, in full
  hal vendors --status simulator
  hal vendors --json

\b
Exit codes:
  0  done
  2  no such maker, or wrong usage"""


class StatusChoice(str, Enum):  # noqa: UP042  typer shows the values of a str enumeration
    """Who has seen a path work."""

    VERIFIED = "verified"
    SIMULATOR = "simulator"
    COMPILES = "compiles"
    DECLARED = "declared"


def command(
    makers: Annotated[
        list[str] | None, typer.Argument(metavar="[MAKER]...", help="Only these makers.")
    ] = None,
    status: Annotated[
        StatusChoice | None, typer.Option("--status", help="Only paths of that status.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `HELP` is its text."""
    found = _chosen(makers or [], status.value if status else None)
    if json:
        output.emit_json({"makers": [maker.model_dump(mode="json") for maker in found]})
    elif makers:
        for maker in found:
            _print_whole(maker)
    else:
        _print_table(found)


def _chosen(names: list[str], status: str | None) -> list[Maker]:
    from hal.vendors import load

    known = {maker.name.lower(): maker for maker in load().makers}
    wanted = [known[_key(name, list(known))] for name in names] or list(known.values())
    kept = [
        maker.model_copy(
            update={"paths": [path for path in maker.paths if status in (None, path.status)]}
        )
        for maker in wanted
    ]
    return [maker for maker in kept if maker.paths]


def _key(name: str, known: list[str]) -> str:
    from hal.errors import InputError

    asked = name.lower()
    inside = [key for key in known if asked in key]
    if asked in known or len(inside) == 1:
        return asked if asked in known else inside[0]
    near = inside or get_close_matches(asked, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise InputError(f"the catalogue has no maker {name!r}{hint} `hal vendors` lists them")


def _print_table(makers: list[Maker]) -> None:
    rows = [
        [maker.name if first else "", ", ".join(path.devices), path.use, path.seen]
        for maker in makers
        for first, path in zip([True, *[False] * len(maker.paths)], maker.paths, strict=False)
    ]
    output.table(["MAKER", "DEVICES", "USE", "STATUS"], rows)
    output.line()
    output.line(
        f"{len(makers)} makers, {len(rows)} paths; `hal vendors MAKER` says what is needed"
    )


def _print_whole(maker: Maker) -> None:
    output.line(maker.name)
    for path in maker.paths:
        seen = path.evidence
        for label, text in (
            ("devices", ", ".join(path.devices)),
            ("through", path.through),
            ("use", path.use),
            ("needs", path.needs),
            ("status", path.seen),
            ("results", f"docs/results/{seen.results}, {seen.target}" if seen else ""),
            ("source", path.source or ""),
        ):
            if text:
                output.line(f"  {label + ':':<9}{text}")
        output.line()
