"""TVM's exceptions in our words.

Its front end raises Python's own types (ValueError, AssertionError, KeyError) for what it does
not do and for what goes wrong alike, so that words decide; its C++ raises types of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from hal.errors import CompileError, ExecutionError, HALError, Unsupported

_REFUSALS = re.compile(
    r"not (?:yet |currently )?(?:be )?(?:supported|implemented)|[Uu]nsupported|not support"
    r"|only supports?|Only .* supported|must be a? ?[Cc]onst|should be a? ?[Cc]onst"
    r"|requires a statically|requires known|cannot handle ShapeExpr|[Dd]ynamic"
    r"|unknown dtype|[Uu]nable to (?:infer|determine)|Expected a .*Constant|requires the input"
)
"""Words of a clean no: the front end says what it does not do."""

_UNSUPPORTED = re.compile(r"[Uu]nsupported|not (?:yet )?(?:supported|implemented)")
_NOT_SUPPORTED = re.compile(r"not supported for frontend ONNX: (?P<ops>.*)")
_LONGEST = 500


def told(error: BaseException) -> str:
    """The message in one line, shortened where it quotes a program."""
    text = " ".join(str(error).split()) or type(error).__name__
    if type(error) in (KeyError, IndexError, AttributeError, AssertionError):
        text = f"{type(error).__name__}: {text}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def refused_ops(error: BaseException | None) -> Set[str]:
    """The operators that the front end says it does not know."""
    found = _NOT_SUPPORTED.search(str(error))
    return set(found["ops"].strip().split(", ")) if found else set()


def importing(error: Exception, op: str | None) -> HALError:
    """What the front end raised at an operator (None: it did not come to one)."""
    ops = refused_ops(error)
    if len(ops) == 1:
        op = next(iter(ops))
    text = told(error)
    refusal = isinstance(error, NotImplementedError) or _REFUSALS.search(text) is not None
    said = f"TVM's importer, at {op}: {text}" if op else f"TVM's importer: {text}"
    return (Unsupported if refusal else CompileError)(said, op=op)


def translate(error: Exception) -> HALError | None:
    """What TVM's compiler raised, in our words; None where it is another's."""
    if not is_tvms(error):
        return None
    text = told(error)
    refusal = isinstance(error, NotImplementedError) or _UNSUPPORTED.search(text) is not None
    return (Unsupported if refusal else CompileError)(text)


def running(error: Exception) -> HALError:
    """What was raised while a program ran, or was compiled for the values of a run."""
    ours = error if isinstance(error, HALError) else translate(error)
    if isinstance(ours, Unsupported):
        return ours
    return ExecutionError(ours.message if ours else told(error))


def is_tvms(error: BaseException) -> bool:
    """Whether TVM raised it: its own type, or Python's out of its code."""
    if type(error).__module__.partition(".")[0] in ("tvm", "tvm_ffi"):
        return True
    return any(name.partition(".")[0] in ("tvm", "tvm_ffi") for name in _modules(error))


def _modules(error: BaseException) -> Iterator[str]:
    trace = error.__traceback__
    while trace is not None:
        yield str(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next
