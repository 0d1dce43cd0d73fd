"""What was built for devices that are not here, as a table: a row a case, a column a target.

python -m hal_conformance.report.compiled RESULTS... --write docs/tensorrt.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hal.errors import InputError
from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report.document import Marks, write_or_check
from hal_conformance.report.text import code, first_line, markdown, table
from hal_conformance.results import Results, read

MARKS = Marks("<!-- compiled:begin -->", "<!-- compiled:end -->")


def document(results: Results) -> str:
    """How long each case took to build, or why it was not."""
    targets = [target.target for target in results.header.targets]
    records = {(record.case, record.target): record for record in results.records}
    cases = dict.fromkeys(record.case for record in results.records)
    rows = [
        [code(case), *(_cell(records.get((case, target))) for target in targets)]
        for case in cases
    ]
    sdks = sorted({str(t.identity.get("sdk")) for t in results.header.targets})
    head = f"{results.header.started[:10]}, SDK {markdown(', '.join(sdks))}:\n\n"
    return head + table(["case", *map(markdown, targets)], rows)


def _cell(record: CaseRecord | None) -> str:
    if record is None:
        return ""
    if record.outcome is Outcome.COMPILED:
        seconds = next((a.compile_s for a in record.attempts if a.compile_s is not None), None)
        return "built" if seconds is None else f"built in {seconds:.1f} s"
    return markdown(f"{record.outcome.value} {first_line(record.reason, 120)}".strip())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hal_conformance.report.compiled")
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    parser.add_argument("--check", type=Path, metavar="DOCUMENT")
    options = parser.parse_args(arguments)
    try:
        text = "\n".join(document(read(folder)) for folder in options.results)
        return write_or_check(text, MARKS, options.write, options.check)
    except (InputError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
