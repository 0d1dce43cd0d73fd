"""The parser's errors, the log and CUDA's status, in our words.

A builder that fails returns None, and says why in the log: the log becomes the error's text.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from hal.errors import (
    CompileError,
    DeviceNotFound,
    ExecutionError,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)
from hal.errortable import ErrorTable, one_line

TABLE = ErrorTable(
    (DeviceNotFound, r"cudaError (?:35|100)\b"),  # no driver, no device
    (OutOfMemory, r"[Oo]ut of memory|cudaError 2\b|\(MEM_ALLOC_FAILED\)$"),
    (Unsupported, r"Plugin not found|was not found in plugin registry"),
    (Unsupported, r"failed to load \S+ plugin"),
    (Unsupported, r"[Uu]nsupported|[Nn]ot (?:currently )?support|Cannot compile for target"),
    (InputError, r"reshape changes volume\. "),
    (InputError, r"MIN<=OPT<=MAX"),  # of a profile
    (Unsupported, r"has datatype \w+ but is not|has no runners that implement it"),
    (Unsupported, r"shape inputs, but no optimization profile"),
    (Unsupported, r"Quantized constant .* is only allowed before"),
    (Unsupported, r"Must have inputs with equal ranks"),  # an If's branches
    (Unsupported, r"only supports?\b|[Mm]ust be an initializer"),
    # The parser's codes: a bad node is named, and a query says no to it as well.
    (Unsupported, r"\((?:INVALID_NODE|UNSUPPORTED_\w+)\)$"),
    (InputError, r"\(MODEL_DESERIALIZE_FAILED\)$"),
)

_PLACE = re.compile(
    r"^\[\S+::\d+\] |^IBuilder::buildSerializedNetwork: |^Assertion failed: |"
    r"\s*\(?In (?:function )?\S+ at \S+:\d+"
)
_NOISE = re.compile(r"\[checkMacros\.cpp::catchCudaError.*", re.DOTALL)  # for want of a driver
_LONGEST = 500
_ERROR, _VERBOSE = 1, 4  # the log's severities; INTERNAL_ERROR is 0
_lock = Lock()


@contextmanager
def logged(sdk: Any) -> Generator[Any, None, None]:
    """The logger of this process, emptied; TensorRT keeps the first that it is given."""
    with _lock:
        log = _logger(sdk)
        log.lines.clear()
        yield log


@cache
def _logger(sdk: Any) -> Any:
    class Log(sdk.ILogger):  # type: ignore[misc]  # the SDK's class is Any
        def __init__(self) -> None:
            sdk.ILogger.__init__(self)
            self.lines: list[tuple[int, str]] = []

        def log(self, severity: Any, text: str) -> None:
            if int(severity) < _VERBOSE or "ONNX Layer:" in text:
                self.lines.append((int(severity), text))

    log = Log()
    sdk.init_libnvinfer_plugins(log, "")
    return log


def of_parser(error: Any) -> HALError:
    """The parser's error: a clean no where its text or its code says so."""
    op, node = error.node_operator() or None, error.node_name() or None
    at = f", at {op} {node or f'#{error.node()}'}" if op else ""
    said = f"the parser{at}: {_told(error.desc())} ({error.code().name})"
    return TABLE.read(said, CompileError, op=op, node=node)


def of_log(lines: Sequence[tuple[int, str]], what: str) -> HALError:
    """What the log says of a failure; `what` returned nothing."""
    told = filter(None, (_told(text) for level, text in lines if level <= _ERROR))
    said = one_line("; ".join(dict.fromkeys(told)) or "nothing in the log", _LONGEST)
    return TABLE.read(f"{what} gave nothing: {said}", CompileError)


def of_cuda(said: str, absent: str) -> HALError:
    """What a function of the CUDA runtime says of its failure; `absent` is for want of one."""
    error = TABLE.read(said, ExecutionError)
    return DeviceNotFound(f"{said}; {absent}") if isinstance(error, DeviceNotFound) else error


def _told(text: str) -> str:
    return one_line(_PLACE.sub("", _NOISE.sub("", text)), _LONGEST)
