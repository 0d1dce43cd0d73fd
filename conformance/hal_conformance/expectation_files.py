"""Reads `expectations.toml`: every mistake with file, line and the nearest valid word.

`load` is for the runner (paths in, `Expectations` out); `parse` and `blocks` work on text, for
those who rewrite a file without losing its comments.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from hal.errors import InputError
from hal_conformance.expectations import Entry, Expectation, Expectations
from hal_conformance.records import Outcome

SCHEMA = 1
_HEADING = re.compile(r"^\s*\[\[\s*expect\s*\]\]\s*(#.*)?$")
_QUOTES = re.compile(r'"""|\'\'\'')


@dataclass(frozen=True, slots=True)
class Block:
    """The text of one entry with the comments above it; `line` is that of its heading."""

    comments: tuple[str, ...]
    lines: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        """The entry as it stands in the file."""
        return self.remarks + "\n".join(self.lines) + "\n"

    @property
    def remarks(self) -> str:
        """The comments above it, without blank lines before them."""
        text = "".join(f"{line}\n" for line in self.comments).lstrip("\n")
        return text if text.strip() else ""


def load(paths: Iterable[Path]) -> Expectations:
    """Read files in order; a later one overrides an earlier one.

    Raises:
        InputError: a file is missing or holds a mistake; says where and what would be right.
    """
    entries: list[Entry] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot read expectations {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 text: {error.reason}") from error
        entries.extend(parse(text, path).entries)
    return Expectations(tuple(entries))


def parse(text: str, path: Path | None = None) -> Expectations:
    """Parse one file's text; `path` is for messages and precedence."""
    name = str(path) if path else "expectations"
    try:
        data: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        where = f"{name}:{found.group(1)}" if found else name
        raise InputError(f"{where}: not TOML: {error}") from error
    _check_top(data, name, text)
    tables = _tables(data, name)
    lines = _heading_lines(text, len(tables))
    entries: list[Entry] = []
    for table, line in zip(tables, lines, strict=True):
        entries.append(Entry(_expectation(table, name, text, line), path, line))
    return Expectations(tuple(entries))


def blocks(text: str) -> tuple[str, list[Block], str]:
    """The text before the first entry, each entry with its comments, the text after the last.

    Comments between two entries belong to the second; those above the first belong to it as far
    as no blank line stands between.
    """
    lines = text.splitlines()
    heads = _headings(lines)
    if not heads:
        return _tidy(lines), [], ""
    start = heads[0]
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    preamble = _tidy(lines[:start])
    found: list[Block] = []
    for head, following in zip(heads, [*heads[1:], len(lines)], strict=True):
        end = following
        while _is_comment(lines[end - 1]):
            end -= 1
        found.append(Block(tuple(lines[start:head]), tuple(lines[head:end]), head + 1))
        start = end
    return preamble, found, _tidy(lines[start:])


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _tidy(lines: list[str]) -> str:
    text = "\n".join(lines).strip("\n")
    return text + "\n" if text else ""


def _headings(lines: list[str]) -> list[int]:
    """Indexes of the `[[expect]]` lines, those inside multi-line strings left out."""
    found: list[int] = []
    quote: str | None = None
    for index, line in enumerate(lines):
        if quote is None and _HEADING.match(line):
            found.append(index)
            continue
        for mark in _QUOTES.findall(line):
            quote = mark if quote is None else None if mark == quote else quote
    return found


def _heading_lines(text: str, entries: int) -> list[int] | list[None]:
    heads = _headings(text.splitlines())
    if len(heads) != entries:  # written in a way this scan does not know: no lines, then
        return [None] * entries
    return [head + 1 for head in heads]


def _check_top(data: dict[str, object], name: str, text: str) -> None:
    for key in data:
        if key not in ("schema", "expect"):
            line = _line_of(text, key, 1)
            raise InputError(f"{name}:{line}: unknown key {key!r}{_nearest(key, _TOP)}")
    schema = data.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise InputError(
            f"{name}:{_line_of(text, 'schema', 1)}: schema {schema!r} is not known here; "
            f"this version of onnx-hal reads {SCHEMA}"
        )


def _tables(data: dict[str, object], name: str) -> list[dict[str, object]]:
    tables = data.get("expect", [])
    if not isinstance(tables, list) or not all(
        isinstance(table, dict) for table in cast("list[object]", tables)
    ):
        raise InputError(f"{name}: write each expectation under its own [[expect]] heading")
    return cast("list[dict[str, object]]", tables)


def _expectation(
    table: dict[str, object], name: str, text: str, line: int | None
) -> Expectation:
    try:
        return Expectation.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else None
        at = _line_of(text, key, line) if line and key else line
        where = f"{name}:{at}" if at else name
        raise InputError(f"{where}: {_say(first['type'], key, first['msg'], table)}") from error


def _say(kind: str, key: str | None, message: str, table: dict[str, object]) -> str:
    message = message.removeprefix("Value error, ")
    if key is None:
        return message
    if kind == "extra_forbidden":
        return f"unknown key {key!r}{_nearest(key, Expectation.model_fields)}"
    if kind == "missing":
        return f"the entry has no {key!r}"
    if key in _WORDS:
        value = str(table.get(key))
        return f"{key} {value!r}: choose from {', '.join(_WORDS[key])}" + _nearest(
            value, _WORDS[key]
        )
    return f"{key}: {message[:1].lower()}{message[1:]}"


def _nearest(word: str, valid: Iterable[str]) -> str:
    by_folded = {name.lower(): name for name in valid}
    close = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=0.5)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


def _line_of(text: str, key: str | None, start: int) -> int:
    """The line that sets `key`, at or after line `start` and before the next heading."""
    lines = text.splitlines()
    for index in range(start, len(lines) + 1):
        line = lines[index - 1]
        if index > start and _HEADING.match(line):
            break
        if re.match(rf"\s*[\"']?{re.escape(key or '')}[\"']?\s*=", line):
            return index
    return start


_TOP = ("schema", "expect")
_WORDS: dict[str, list[str]] = {
    "outcome": [outcome.value for outcome in Outcome],
    "also": [outcome.value for outcome in Outcome],
    "kind": ["never", "not_yet"],
}
