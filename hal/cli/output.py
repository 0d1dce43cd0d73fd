"""Where a command's results go: tables and lines for people, one JSON document for programs.

With `--json`, stdout carries the document and nothing else. Vendors print on file descriptor 1
from C, so `claim_stdout` points that descriptor at stderr, for good (what they leave in a C
buffer comes out when the process ends), and keeps a private one for us.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

_claimed: list[TextIO] = []


def claim_stdout() -> TextIO:
    """Keep stdout for us alone, from now on; returns the stream to it.

    Whatever else writes to descriptor 1 or `sys.stdout` afterwards lands on stderr. A second
    call returns the same stream.
    """
    if not _claimed:
        sys.stdout.flush()
        private = os.dup(1)
        os.dup2(2, 1)
        _claimed.append(os.fdopen(private, "w", encoding="utf-8"))
    return _claimed[0]


def stream() -> TextIO:
    """The stream to the real stdout."""
    return _claimed[0] if _claimed else sys.stdout


def flush() -> None:
    """Hand over what was written; raises BrokenPipeError where nobody reads."""
    stream().flush()


def emit_json(data: Mapping[str, Any]) -> None:
    """Write the document; numbers JSON lacks become "NaN", "Infinity", "-Infinity"."""
    target = claim_stdout()
    json.dump(jsonable(data), target, indent=2, allow_nan=False, ensure_ascii=False)
    target.write("\n")
    target.flush()


def jsonable(value: Any) -> Any:
    """The same data, with the numbers JSON lacks as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # any JSON-like value
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # any JSON-like value
    return value


def line(text: str = "") -> None:
    """One line for people."""
    print(printable(text), file=stream())


def note(text: str) -> None:
    """One line beside the results, on stderr."""
    print(printable(text), file=sys.stderr)


def printable(text: str, *, keep: str = "") -> str:
    """The text without control characters, which a terminal would obey."""
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode()
        for char in text
    )


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()
) -> None:
    """Rows under headings; `numbers` names the columns to align to the right.

    On a terminal the table fits its width; elsewhere it is aligned text, never cut or wrapped.
    """
    cleaned = [[printable(cell) for cell in row] for row in rows]
    right = [column in numbers for column in columns]
    if stream().isatty():
        _rich_table(columns, cleaned, right)
    else:
        _plain_table(columns, cleaned, right)


def _plain_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]
) -> None:
    everything = [list(columns), *rows]
    widths = [max(len(row[i]) for row in everything) for i in range(len(columns))]
    for row in everything:
        cells = (
            cell.rjust(width) if aligned else cell.ljust(width)
            for cell, width, aligned in zip(row, widths, right, strict=True)
        )
        print("  ".join(cells).rstrip(), file=stream())


def _rich_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, aligned in zip(columns, right, strict=True):
        drawn.add_column(Text(name), justify="right" if aligned else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))  # Text: a model's "[red]" is no markup
    Console(file=stream()).print(drawn)


def human_bytes(count: float) -> str:
    """A size as people say it: "3.4 MiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable: the last unit takes every size")


def human_seconds(seconds: float) -> str:
    """A duration as people say it: "24.1 us", "3.02 ms", "1.20 s"."""
    for factor, unit in ((1e6, "us"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.2f} s"
