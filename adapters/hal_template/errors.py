"""The vendor's exceptions in our words: a table, read from the top."""

from __future__ import annotations

from hal.errors import HALError, InputError, Unsupported
from hal.errortable import ErrorTable, came_from, one_line

# (class, pattern in the message); named groups (op, node, dtype, opset) become fields.
PATTERNS = ErrorTable(
    (Unsupported, r"No Op registered for (?P<op>\w+)"),  # a clean no: counted as a gap
)


def translate(error: Exception) -> HALError | None:
    """The checker's exception in our words, or None where it is somebody else's."""
    if not came_from(error, "onnx"):
        return None
    # Everything else that a checker says is the model's fault.
    return PATTERNS.read(one_line(error), InputError)
