"""What a campaign writes down: one line of JSON an operator, after a line about the whole.

    {"format": "power/1", "date": "2026-11-25", "onnx": "1.23.2", "faults": 1244, ...}
    {"operator": "Conv", "pairs": [["axis/next", "wrong axis", "case", "", "ops/..."], ...]}

A pair is fault, family, witness ("" where none was found), the standard's case that finds it,
and ours ("" where none does). The file may be packed with gzip.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import onnx

from hal.errors import InputError
from hal_conformance.power.campaign import FRESH, Pair
from hal_conformance.power.catalogue import faults
from hal_conformance.power.trials import REPEATS

FORMAT = "power/1"


@dataclass(frozen=True)
class Results:
    """A campaign: what it was, and its pairs."""

    header: dict[str, Any]
    pairs: Sequence[Pair]


def header() -> dict[str, Any]:
    """The first line."""
    return {
        "format": FORMAT,
        "date": date.today().isoformat(),
        "onnx": onnx.__version__,
        "faults": len(faults()),
        "families": len({fault.family for fault in faults()}),
        "fresh": FRESH,
        "repeats": REPEATS,
    }


def line_of(operator: str, pairs: Iterable[Pair]) -> str:
    """The line of an operator."""
    rows = [[p.fault, p.family, p.witness, p.standard, p.ours] for p in pairs]
    return json.dumps({"operator": operator, "pairs": rows}, ensure_ascii=False)


def read(path: Path) -> Results:
    """A file of results.

    Raises:
        InputError: it is none, or there is none.
    """
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        read: list[Any] = [json.loads(line) for line in text.splitlines() if line]
        first, *lines = read
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} has no lines of JSON: {error}") from error
    if "format" not in first or first["format"] != FORMAT:
        raise InputError(f"{path} is not of the format {FORMAT}")
    pairs = [
        Pair(fault, family, line["operator"], ours, found, witness)
        for line in lines
        for fault, family, witness, found, ours in line["pairs"]
    ]
    return Results(first, sorted(pairs, key=lambda pair: (pair.operator, pair.fault)))


def pack(path: Path, to: Path) -> None:
    """The same results, operators sorted, packed: always the same bytes."""
    first, *lines = path.read_text("utf-8").splitlines()
    lines.sort(key=lambda line: json.loads(line)["operator"])
    content = "\n".join([first, *lines]) + "\n"
    to.write_bytes(gzip.compress(content.encode(), mtime=0))
