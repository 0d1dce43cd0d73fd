"""The evaluator's exceptions in our words.

`TYPES` gives each exception type its default; `TABLE` recognises the messages of one that
means several things. What operators raise in passing (ValueError, IndexError) is not named
here: the shell calls it what it calls any failure of that moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hal.errors import CompileError, ExecutionError, HALError, InputError, Unsupported
from hal.errortable import ErrorTable, one_line

TYPES: Mapping[str, type[HALError]] = {
    "ConvertError": InputError,  # the version converter: a model it cannot read
    "InferenceError": InputError,  # shapes or types that contradict each other
    "ParseError": InputError,
    "RuntimeContextError": Unsupported,  # a function body that depends on unknown types
    "RuntimeImplementationError": Unsupported,
    "RuntimeTypeError": ExecutionError,
    "SchemaError": Unsupported,  # no such operator in this opset
    "ShapeAnnotationError": ExecutionError,
    "ValidationError": InputError,  # the checker: not a valid model
}
"""By the class's name, for classes of `onnx`."""

TABLE = ErrorTable(
    (Unsupported, r"No Op registered for (?P<op>\S+) with domain_version of (?P<opset>\d+)"),
    (Unsupported, r"No opset import for domain '"),
    (Unsupported, r"Your model ir_version \d+ is higher than the checker's"),
    (Unsupported, r"Pillow must be installed .* the (?P<op>\w+) operator"),
    (Unsupported, r"[Nn]ode type '\w+' from domain '"),
)
_FOREIGN = re.compile(r"[Nn]ode type '(\w+)' from domain '([^']+)'")


def translate(error: Exception) -> HALError | None:
    """The evaluator's exception as ours; None where it is an operator's, raised in passing."""
    own = type(error).__module__.startswith("onnx.")
    if not own and not isinstance(error, (NotImplementedError, ImportError)):
        return None
    text = one_line(error)
    foreign = _FOREIGN.search(text)
    found = TABLE.find(text, op=f"{foreign[2]}:{foreign[1]}" if foreign else None)
    if found is not None or isinstance(error, ImportError):
        return found
    kind = TYPES.get(type(error).__name__, CompileError) if own else Unsupported
    return kind(text)
