"""tract's messages in our words: one exception type for all, so a table of patterns.

Read on the message without its stack backtrace.
"""

from __future__ import annotations

from hal.errors import CompileError, ExecutionError, HALError, Unsupported
from hal.errortable import ErrorTable

_NODE = r'node #\d+ "(?P<node>[^"]*)" '

TABLE = ErrorTable(
    (Unsupported, _NODE + r"Unimplemented\((?P<op>\w+)\)"),
    (
        Unsupported,
        _NODE + r"(?P<op>\w+) .*(?:must be a? ?const|to be constant|[Nn]on constant|not const)",
    ),
    (Unsupported, r"Building node \((?P<op>\w+)\).*(?:not supported|[Uu]nsupported|no type)"),
    (Unsupported, r"Unknown DatumType (?P<dtype>\w+)|\w+ is not a number"),
    (Unsupported, r"has no type value"),  # a sequence, an optional, a map
    (Unsupported, r"[Uu]nsupported|not (?:yet )?(?:supported|implemented)"),
)


def is_tracts(error: Exception) -> bool:
    """Whether tract raised it."""
    return type(error).__name__ == "TractError"


def told(error: Exception) -> str:
    """The message and its causes in one line, without the backtrace."""
    return " ".join(str(error).split("Stack backtrace:", 1)[0].split())


def translate(error: Exception) -> HALError | None:
    """tract's exception as ours; None where it is another's."""
    return TABLE.read(told(error), CompileError) if is_tracts(error) else None


def is_unknown_operator(error: Exception) -> bool:
    """Whether no shape or value, were it known, could help."""
    return "Unimplemented(" in str(error)


def failed(error: Exception) -> HALError:
    """What tract raised while a program ran, as ours."""
    ours = error if isinstance(error, HALError) else translate(error)
    if isinstance(ours, Unsupported):
        return ours
    return ExecutionError(told(error))
