"""What IREE says when it fails, in our words: tables, read from the top."""

from __future__ import annotations

from hal.errors import ExecutionError, OutOfMemory, Unsupported
from hal.errortable import ErrorTable

COMPILER = ErrorTable(
    (Unsupported, r"failed to legalize operation 'torch\."),
    (Unsupported, r"unhandled torch type|missing onnx opset version attribute"),
    (Unsupported, r"[Uu]nsupported|[Uu]nimplemented|not (?:yet )?(?:supported|implemented)"),
)
"""The compiler's first error, where it says that it knows no way to do this."""

RUNTIME = ErrorTable(
    (OutOfMemory, r"\.(?:c|h|cc|inl):\d+: RESOURCE_EXHAUSTED;"),
    (ExecutionError, r"\.(?:c|h|cc|inl):\d+: [A-Z_]+;"),
)
"""The runtime's exceptions, which name a status code of its own after a place in its code."""
