"""What the tools print when they fail, in our words: a table, read from the top."""

from __future__ import annotations

import re

from hal.errors import CompileError, HALError, Unsupported

PATTERNS: tuple[tuple[re.Pattern[str], type[HALError]], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"Op not support:\{'(?P<op>\w+)'", Unsupported),
        (r"NotImplementedError", Unsupported),
        (r"[Nn]ot (?:[Ss]upport|[Ii]mplement)|[Uu]nsupport", Unsupported),
    )
)
"""A pattern found in the last lines, and what it means; the group is the operator."""

_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Fail): .+", re.MULTILINE)
_DIED = re.compile(r"^.*(?:terminated|Segmentation fault|Assertion .* failed|what\(\):).*$",
                   re.MULTILINE)  # fmt: skip
_LONGEST = 500


def of_text(printed: str) -> HALError:
    """The tool's failure: a clean no where a pattern knows it for one."""
    told = _told(printed)
    for pattern, kind in PATTERNS:
        match = pattern.search(told)
        if match is not None:
            return kind(told, op=match.groupdict().get("op"))
    return CompileError(told)


def _told(printed: str) -> str:
    """The last sentence of an exception, with what died before it; else the last lines."""
    raised = _RAISED.findall(printed)
    died = _DIED.findall(printed)
    words = [*died[:1], *raised[-1:]] or printed.splitlines()[-5:]
    told = " ".join(" ".join(words).split())
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}..."
