"""Arguments and options that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ModelArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="MODEL", help="An .onnx file; its weights may lie beside it.")
]

DevicesOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--devices",
        metavar="FILE",
        help="A devices.yaml to read on top of the shipped one; may be repeated. "
        "Default: ./devices.yaml, where there is one.",
    ),
]

JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else.")
]

DimOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--dim",
        metavar="NAME=N",
        help="The length of a symbolic dimension; may be repeated. "
        "In random inputs every other unknown length is 1.",
    ),
]

SeedOption: TypeAlias = Annotated[
    int,
    typer.Option("--seed", min=0, help="For random inputs; the same seed, the same values."),
]

InputOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-i",
        "--input",
        metavar="NAME=FILE.npy",
        help="NAME=FILE.npy, NAME=1.5 for a number everywhere, NAME=random[:2x3], or random "
        "for every input not named; may be repeated. Default: random.",
    ),
]

TimeoutOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0.001,
        metavar="S",
        help="How long compiling and running may take. Default: the target's own limits.",
    ),
]
