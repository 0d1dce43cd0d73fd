"""Why a fault survives: looked at one by one, told here, shown in docs/power.md."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hal_conformance.power.campaign import Pair

UNKNOWN = "not looked at yet"

REASONS: tuple[tuple[str, str, str], ...] = ()
"""Patterns of a fault and of an operator, and the reason; the first that fits."""


def reason(pair: Pair) -> str:
    """Why no case of ours finds a fault."""
    for fault, operator, why in REASONS:
        if fnmatchcase(pair.fault, fault) and fnmatchcase(pair.operator, operator):
            return why
    return UNKNOWN
