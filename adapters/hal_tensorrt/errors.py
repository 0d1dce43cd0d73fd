"""The parser's errors, the log and CUDA's status, in our words.

A builder that fails returns None, and says why in the log: the log becomes the error's text.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
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

CODES: Mapping[str, type[HALError]] = {
    "INVALID_NODE": Unsupported,  # it names the node, and `supports_model_v2` says no as well
    "MEM_ALLOC_FAILED": OutOfMemory,
    "MODEL_DESERIALIZE_FAILED": InputError,
    "UNSUPPORTED_GRAPH": Unsupported,
    "UNSUPPORTED_NODE": Unsupported,
    "UNSUPPORTED_NODE_ATTR": Unsupported,
    "UNSUPPORTED_NODE_DATATYPE": Unsupported,
    "UNSUPPORTED_NODE_DYNAMIC": Unsupported,
    "UNSUPPORTED_NODE_INPUT": Unsupported,
    "UNSUPPORTED_NODE_SHAPE": Unsupported,
}
"""What the parser's code means, where the text does not know better."""

PATTERNS: tuple[tuple[re.Pattern[str], type[HALError]], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"cudaError (?:35|100)\b", DeviceNotFound),  # no driver, no device
        (r"[Oo]ut of memory|cudaError 2\b", OutOfMemory),
        (
            r"Plugin not found|was not found in plugin registry|failed to load \S+ plugin",
            Unsupported,
        ),
        (
            r"[Uu]nsupported|[Nn]ot (?:currently )?support|Cannot compile for target",
            Unsupported,
        ),
        (r"reshape changes volume\. ", InputError),
        (r"has datatype \w+ but is not|has no runners that implement it", Unsupported),
        (r"shape inputs, but no optimization profile", Unsupported),
        (r"Quantized constant .* is only allowed before", Unsupported),
        (r"Must have inputs with equal ranks", Unsupported),  # an If's branches
        (r"only supports?\b|[Mm]ust be an initializer", Unsupported),
    )
)
"""A pattern found in the text, and what it means; the first that is found decides."""

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
    """The parser's error: a clean no where its code or text says so."""
    said = _told(error.desc())
    kind = _kind(said) or CODES.get(error.code().name, CompileError)
    op, node = error.node_operator() or None, error.node_name() or None
    at = f", at {op} {node or f'#{error.node()}'}" if op else ""
    return kind(f"the parser{at}: {said} ({error.code().name})", op=op, node=node)


def of_log(lines: Sequence[tuple[int, str]], what: str) -> HALError:
    """What the log says of a failure; `what` returned nothing."""
    told = [_told(text) for level, text in lines if level <= _ERROR and not _NOISE.match(text)]
    said = "; ".join(dict.fromkeys(told)) or "nothing in the log"
    return (_kind(said) or CompileError)(f"{what} gave nothing: {said[:_LONGEST]}")


def of_cuda(said: str) -> HALError:
    """What a function of the CUDA runtime says of its failure."""
    kind = _kind(said) or ExecutionError
    help_ = (
        "; Debian's package nvidia-driver brings the driver" if kind is DeviceNotFound else ""
    )
    return kind(said + help_)


def _kind(said: str) -> type[HALError] | None:
    return next((kind for pattern, kind in PATTERNS if pattern.search(said)), None)


def _told(text: str) -> str:
    return " ".join(_PLACE.sub("", _NOISE.sub("", text) or text).split())[:_LONGEST]
