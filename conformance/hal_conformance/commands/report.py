"""`hal report`: reports of one folder, a merge of shards, or runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hal.cli import failures, output


def run(folders: Sequence[Path], out: Path | None, *, as_json: bool) -> int:
    """Write the reports and say where.

    Returns:
        The exit code.
    """
    from hal_conformance.garbage import uncollected
    from hal_conformance.report.comparison import report

    with uncollected():
        written = report(folders, out)
    if as_json:
        output.emit_json({"written": [str(path) for path in written]})
    else:
        for path in written:
            output.line(str(path))
    return failures.OK
