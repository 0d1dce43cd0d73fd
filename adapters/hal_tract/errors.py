"""tract's messages in our words: one exception type for all, so a table of patterns.

Read from the top, on the message without its stack backtrace.
"""

from __future__ import annotations

import re

from hal.errors import CompileError, ExecutionError, HALError, InputError, Unsupported

PATTERNS: tuple[tuple[re.Pattern[str], type[HALError]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (r'node #\d+ "(?P<node>[^"]*)" Unimplemented\((?P<op>\w+)\)', Unsupported),
        (r"[Nn]o translator for .*?\b(?P<op>\w+)", Unsupported),
        (r"Unknown DatumType (?P<dtype>\w+)", Unsupported),
        (r"Unsupported DatumType in the public API (?P<dtype>\w+)", Unsupported),
        (r"has no type value", Unsupported),  # a sequence, an optional, a map
        (
            r"[Uu]nsupported|[Nn]ot (?:yet )?(?:supported|implemented)|[Uu]nimplemented",
            Unsupported,
        ),
        (r"decoding failed|failed to decode|buffer underflow|invalid wire type", InputError),
    )
)
"""A pattern, and what it means; its groups are the error's fields."""


def told(error: Exception) -> str:
    """The message and its causes in one line, without the backtrace."""
    return " ".join(str(error).split("Stack backtrace:", 1)[0].split())


def translate(error: Exception) -> HALError | None:
    """tract's exception as ours; None where it is another's."""
    if type(error).__name__ != "TractError":
        return None
    text = told(error)
    for pattern, kind in PATTERNS:
        found = pattern.search(text)
        if found is not None:
            groups = found.groupdict()
            return kind(
                text, node=groups.get("node"), op=groups.get("op"), dtype=groups.get("dtype")
            )
    return CompileError(text)


def failed(error: Exception) -> HALError:
    """What tract raised while a program ran, as ours."""
    ours = error if isinstance(error, HALError) else translate(error)
    if isinstance(ours, Unsupported):
        return ours
    return ExecutionError(told(error))
