"""`hal expect update`: the expectations that would make a run expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hal.cli import failures, output


def run(folder: Path, out: Path | None, targets: Sequence[str] | None, *, as_json: bool) -> int:
    """Print the new text, or update the file `out` with it.

    Returns:
        The exit code.
    """
    from hal_conformance.garbage import uncollected
    from hal_conformance.proposals import propose
    from hal_conformance.results import read, replace

    existing = out.read_text(encoding="utf-8") if out and out.exists() else ""
    with uncollected():
        proposal = propose(read(folder), existing, targets)
    if out is not None:
        replace(out, proposal.text.encode("utf-8"))
    counts = {
        "kept": proposal.kept,
        "changed": proposal.changed,
        "removed": proposal.removed,
        "added": proposal.added,
    }
    if as_json:
        output.emit_json({"file": str(out) if out else None, "text": proposal.text, **counts})
        return failures.OK
    if out is None:
        for line in proposal.text.rstrip().splitlines():
            output.line(line)
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    output.note(f"{out or 'not written (no -o)'}: entries {told}")
    return failures.OK
