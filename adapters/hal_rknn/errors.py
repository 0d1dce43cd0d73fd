"""The toolkit's exceptions in our words.

RKNN-Toolkit2 raises ValueError for everything, with a traceback of its own inside the text; the
last line that names an exception says what happened.
"""

from __future__ import annotations

import re

from hal.errors import CompileError, HALError, InputError, Unsupported
from hal.errortable import ErrorTable, one_line
from hal.logged import last_raised

TABLE = ErrorTable(
    (Unsupported, r"Unsupport onnx opset (?P<opset>\d+)"),
    (Unsupported, r"input \d+ of (?P<op>\w+)\('[^']*'\) need to be constant"),
    (Unsupported, r"The (?P<op>\w+)\('[^']*'\) will cause the graph to be a dynamic"),
    (Unsupported, r"of type (?P<op>\w+) is in Training mode"),
    (Unsupported, r"All outputs .* of model are constants"),
    (Unsupported, r"Not support input data type '(?P<dtype>\w+)'"),
    (Unsupported, r"Unsupport \w+\[\d+\]\.dtype: (?P<dtype>\w+)"),
    (Unsupported, r"[Nn]ot [Ss]upport|[Uu]nsupport"),
    (Unsupported, r'In Node, \("[^"]*", (?P<op>\w+), .* No (?:Op registered|opset import)'),
    (Unsupported, r"NOT_IMPLEMENTED|NotImplemented|is not a registered function/op"),
    (InputError, r"target_platform .* not|invalid value for .*config"),
)

_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def translate(error: Exception) -> HALError | None:
    """The toolkit's exception in our words, or None where it is not the toolkit's."""
    return of_text(str(error)) if is_toolkits(error) else None


def is_toolkits(error: BaseException) -> bool:
    """Whether the toolkit raised it: it puts its own traceback into the text."""
    return "rknn/api/" in str(error)


def of_text(text: str) -> HALError:
    """What the toolkit said, as an error: a clean no where the table knows it for one."""
    plain = _COLOUR.sub("", text)
    said = last_raised(plain).partition(": ")[2] or plain
    return TABLE.read(one_line(said), CompileError)
