"""Reasons with their particulars removed, so that failures of one kind stand together."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTICULARS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"0x[0-9a-fA-F]+"), "#"),
    (re.compile(r"'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"|`[^`\n]{0,200}`"), "'…'"),
    (re.compile(r"(?<![\w.])/?(?:[\w.+-]+/){2,}[\w.+-]+"), "<path>"),
    (re.compile(r"[\[(][\d\s,x?-]+[\])]"), "[#]"),
    (re.compile(r"^[^\s:]{1,80}(?=\[#\]:)"), "…"),
    (re.compile(r"(?<![A-Za-z])[-+]?(?:inf|nan)\b"), "#"),
    (re.compile(r"(?<![A-Za-z])[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?%?"), "#"),
    (re.compile(r"\s+"), " "),
)


@lru_cache(maxsize=65536)
def shape(reason: str) -> str:
    """The first line of a reason without names, numbers, paths and addresses."""
    text = reason.strip().split("\n", 1)[0][:400]
    for pattern, stand_in in _PARTICULARS:
        text = pattern.sub(stand_in, text)
    return text.strip()
