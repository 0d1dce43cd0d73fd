"""A vendor's failures in our words: tables of patterns, which adapters hold and this reads.

Vendors raise one type of exception for many things, so that what happened is in the text. A
table is read from the top: the first pattern that is found decides.
Loads with the standard library alone, on Python 3.10.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from typing import Any

from hal.errors import FIELDS, HALError

LONGEST = 600
"""Characters of a vendor's text that an error quotes."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a text means that a pattern is found in, where it comes with such an exception."""

    kind: type[HALError]
    pattern: re.Pattern[str]
    raised: type[BaseException] = BaseException


class ErrorTable:
    """Patterns in a vendor's texts, and which of our errors each stands for.

    A pattern's named groups that are fields of an error (op, node, dtype, opset) become its
    fields; a dot in a pattern stands for the end of a line too.

    Args:
        rows: the error, the pattern, and the exception's type where one is needed.
    """

    def __init__(
        self,
        *rows: tuple[type[HALError], str] | tuple[type[HALError], str, type[BaseException]],
    ) -> None:
        self.rows = tuple(Row(row[0], re.compile(row[1], re.DOTALL), *row[2:]) for row in rows)

    def find(
        self,
        text: str,
        error: BaseException | None = None,
        told: str | None = None,
        **fields: Any,
    ) -> HALError | None:
        """The error that the text stands for, which quotes it; None where no pattern is in it.

        Args:
            text: what the vendor said.
            error: what it raised; without it, rows that ask for a type are passed over.
            told: what the error quotes instead of the whole text.
            **fields: the error's fields, where the pattern does not tell them.
        """
        for row in self.rows:
            if row.raised is not BaseException and not isinstance(error, row.raised):
                continue
            found = row.pattern.search(text)
            if found is not None:
                return row.kind(told or text, **{**fields, **_fields(found)})
        return None

    def read(
        self,
        text: str,
        otherwise: type[HALError],
        error: BaseException | None = None,
        told: str | None = None,
        **fields: Any,
    ) -> HALError:
        """As `find`; a text that no pattern is in stands for `otherwise`."""
        return self.find(text, error, told, **fields) or otherwise(told or text, **fields)


def _fields(found: re.Match[str]) -> dict[str, Any]:
    named = {name: text for name, text in found.groupdict().items() if text and name in FIELDS}
    return {name: int(text) if name == "opset" else text for name, text in named.items()}


def one_line(said: object, longest: int = LONGEST) -> str:
    """What a vendor said, in one line, of which a long one is cut."""
    text = " ".join(str(said).split())
    return text if len(text) <= longest else f"{text[:longest]}..."


def came_from(error: BaseException, *packages: str) -> bool:
    """Whether one of these packages raised it: a type of its own, or another's in its code."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    modules = (type(error).__module__, *(str(f.f_globals.get("__name__")) for f in frames))
    return any(module.partition(".")[0] in packages for module in modules)
