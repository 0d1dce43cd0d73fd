"""What IREE says when it fails, in our words: tables, read from the top."""

from __future__ import annotations

import re

from hal import tools
from hal.errors import CompileError, ExecutionError, HALError, OutOfMemory, Unsupported

_ERROR = re.compile(r"error: (?P<told>.+)")
_STATUS = re.compile(r"\.(?:c|h|cc|inl):\d+: (?P<code>[A-Z_]+);")
_FRAME = re.compile(r"^\s*#\d+ 0x[0-9a-f]+ (?P<where>.*mlir::.*)$", re.MULTILINE)
_CAUSE = re.compile(r"^.*(?:LLVM ERROR|Assertion).*$", re.MULTILINE)
_LONGEST = 600
_OPERATOR = re.compile(r'"torch\.operator".*?name = "onnx\.(?P<op>\w+)"')

REFUSALS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern)
    for pattern in (
        r"failed to legalize operation 'torch\.",
        r"[Uu]nsupported|[Uu]nimplemented|not (?:yet )?(?:supported|implemented)",
    )
)
"""In the compiler's first error: it knows no way to do this."""


def of_compiler(printed: str) -> HALError:
    """The compiler's failure: a clean no where it says that it knows no way."""
    found = _ERROR.search(printed)
    told = found["told"] if found else tools.end_of(printed)
    operator = _OPERATOR.search(printed)
    op = operator["op"] if operator else None
    about = f" (onnx.{op})" if op and op not in told else ""
    text = f"iree-compile: {told}{about}"
    if any(pattern.search(told) for pattern in REFUSALS):
        return Unsupported(text, op=op)
    return CompileError(text, op=op)


def of_importer(error: Exception) -> HALError:
    """The importer's failure: a clean no where it knows that it has no form for something."""
    told = " ".join(str(error).split())[:_LONGEST]
    if type(error).__name__ in ("OnnxImportError", "InferenceError"):
        return Unsupported(f"IREE's importer: {told}")
    return CompileError(f"IREE's importer: {type(error).__name__}: {told}")


def of_runtime(error: Exception) -> HALError | None:
    """The runtime's exception, which names a status code of its own."""
    told = " ".join(str(error).split())
    found = _STATUS.search(told)
    if found is None:
        return None
    kind = OutOfMemory if found["code"] == "RESOURCE_EXHAUSTED" else ExecutionError
    return kind(told[:_LONGEST])


def of_death(printed: str | None) -> str:
    """Where a dying compiler was, without the addresses, which differ each time."""
    frame, cause = _FRAME.search(printed or ""), _CAUSE.search(printed or "")
    words = ([cause[0]] if cause else []) + ([f"in {frame['where'][:200]}"] if frame else [])
    return "; ".join(words)
