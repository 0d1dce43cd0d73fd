"""Five pretrained models built for devices, also for those that are not on this machine.

    python examples/engines.py measure tensorrt-rtx-sm80 tensorrt-rtx-sm120 --write engines.json
    python examples/engines.py show engines.json --write docs/tensorrt.md

The models are those of examples/pretrained.py. For each target it is told whether the device
predicts to take the model, how long building took, how large the saved program is and in which
share of the nodes its compiler names a place, or why there is no program.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hal_conformance.report.document import Marks, write_or_check
from hal_conformance.report.text import markdown, table
from pretrained import MODELS, Fetcher

import hal
from hal.device import Device
from hal.errors import HALError
from hal.paths import cache_folder

MARKS = Marks("<!-- engines:begin -->", "<!-- engines:end -->")
Row = dict[str, Any]


def measure(target: str, fetcher: Fetcher) -> Iterator[Row]:
    """A row a model; a target that cannot be opened has one row, with the reason."""
    try:
        device = hal.open(target, isolated=True)
    except HALError as error:
        yield {"target": target, "model": "", "error": f"{type(error).__name__}: {error}"}
        return
    with device:
        for wanted in MODELS:
            row = {"target": target, "model": wanted.name, "sdk": device.info.sdk}
            yield row | _built(device, fetcher.model(wanted))


def _built(device: Device, path: Path) -> Row:
    try:
        predicted = device.query(path).complete
        with device.compile(path) as exe:
            counts = exe.placement().counts()
            size = len(exe.save())
            seconds = exe.compile_seconds
    except HALError as error:
        return {"error": f"{type(error).__name__}: {error}"}
    facts = {"predicted": predicted, "bytes": size, "seconds": round(seconds, 2)}
    return facts | {"nodes": sum(counts.values()), "placed": counts["device"]}


def document(found: Mapping[str, Any]) -> str:
    """The measurement as a table."""
    rows = [_cells(row) for row in found["rows"]]
    head = [
        "model",
        "target",
        "predicted",
        "built in",
        "size",
        "nodes placed by its log",
    ]
    sdks = sorted({str(row["sdk"]) for row in found["rows"] if "sdk" in row})
    return f"{found['date']}, SDK {markdown(', '.join(sdks))}:\n\n" + table(head, rows, 3)


def _cells(row: Row) -> Sequence[str]:
    named = [markdown(row["model"]) or "any", markdown(row["target"])]
    if "error" in row:
        return [*named, markdown(row["error"]), "", "", ""]
    size = f"{row['bytes'] / 2**20:.1f} MiB"
    placed = f"{row['placed']} of {row['nodes']}"
    return [*named, "yes" if row["predicted"] else "no", f"{row['seconds']} s", size, placed]


def _kept(path: Path, rows: Iterable[Row]) -> None:
    found = {"date": datetime.now(UTC).date().isoformat(), "rows": list(rows)}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("targets", nargs="+")
    measuring.add_argument("--write", type=Path, required=True, metavar="FILE")
    measuring.add_argument("--folder", type=Path, default=cache_folder() / "pretrained")
    showing = commands.add_parser("show")
    showing.add_argument("file", type=Path)
    showing.add_argument("--write", type=Path, metavar="DOCUMENT")
    showing.add_argument("--check", type=Path, metavar="DOCUMENT")
    options = parser.parse_args(arguments)
    if options.command == "measure":
        fetcher = Fetcher(options.folder)
        _kept(
            options.write, (row for name in options.targets for row in measure(name, fetcher))
        )
        return 0
    found: Mapping[str, Any] = json.loads(options.file.read_text(encoding="utf-8"))
    return write_or_check(document(found), MARKS, options.write, options.check)


if __name__ == "__main__":
    sys.exit(main())
