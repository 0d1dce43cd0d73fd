"""What the tools print when they fail, in our words."""

from __future__ import annotations

import re

from hal.errors import CompileError, HALError, Unsupported
from hal.errortable import ErrorTable, one_line
from hal.logged import last_raised

TABLE = ErrorTable(
    (Unsupported, r"Op not support:\{'(?P<op>\w+)'"),
    (Unsupported, r"NotImplementedError"),
    (Unsupported, r"[Nn]ot (?:[Ss]upport|[Ii]mplement)|[Uu]nsupport"),
)

_DIED = re.compile(r".*(?:terminated|Segmentation fault|Assertion .* failed|what\(\):).*")


def of_text(printed: str) -> HALError:
    """The tool's failure: a clean no where the table knows it for one.

    It is the last exception's first line, after what died before it; else the last lines.
    """
    died = _DIED.findall(printed)
    words = [*died[:1], *last_raised(printed).splitlines()[:1]] or printed.splitlines()[-5:]
    return TABLE.read(one_line(" ".join(words)), CompileError)
