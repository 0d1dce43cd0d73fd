"""The command that runs a case again."""

from __future__ import annotations

import shlex

from hal_conformance.records import CaseRecord


def repro_line(record: CaseRecord) -> str:
    """The command that runs this case again, quoted for a shell."""
    return f"hal repro {shlex.quote(record.case)} -d {shlex.quote(record.target)}"
