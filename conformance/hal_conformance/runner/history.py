"""What must have run before a case for it to fail: the history of a flake, made small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from hal.errors import InputError
from hal_conformance.results import read

_Item = TypeVar("_Item")


def of(results: Path, target: str, case: str) -> list[str]:
    """What the worker had run before the case failed in it, first to last.

    Raises:
        InputError: there is no such record there, or it has no history.
    """
    for record in read(results).records:
        if (record.target, record.case) == (target, case):
            history = next((a.history for a in record.attempts if a.history), None)
            if history is None:
                raise InputError(
                    f"{case} on {target} is a {record.outcome.value} in {results}: only a "
                    "FLAKE has a history"
                )
            return history
    raise InputError(f"{results} has no record of {case} on {target}")


def smallest(history: Sequence[_Item], fails: Callable[[Sequence[_Item]], bool]) -> list[_Item]:
    """A part of the history, in its order, after which it fails, and of which all is needed.

    Zeller's ddmin: ever smaller chunks are left out while it still fails without them.

    Args:
        history: what ran before; `fails(history)` is taken to be true.
        fails: whether the case fails when just this runs before it.
    """
    kept = list(history)
    chunks = 2
    while len(kept) >= 2 or (kept and chunks == 2):
        size = -(-len(kept) // chunks)
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            part = kept[start : start + size]
            if len(part) < len(kept) and fails(part):
                kept, chunks = part, 2
                break
            if fails(rest):
                kept, chunks = rest, max(chunks - 1, 2)
                break
        else:
            if chunks >= len(kept):
                break
            chunks = min(chunks * 2, len(kept))
    return kept
