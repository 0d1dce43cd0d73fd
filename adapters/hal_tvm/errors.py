"""TVM's exceptions in our words.

Its front end raises Python's own types (ValueError, AssertionError, KeyError) for what it does
not do and for what goes wrong alike, so that words decide; its C++ raises types of its own.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Set
from contextlib import contextmanager

from hal.errors import CompileError, ExecutionError, HALError, Unsupported
from hal.errortable import ErrorTable, came_from, one_line

REFUSALS = ErrorTable(
    (Unsupported, "", NotImplementedError),
    (Unsupported, r"not (?:yet |currently )?(?:be )?(?:support|implemented)|[Uu]nsupported"),
    (Unsupported, r"only supports?|Only .* supported|unknown dtype|cannot handle ShapeExpr"),
    (Unsupported, r"(?:must|should) be a? ?[Cc]onst|Expected a .*Constant|[Dd]ynamic"),
    (
        Unsupported,
        r"requires (?:a statically|known|the input)|[Uu]nable to (?:infer|determine)",
    ),
)
"""Words of a clean no: what the front end or a code generator says that it does not do."""

_UNKNOWN = re.compile(r"not supported for frontend ONNX: (?P<ops>.*)")
_NAMED = (KeyError, IndexError, AttributeError, AssertionError)
"""Types of which the message alone says little."""


def told(error: BaseException) -> str:
    """The message in one line."""
    text = one_line(str(error) or type(error).__name__)
    return f"{type(error).__name__}: {text}" if type(error) in _NAMED else text


def refused_ops(error: BaseException | None) -> Set[str]:
    """The operators that the front end says it does not know."""
    found = _UNKNOWN.search(str(error))
    return set(found["ops"].strip().split(", ")) if found else set()


def importing(error: Exception, op: str | None) -> HALError:
    """What the front end raised at an operator (None: it did not come to one)."""
    ops = refused_ops(error)
    op = next(iter(ops)) if len(ops) == 1 else op
    said = f"TVM's importer{f', at {op}' if op else ''}: {told(error)}"
    return REFUSALS.read(said, CompileError, error, op=op)


def translate(error: Exception) -> HALError | None:
    """What TVM's compiler raised, in our words; None where it is another's."""
    if not came_from(error, "tvm", "tvm_ffi"):
        return None
    return REFUSALS.read(told(error), CompileError, error)


@contextmanager
def running() -> Generator[None]:
    """What goes wrong in here is a run that failed, where TVM does not say a clean no."""
    try:
        yield
    except Unsupported:
        raise
    except Exception as error:
        ours = error if isinstance(error, HALError) else translate(error)
        failed = ExecutionError(ours.message if ours else told(error))
        raise (ours if isinstance(ours, Unsupported) else failed) from error
