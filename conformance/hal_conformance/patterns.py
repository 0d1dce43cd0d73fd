"""The fewest patterns that name some cases and no other, for `hal expect update`."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from hal_conformance import globs
from hal_conformance.report.names import parsed

SMALLEST_GLOB = 4
"""Fewer cases than this that share a prefix are named one by one."""


def narrow(cases: Iterable[str], universe: globs.Sorted) -> list[str]:
    """Patterns that match all of `cases` and nothing else of `universe`, as few as is safe.

    Globs of single-operator cases leave out version, types or form; others are prefixes that
    end between words, over `SMALLEST_GLOB` cases or more.
    """
    every = set(cases)
    found, covered = _by_parts(every, universe)
    wanted = sorted(every - covered)
    everything = universe.texts
    done = ""
    for case in wanted:
        if done and case.startswith(done):
            continue
        done = _safe_prefix(case, wanted, everything)
        found.append(f"{done}*" if done else case)
    return found


def _by_parts(wanted: set[str], universe: globs.Sorted) -> tuple[list[str], set[str]]:
    """Globs over single-operator cases, the widest first, and what they match."""
    members: dict[str, set[str]] = defaultdict(set)
    for case in wanted:
        for pattern in _candidates(case):
            members[pattern].add(case)
    found: list[str] = []
    covered: set[str] = set()
    for pattern in sorted(members, key=lambda p: (-len(members[p]), -len(p), p)):
        if len(members[pattern] - covered) < 2:
            continue
        if wanted.issuperset(universe.matching(pattern)):
            found.append(pattern)
            covered |= members[pattern]
    return found, covered


def _candidates(case: str) -> list[str]:
    """What a case may stand for: any version, any types, any first types, any form."""
    name = parsed(case)
    if name is None or globs.is_glob(case):
        return []
    head, version, types = f"ops/{name.operator}", str(name.version), "-".join(name.types)
    last = f"*-{name.types[-1]}" if len(name.types) > 1 else types
    patterns = (
        f"{head}/*",
        f"{head}/{version}/*",
        f"{head}/*/{name.form}",
        f"{head}/{version}/*/{name.form}",
        f"{head}/*/{types}/*",
        f"{head}/*/{types}/{name.form}",
        f"{head}/*/{last}/*",
        f"{head}/*/{last}/{name.form}",
        f"{head}/{version}/{last}/{name.form}",
    )
    return list(dict.fromkeys(patterns))


def _safe_prefix(case: str, wanted: list[str], everything: list[str]) -> str:
    """The shortest prefix of `case` that no unwanted case shares, or "" if it saves nothing."""
    ends = [index + 1 for index, letter in enumerate(case) if letter in "/_-[,"]
    for end in ends:
        prefix = case[:end]
        if globs.is_glob(prefix):
            break
        size = _starting(prefix, wanted)
        if size < SMALLEST_GLOB:
            break
        if size == _starting(prefix, everything):
            return prefix
    return ""


def _starting(prefix: str, ordered: list[str]) -> int:
    return bisect_left(ordered, prefix + "\U0010ffff") - bisect_left(ordered, prefix)
