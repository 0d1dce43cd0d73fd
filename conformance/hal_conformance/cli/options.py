"""Options that several of the commands here share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

PatternOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-k",
        metavar="GLOB",
        help="Only cases whose id matches, or contains it; may be repeated for more.",
    ),
]

SampleOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--sample", min=1, metavar="N", help="Only N of them, always the same."),
]

GateOption: TypeAlias = Annotated[
    bool, typer.Option("--gate", help="Fail on what is unexpected, stale or expired.")
]

ResultsOption: TypeAlias = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="DIR", help="The results folder.")
]

CacheOption: TypeAlias = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Where to keep the cases.")
]
