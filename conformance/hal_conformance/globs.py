"""Patterns over case ids: `*` is any text, `?` one character, the rest stands for itself.

Square brackets are plain text here, because parametrised cases have them in their ids.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression that matches what `pattern` matches, as a whole."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` fits `pattern`."""
    return compiled(pattern).fullmatch(text) is not None


def any_matches(pattern: str, texts: Iterable[str]) -> bool:
    """Whether any of the texts fits `pattern`."""
    fits = compiled(pattern).fullmatch
    return any(fits(text) for text in texts)


def is_glob(pattern: str) -> bool:
    """Whether the pattern can match more than itself."""
    return "*" in pattern or "?" in pattern


def literal(pattern: str) -> str:
    """What every match of the pattern begins with."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0]


class Sorted:
    """Many texts, asked by pattern: only those that begin right are looked at."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = sorted(set(texts))

    def matching(self, pattern: str) -> Iterator[str]:
        """The texts that fit the pattern, in order."""
        start = literal(pattern)
        fits = compiled(pattern).fullmatch
        first = bisect_left(self.texts, start)
        last = bisect_left(self.texts, f"{start}\U0010ffff")
        return (text for text in self.texts[first:last] if fits(text))

    def any(self, pattern: str) -> bool:
        """Whether any of them fits."""
        return next(self.matching(pattern), None) is not None
