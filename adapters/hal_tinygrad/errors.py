"""tinygrad's exceptions in our words.

tinygrad raises Python's own exceptions, so that what happened is in the text. A clean no is an
operator that it does not have, or a number of ONNX's (a type, a domain, a kind of attribute)
that its enumerations do not have, or an attribute or input that the operator's function does
not take. Everything else that comes out of its modules is a failure of what was going on.
"""

from __future__ import annotations

from subprocess import CalledProcessError
from traceback import walk_tb

from hal.errors import CompileError, ExecutionError, HALError, OutOfMemory, Unsupported
from hal.errortable import ErrorTable, came_from, one_line

TABLE = ErrorTable(
    (OutOfMemory, r"CL_OUT_OF_|CL_MEM_OBJECT_ALLOCATION|out of memory", RuntimeError),
    (Unsupported, r"op='(?P<op>\w+)'", NotImplementedError),
    (Unsupported, r"", NotImplementedError),
    (Unsupported, r"is not a valid (?:OnnxDataType|Domain|AttributeType)", ValueError),
    (Unsupported, r"Error: invalid \w+=|is not supported", ValueError),
    (Unsupported, r"(?P<op>\w+)\(\) got an unexpected keyword argument", TypeError),
    (Unsupported, r"(?P<op>\w+)\(\) (?:takes|missing) .*positional argument", TypeError),
    (Unsupported, r"Error: (?:map|optional|sparse)|'tensor_type'", AssertionError),
    (Unsupported, r"must be installed for the (?P<op>\w+)", ImportError),
    (CompileError, r"", CalledProcessError),
)


def translate(error: Exception) -> HALError | None:
    """The exception in our words, or None where it does not come out of tinygrad."""
    if not came_from(error, "tinygrad"):
        return None
    went = {frame.f_code.co_qualname for frame, _ in walk_tb(error.__traceback__)}
    failed = ExecutionError if "TinygradProgram.run" in went else CompileError
    return TABLE.read(f"tinygrad: {type(error).__name__}: {one_line(error)}", failed, error)
