"""tinygrad's exceptions in our words: a table, read from the top.

tinygrad raises Python's own exceptions, so that what happened is in the text. A clean no is an
operator that it does not have, or a number of ONNX's (a type, a domain, a kind of attribute)
that its enumerations do not have, or an attribute or input that the operator's function does
not take. Everything else that comes out of its modules is a failure of what was going on.
"""

from __future__ import annotations

import re
import traceback
from subprocess import CalledProcessError

from hal.errors import (
    CompileError,
    DeviceNotFound,
    ExecutionError,
    HALError,
    OutOfMemory,
    Unsupported,
)

PATTERNS: tuple[tuple[type[Exception], re.Pattern[str], type[HALError]], ...] = tuple(
    (raised, re.compile(pattern, re.DOTALL), kind)
    for raised, pattern, kind in (
        (RuntimeError, r"CL_OUT_OF_|CL_MEM_OBJECT_ALLOCATION|out of memory", OutOfMemory),
        (MemoryError, r"", OutOfMemory),
        (NotImplementedError, r"(?:op='(?P<op>\w+)')?", Unsupported),
        (ValueError, r"is not a valid (?:OnnxDataType|Domain|AttributeType)", Unsupported),
        (ValueError, r"^invalid \w+=|is not supported", Unsupported),
        (TypeError, r"(?P<op>\w+)\(\) got an unexpected keyword argument", Unsupported),
        (TypeError, r"(?P<op>\w+)\(\) (?:takes|missing) .*positional argument", Unsupported),
        (AssertionError, r"^(?:map|optional|sparse)|'tensor_type'", Unsupported),
        (ImportError, r"must be installed for the (?P<op>\w+)", Unsupported),
        (FileNotFoundError, r"clang", DeviceNotFound),
        (CalledProcessError, r"", CompileError),
    )
)
"""What was raised, a pattern in its text, and what it means; the group is the operator."""

_LONGEST = 600


def translate(error: Exception) -> HALError | None:
    """The exception in our words, or None where it does not come out of tinygrad."""
    named = _names(error)
    if not any(name.partition(".")[0] == "tinygrad" for name, _ in named):
        return None
    ran = ("hal_tinygrad.program", "run") in named
    text = " ".join(str(error).split()) or type(error).__name__
    told = f"tinygrad: {type(error).__name__}: {text[:_LONGEST]}"
    for raised, pattern, kind in PATTERNS:
        match = pattern.search(text) if isinstance(error, raised) else None
        if match is not None:
            return kind(told, op=match.groupdict().get("op"))
    return ExecutionError(told) if ran else CompileError(told)


def _names(error: Exception) -> set[tuple[str, str]]:
    """The modules and functions that the exception went through."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return {(str(f.f_globals.get("__name__")), f.f_code.co_name) for f in frames}
