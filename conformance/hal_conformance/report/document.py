"""The region of a document that is written from results, between two comments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hal.errors import InputError
from hal_conformance.garbage import uncollected
from hal_conformance.report.summary import Summary, summarise
from hal_conformance.results import read, replace


@dataclass(frozen=True, slots=True)
class Marks:
    """The comments around the region."""

    begin: str
    end: str


def insert(document: str, content: str, marks: Marks) -> str:
    """The document with `content` between its marks.

    Raises:
        InputError: the marks are missing, or there are several.
    """
    if document.count(marks.begin) != 1 or document.count(marks.end) != 1:
        raise InputError(
            f"the document needs one line {marks.begin} and, after it, one line {marks.end}"
        )
    before, rest = document.split(marks.begin)
    if marks.end not in rest:
        raise InputError(f"{marks.end} stands before {marks.begin}")
    return f"{before}{marks.begin}\n{content}{marks.end}{rest.split(marks.end)[1]}"


def write_or_check(content: str, marks: Marks, write: Path | None, check: Path | None) -> int:
    """Print the content, or write it, or say whether the document has it; the exit status."""
    document = write or check
    if document is None:
        sys.stdout.write(content)
        return 0
    text = document.read_text(encoding="utf-8")
    wanted = insert(text, content, marks)
    if check and wanted != text:
        sys.stderr.write(f"{document} is not what the results say: run again with --write\n")
        return 1
    if write:
        replace(document, wanted.encode("utf-8"))
    return 0


@dataclass(frozen=True, slots=True)
class Region:
    """A region that is made from runs alone; `empty` is a document that holds nothing yet."""

    prog: str
    about: str | None
    marks: Marks
    render: Callable[[Sequence[Summary]], str]
    empty: str | None = None

    def main(self, arguments: Sequence[str] | None) -> int:
        """The command that makes it; returns its exit status."""
        given = self._parsed(arguments)
        try:
            if self.empty and given.write and not given.write.exists():
                given.write.write_text(self.empty, encoding="utf-8")
            with uncollected():
                content = self.render([summarise(read(path)) for path in sorted(given.results)])
            return write_or_check(content, self.marks, given.write, given.check)
        except (InputError, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return 2

    def _parsed(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog=self.prog, description=self.about)
        parser.add_argument("results", nargs="+", type=Path, help="results folders, any order")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--write", type=Path, metavar="FILE", help="rewrite the region")
        what.add_argument("--check", type=Path, metavar="FILE", help="exit 1 unless current")
        return parser.parse_args(arguments)
