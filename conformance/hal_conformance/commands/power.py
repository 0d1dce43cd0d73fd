"""`hal power`: what the suites find of faults that were planted."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hal.cli import failures
from hal.errors import InputError
from hal_conformance.power import campaign, results
from hal_conformance.power import table as tables
from hal_conformance.power.fault import operators


def run(names: Sequence[str], out: Path, jobs: int) -> int:
    """Try every fault in these operators, or in all; go on where the file ends.

    Returns:
        The exit code.
    """
    every = [operator.name for operator in operators()]
    unknown = sorted(set(names) - set(every))
    if unknown:
        raise InputError(f"no operator {', '.join(unknown)}; say Conv, or ai.onnx.ml/Scaler")
    done = _done(out)
    if done is None:
        done = set[str]()
        out.write_text(json.dumps(results.header()) + "\n", "utf-8")
    left = [name for name in names or every if name not in done]
    started = time.perf_counter()
    with out.open("a", encoding="utf-8") as file:
        for number, (name, pairs) in enumerate(campaign.run(left, jobs), 1):
            file.write(results.line_of(name, pairs) + "\n")
            file.flush()
            count = tables.counted(pairs)
            seconds = time.perf_counter() - started
            found = f"{100 * tables.share(count):.1f} % of {len(count)} found"
            print(f"{number}/{len(left)} {name}: {found}; {seconds:.0f} s", file=sys.stderr)
    return failures.OK


def _done(path: Path) -> set[str] | None:
    """Which operators a file has; None where there is no file."""
    if not path.exists():
        return None
    return {pair.operator for pair in results.read(path).pairs}


def table(path: Path, document: Path | None) -> int:
    """Print the tables, or put them into a document.

    Returns:
        The exit code.
    """
    found = results.read(path)
    if document is None:
        print(tables.text(found))
    else:
        tables.write(found, document)
    return failures.OK


def pack(path: Path, to: Path) -> int:
    """Sort and compress results.

    Returns:
        The exit code.
    """
    results.read(path)
    results.pack(path, to)
    return failures.OK
