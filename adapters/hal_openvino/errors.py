"""OpenVINO's exceptions and messages in our words.

OpenVINO raises RuntimeError for nearly everything, so what happened is in the text: `PATTERNS`
is read from the top, the first that is found decides. The few typed exceptions, from its Python
package and its importers, are in `KINDS`. A RuntimeError that no pattern knows, and that does
not come from OpenVINO's sources, is left to the shell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from hal.errors import (
    ArtifactError,
    CompileError,
    DeviceError,
    DeviceNotFound,
    ExecutionError,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)
from hal.errortable import ErrorTable, one_line

KINDS: Mapping[str, type[HALError]] = MappingProxyType(
    {
        "OpConversionFailure": Unsupported,
        "NotImplementedFailure": Unsupported,
        "OpValidationFailure": InputError,
        "InitializationFailure": InputError,
        "GeneralFailure": CompileError,
        "UserInputError": InputError,
        "OVTypeError": InputError,
        "OVError": CompileError,
        "FrameworkError": CompileError,
        "InternalError": CompileError,
        "Error": CompileError,
        "BasicError": CompileError,
    }
)
"""The class for each exception type that a package called openvino defines."""

PATTERNS = ErrorTable(
    (OutOfMemory, r"bad_alloc|[Oo]ut of memory|OUT_OF_(?:RESOURCES|HOST_MEMORY)"),
    (OutOfMemory, r"[Ff]ailed to allocate|Cannot allocate memory|CL_MEM_OBJECT_ALLOCATION"),
    (DeviceError, r"Infer Request is busy|is busy"),
    (DeviceNotFound, r"is not registered in the OpenVINO Runtime|No device with"),
    (DeviceNotFound, r"Cannot load library .*plugin"),
    (DeviceNotFound, r"cannot parse valid device|No available device"),
    (DeviceNotFound, r"no supported devices found"),
    (Unsupported, r"No conversion rule found for operations: (?P<op>[^\s,]+)"),
    (
        Unsupported,
        r"-- (?P<op>[\w.]+)-(?P<opset>\d+) with a message.*?"
        r"Unsupported data type (?P<dtype>[A-Z]\w*)",
    ),
    (
        Unsupported,
        r"-- (?P<op>[\w.]+)-(?P<opset>\d+) with a message:\s*"
        r"(?:While validating ONNX node '<Node\([^)]*\): (?P<node>[^>]*)>')?",
    ),
    (Unsupported, r"Unsupported data type (?P<dtype>[A-Z]\w*)"),
    (
        Unsupported,
        r"doesn't support (?P<op>\w+) operation with.*?Operation name: (?P<node>\S+)",
    ),
    (Unsupported, r"Unsupported operation of type: (?P<op>\w+) name: (?P<node>\S+)"),
    (Unsupported, r"unsupported (?:src|dst)_prc: (?P<dtype>\w+)"),
    (Unsupported, r"[Uu]nsupported element[_ ]type|does not support (?:element|precision)"),
    (Unsupported, r"Not [Ii]mplemented|not implemented"),
    (Unsupported, r"Un(?:known|supported) activation function"),
    (InputError, r"[Uu]nsupported property|Property was not found|not supported property"),
    (InputError, r"Wrong value .*property key|Could not read .* from str|Option not found"),
    (InputError, r"Unable to read the model|[Cc]ould not open the file|Can't open"),
    (InputError, r"[Mm]odel can't be parsed|Error during import of ONNX model|ParseFromString"),
    (InputError, r"onnx/frontend/src/core/|Invalid external data|external data"),
    (InputError, r"ParameterMismatch|Can't set the (?:in|out)put|Could set new shape"),
    (InputError, r"model input .*shape|tensor size|input tensor"),
    (ArtifactError, r"blob|[Cc]ompiled model (?:was|is)|import_model|deseriali[sz]"),
    (ExecutionError, r"src/cpp/infer_request\.cpp"),
    (CompileError, r"src/cpp/(?:core|compiled_model)\.cpp|Exception from src/"),
)
"""What a message means that the pattern is found in."""

_WHERE = re.compile(r"Exception from \S+:\d+:\s*|Check '.*?' failed at \S+:\d+:\s*", re.DOTALL)


def translate(error: Exception) -> HALError | None:
    """OpenVINO's exception in our words, or None where it is not OpenVINO's."""
    text = str(error)
    found = PATTERNS.find(text, told=_told(text))
    if found is not None:
        _correct(found)
    named = _by_name(type(error))
    if named is None:
        return found if isinstance(error, RuntimeError) else None
    if found is not None and named is CompileError:
        return found
    return named(_told(text), **(found.fields() if found is not None else {}))


def _by_name(kind: type[BaseException]) -> type[HALError] | None:
    for ancestor in kind.__mro__:
        if ancestor.__module__.partition(".")[0] == "openvino" and ancestor.__name__ in KINDS:
            return KINDS[ancestor.__name__]
    return None


def _correct(found: HALError) -> None:
    """OpenVINO writes an op as "Op-13", opset included, and types in its own words."""
    name, dash, opset = (found.op or "").rpartition("-")
    if dash and opset.isdigit():
        found.op, found.opset = name, int(opset)
    if found.dtype is not None:
        found.dtype = _SCHEMA.get(found.dtype, found.dtype.lower())


_SCHEMA = {"FLOAT": "float32", "DOUBLE": "float64"}


def _told(text: str) -> str:
    """The message on one line, without the places in OpenVINO's sources it passed through."""
    return f"OpenVINO: {one_line(_WHERE.sub('', text))}"
