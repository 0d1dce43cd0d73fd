"""ONNX Runtime's exceptions in our words.

Two tables, read in this order. `PATTERNS` recognise messages, because ONNX Runtime uses one
exception type for several causes: FAIL is what it says of an unknown operator, an opset to
come, a cyclic graph and a full memory alike. `TYPES` gives each exception type its default.
Named groups of a pattern become fields of our error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hal import dtypes
from hal.errors import (
    CompileError,
    DeviceError,
    DeviceLost,
    ExecutionError,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)
from hal.errortable import ErrorTable

TYPES: Mapping[str, type[HALError]] = {
    "DeviceReset": DeviceLost,
    "EPFail": ExecutionError,  # an execution provider failed while it ran
    "EngineError": CompileError,
    "Fail": CompileError,  # while it runs, a pattern below says so
    "InvalidArgument": InputError,
    "InvalidGraph": InputError,
    "InvalidProtobuf": InputError,
    "ModelLoadCanceled": CompileError,
    "ModelLoaded": CompileError,
    "ModelRequiresCompilation": InputError,  # the user's session.disable_model_compile
    "NoModel": CompileError,
    "NoSuchFile": InputError,
    "NotFound": DeviceError,  # an execution provider's library or device
    "NotImplemented": Unsupported,
    "RuntimeException": CompileError,  # as Fail
}
"""By the class's name in `onnxruntime.capi.onnxruntime_pybind11_state`."""

_NODE = r"running (?P<op>\w+) node\. Name:'(?P<node>[^']*)'"
_FULL = r"(?:[Ff]ailed to allocate|bad_alloc|bad allocation|[Oo]ut of memory)"
_REFUSED = (
    r"(?:not (?:yet )?(?:supported|implemented)|is not defined for|Unsupported "
    r"|does not support |only supports )"
)
_TYPE_OF = (
    r"Type 'tensor\((?P<dtype>\w+)\)' of input parameter \(\S+\) of operator \((?P<op>\w+)\)"
)

PATTERNS = ErrorTable(
    (OutOfMemory, rf"{_NODE}.*{_FULL}"),
    (OutOfMemory, _FULL),
    (
        Unsupported,
        r"implementation for (?P<op>\S+)\((?P<opset>\d+)\) "
        r"node with name '(?P<node>[^']*)'",
    ),
    (
        Unsupported,
        r"find kernel for (?P<op>\S+)\((?P<opset>\d+)\) \(node:'(?P<node>[^']*)'",
    ),
    (Unsupported, r"Fatal error: (?P<op>\S+)\(-?\d+\) is not a registered function/op"),
    (
        Unsupported,
        r'In Node, \("(?P<node>[^"]*)".*No Op registered for (?P<op>\S+) '
        r"with domain_version of (?P<opset>\d+)",
    ),
    (
        Unsupported,
        r"Provider type for (?P<op>\S+) node with name '(?P<node>[^']*)' is not set",
    ),
    (Unsupported, r"Opset (?P<opset>\d+) is under development"),
    (Unsupported, r"Unsupported model IR version"),
    (Unsupported, rf"{_TYPE_OF} in node \((?P<node>[^)]*)\)"),
    (Unsupported, r"MLDataType for: \S*?(?P<dtype>\w+)\)+ is not currently registered"),
    (Unsupported, r"Numpy_type \d+ can't be converted|No corresponding Numpy type"),
    (Unsupported, rf"{_NODE}.*{_REFUSED}"),
    (Unsupported, rf"NOT_IMPLEMENTED : .*{_NODE}"),
    (Unsupported, rf"Exception during initialization: .*{_REFUSED}"),
    (Unsupported, r"Failed to construct locale"),
    (Unsupported, r"fallback to CPU EP has been explicitly disabled"),
    (Unsupported, r"is not supported on this backend"),  # QNN
    (DeviceError, r"PluginExecutionProviderFactory::CreateProvider"),
    (ExecutionError, _NODE),
    (InputError, r"External data path|not acyclic|This is an invalid model"),
)


def translate(error: Exception) -> HALError | None:
    """ONNX Runtime's exception as ours; None where it is not ONNX Runtime's."""
    text = str(error)
    own = type(error).__module__.startswith("onnxruntime.")
    if not own and not isinstance(error, (RuntimeError, ValueError)):
        return None
    found = PATTERNS.find(text, told=_short(text))
    if found is not None:
        known = dtypes.BY_SCHEMA.get(found.dtype or "")
        found.dtype = known.name if known else found.dtype
        return found
    if own:
        return TYPES.get(type(error).__name__, CompileError)(_short(text))
    if "onnxruntime_src" in text:
        return ExecutionError(_short(text))
    return None


_STATUS = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_SOURCE = re.compile(
    r"/\S*/onnxruntime/(?:core|python)/\S+:\d+ "  # the file on the machine that built it
    r"(?:[\w:<>~*&, ]+\((?:[^()]|\([^()]*\))*\)"  # and the C++ function
    r"(?: const)?(?: \[with [^\]]*\])?(?:::<lambda\([^)]*\)>)? )?"
)


def _short(text: str) -> str:
    """The message in one line, without the status code and places in ONNX Runtime's source."""
    return " ".join(_SOURCE.sub("", _STATUS.sub("", text.strip())).split())
