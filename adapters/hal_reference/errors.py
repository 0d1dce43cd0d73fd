"""The evaluator's exceptions in our words.

`TYPES` gives each exception type its default; `PATTERNS` recognise the messages of one that
means several things. What operators raise in passing (ValueError, IndexError) is not named
here: the shell calls it what it calls any failure of that moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hal.errors import CompileError, ExecutionError, HALError, InputError, Unsupported

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

PATTERNS: tuple[tuple[type[HALError], re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        (
            Unsupported,
            r"No Op registered for (?P<op>\S+) with domain_version of (?P<opset>\d+)",
        ),
        (Unsupported, r"No opset import for domain '(?P<domain>[^']*)'"),
        (Unsupported, r"Your model ir_version \d+ is higher than the checker's"),
        (Unsupported, r"(?P<missing>Pillow) must be installed .* the (?P<op>\w+) operator"),
        (Unsupported, r"[Nn]ode type '(?P<op>\w+)' from domain '(?P<domain>[^']*)'"),
    )
)


def translate(error: Exception) -> HALError | None:
    """The evaluator's exception as ours; None where it is an operator's, raised in passing."""
    own = type(error).__module__.startswith("onnx.")
    if not own and not isinstance(error, (NotImplementedError, ImportError)):
        return None
    text = " ".join(str(error).split())
    for kind, pattern in PATTERNS:
        found = pattern.search(text)
        if found is not None:
            return kind(text, **_fields(found.groupdict()))
    if own:
        return TYPES.get(type(error).__name__, CompileError)(text)
    return Unsupported(text) if isinstance(error, NotImplementedError) else None


def _fields(groups: Mapping[str, str | None]) -> dict[str, Any]:
    domain = groups.get("domain")
    op = groups.get("op")
    fields: dict[str, Any] = {"op": f"{domain}:{op}" if domain and op else op}
    if groups.get("opset"):
        fields["opset"] = int(groups["opset"] or 0)
    return fields
