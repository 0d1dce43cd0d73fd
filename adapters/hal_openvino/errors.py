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
from typing import Any

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

PATTERNS: tuple[tuple[re.Pattern[str], type[HALError]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (r"bad_alloc|[Oo]ut of memory|OUT_OF_(?:RESOURCES|HOST_MEMORY)", OutOfMemory),
        (r"[Ff]ailed to allocate|Cannot allocate memory|CL_MEM_OBJECT_ALLOCATION", OutOfMemory),
        (r"Infer Request is busy|is busy", DeviceError),
        (r"is not registered in the OpenVINO Runtime|No device with", DeviceNotFound),
        (r"Cannot load library .*plugin", DeviceNotFound),
        (r"cannot parse valid device|No available device", DeviceNotFound),
        (r"no supported devices found", DeviceNotFound),
        (r"No conversion rule found for operations: (?P<op>[^\s,]+)", Unsupported),
        (
            r"-- (?P<op>[\w.]+)-(?P<opset>\d+) with a message.*?"
            r"Unsupported data type (?P<dtype>[A-Z]\w*)",
            Unsupported,
        ),
        (
            r"-- (?P<op>[\w.]+)-(?P<opset>\d+) with a message:\s*"
            r"(?:While validating ONNX node '<Node\([^)]*\): (?P<node>[^>]*)>')?",
            Unsupported,
        ),
        (r"Unsupported data type (?P<dtype>[A-Z]\w*)", Unsupported),
        (
            r"doesn't support (?P<op>\w+) operation with.*?Operation name: (?P<node>\S+)",
            Unsupported,
        ),
        (r"Unsupported operation of type: (?P<op>\w+) name: (?P<node>\S+)", Unsupported),
        (r"unsupported (?:src|dst)_prc: (?P<dtype>\w+)", Unsupported),
        (r"[Uu]nsupported element[_ ]type|does not support (?:element|precision)", Unsupported),
        (r"Not [Ii]mplemented|not implemented", Unsupported),
        (r"Un(?:known|supported) activation function", Unsupported),
        (r"[Uu]nsupported property|Property was not found|not supported property", InputError),
        (r"Wrong value .*property key|Could not read .* from str|Option not found", InputError),
        (r"Unable to read the model|[Cc]ould not open the file|Can't open", InputError),
        (
            r"[Mm]odel can't be parsed|Error during import of ONNX model|ParseFromString",
            InputError,
        ),
        (r"onnx/frontend/src/core/|Invalid external data|external data", InputError),
        (r"ParameterMismatch|Can't set the (?:in|out)put|Could set new shape", InputError),
        (r"model input .*shape|tensor size|input tensor", InputError),
        (r"blob|[Cc]ompiled model (?:was|is)|import_model|deseriali[sz]", ArtifactError),
        (r"src/cpp/infer_request\.cpp", ExecutionError),
        (r"src/cpp/(?:core|compiled_model)\.cpp|Exception from src/", CompileError),
    )
)
"""A pattern found in the message, and what it means; named groups become the error's fields."""

_WHERE = re.compile(r"Exception from \S+:\d+:\s*|Check '.*?' failed at \S+:\d+:\s*", re.DOTALL)
_LONGEST = 600


def translate(error: Exception) -> HALError | None:
    """OpenVINO's exception in our words, or None where it is not OpenVINO's."""
    text = str(error)
    found = _by_text(text)
    named = _by_name(type(error))
    if named is not None:
        fields = found[1] if found is not None else {}
        kind = found[0] if found is not None and named is CompileError else named
        return kind(_told(text), **fields)
    if found is None or not isinstance(error, RuntimeError):
        return None
    return found[0](_told(text), **found[1])


def _by_name(kind: type[BaseException]) -> type[HALError] | None:
    for ancestor in kind.__mro__:
        if ancestor.__module__.partition(".")[0] == "openvino" and ancestor.__name__ in KINDS:
            return KINDS[ancestor.__name__]
    return None


def _by_text(text: str) -> tuple[type[HALError], dict[str, Any]] | None:
    for pattern, kind in PATTERNS:
        match = pattern.search(text)
        if match is not None:
            return kind, _fields(match.groupdict())
    return None


def _fields(groups: Mapping[str, str | None]) -> dict[str, Any]:
    """The groups as error fields; OpenVINO writes an op as "Op-13", opset included."""
    fields: dict[str, Any] = {name: text for name, text in groups.items() if text}
    name, dash, opset = fields.get("op", "").rpartition("-")
    if dash and opset.isdigit():
        fields["op"], fields["opset"] = name, opset
    if "opset" in fields:
        fields["opset"] = int(fields["opset"])
    if "dtype" in fields:
        fields["dtype"] = _SCHEMA.get(fields["dtype"], fields["dtype"].lower())
    return fields


_SCHEMA = {"FLOAT": "float32", "DOUBLE": "float64"}


def _told(text: str) -> str:
    """The message on one line, without the places in OpenVINO's sources it passed through."""
    told = " ".join(_WHERE.sub("", text).split())
    return "OpenVINO: " + (told if len(told) <= _LONGEST else told[:_LONGEST] + " ...")
