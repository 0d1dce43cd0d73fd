"""The toolkit's exceptions in our words.

RKNN-Toolkit2 raises ValueError for everything, with a traceback of its own inside the text; the
last line that names an exception says what happened. `PATTERNS` is read from the top.
"""

from __future__ import annotations

import re

from hal.errors import CompileError, HALError, InputError, Unsupported

PATTERNS: tuple[tuple[re.Pattern[str], type[HALError]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (r"Unsupport onnx opset (?P<opset>\d+)", Unsupported),
        (r"input \d+ of (?P<op>\w+)\('[^']*'\) need to be constant", Unsupported),
        (r"The (?P<op>\w+)\('[^']*'\) will cause the graph to be a dynamic", Unsupported),
        (r"of type (?P<op>\w+) is in Training mode", Unsupported),
        (r"All outputs .* of model are constants", Unsupported),
        (r"The input shape .* is not support", Unsupported),
        (r"Not support input data type '(?P<dtype>\w+)'", Unsupported),
        (r"Unsupport \w+\[\d+\]\.dtype: (?P<dtype>\w+)", Unsupported),
        (r"[Nn]ot [Ss]upport|[Uu]nsupport", Unsupported),
        (r"NOT_IMPLEMENTED|NotImplemented|is not a registered function/op", Unsupported),
        (r"target_platform .* not|invalid value for .*config", InputError),
    )
)
"""A pattern found in what the toolkit says, and what it means; named groups become fields."""

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_RAISED = re.compile(r"^(?:[\w.]+(?:Error|Exception|Fail|InvalidArgument|NotImplemented|"
                     r"InvalidGraph|RuntimeException)): ", re.MULTILINE)  # fmt: skip
_LONGEST = 500


def translate(error: Exception) -> HALError | None:
    """The toolkit's exception in our words, or None where it is not the toolkit's."""
    return of_text(str(error)) if is_toolkits(error) else None


def is_toolkits(error: BaseException) -> bool:
    """Whether the toolkit raised it: it puts its own traceback into the text."""
    return "rknn/api/" in str(error)


def of_text(text: str) -> HALError:
    """What the toolkit said, as an error: a clean no where a pattern knows it for one."""
    told = _told(_COLOUR.sub("", text))
    for pattern, kind in PATTERNS:
        match = pattern.search(told)
        if match is not None:
            fields = {name: value for name, value in match.groupdict().items() if value}
            opset = int(fields.pop("opset", "0")) or None
            return kind(told, opset=opset, **fields)
    return CompileError(told)


def _told(text: str) -> str:
    """The sentence of the last exception in the text, on one line."""
    raised = list(_RAISED.finditer(text))
    told = " ".join(text[raised[-1].end() :].split()) if raised else " ".join(text.split())
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}..."
