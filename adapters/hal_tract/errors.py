"""tract's messages in our words: one exception type for all, so a table of patterns.

Read from the top, on the message without its stack backtrace.
"""

from __future__ import annotations

import re

from hal.errors import CompileError, ExecutionError, HALError, Unsupported

_NODE = r'node #\d+ "(?P<node>[^"]*)" '

PATTERNS: tuple[tuple[re.Pattern[str], type[HALError]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (_NODE + r"Unimplemented\((?P<op>\w+)\)", Unsupported),
        (
            _NODE
            + r"(?P<op>\w+) .*(?:must be a? ?const|to be constant|[Nn]on constant|not const)",
            Unsupported,
        ),
        (
            r"Building node \((?P<op>\w+)\).*(?:not supported|[Uu]nsupported|no type)",
            Unsupported,
        ),
        (r"Unknown DatumType (?P<dtype>\w+)|(?P<what>\w+) is not a number", Unsupported),
        (r"has no type value", Unsupported),  # a sequence, an optional, a map
        (r"[Uu]nsupported|not (?:yet )?(?:supported|implemented)", Unsupported),
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


def is_unknown_operator(error: Exception) -> bool:
    """Whether no shape or value, were it known, could help."""
    return "Unimplemented(" in str(error)


def failed(error: Exception) -> HALError:
    """What tract raised while a program ran, as ours."""
    ours = error if isinstance(error, HALError) else translate(error)
    if isinstance(ours, Unsupported):
        return ours
    return ExecutionError(told(error))
