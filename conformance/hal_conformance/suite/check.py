"""What contract tests assert with: exact values, clean refusals; messages without rewriting.

Contract tests also run where pytest is not installed, so nothing here leans on its rewritten
assertions: every failure says what was got and what was promised.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from hal.errors import DeviceLost, HALError


def equal(got: object, promised: object, what: str) -> None:
    """Fail unless the two are equal; `what` names the subject of the sentence."""
    if got != promised:
        raise AssertionError(f"{what}: got {got!r}, promised {promised!r}")


def same(got: Any, promised: Any, what: str) -> None:
    """Fail unless both arrays have one dtype, one shape and the same elements."""
    equal(isinstance(got, np.ndarray), True, f"{what}, a {type(got).__name__}, is an array")
    array: np.ndarray[Any, Any] = got
    promised = np.asarray(promised)
    equal(array.dtype, promised.dtype, f"dtype of {what}")
    equal(array.shape, promised.shape, f"shape of {what}")
    if not bool(np.all(array == promised)):
        raise AssertionError(
            f"{what}: got {_short(array)}, promised {_short(promised)}; "
            f"{int(np.sum(array != promised))} of {array.size} elements differ"
        )


def same_all(got: Mapping[str, Any], promised: Mapping[str, Any], what: str = "output") -> None:
    """Fail unless both hold the same names, in the same order, with the same arrays."""
    equal(list(got), list(promised), f"names of the {what}s")
    for name, array in promised.items():
        same(got[name], array, f"{what} {name!r}")


@contextmanager
def refuses(*kinds: type[HALError], what: str, saying: str = "") -> Generator[None, None, None]:
    """Fail unless the body raises one of `kinds`, with `saying` in its message.

    Raises:
        DeviceLost: the device is gone, which is for the caller of the whole test to judge.
    """
    names = " or ".join(kind.__name__ for kind in kinds)
    try:
        yield
    except DeviceLost:
        raise
    except kinds as error:
        if saying not in error.message:
            raise AssertionError(
                f"{what}: the message does not name {saying!r}: {error.message}"
            ) from error
        return
    except Exception as error:
        raise AssertionError(
            f"{what}: promised {names}, got {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"{what}: promised {names}, but it was accepted")


def _short(array: np.ndarray[Any, Any]) -> str:
    text = np.array2string(array, threshold=8, edgeitems=3, separator=", ")
    return " ".join(text.split())
