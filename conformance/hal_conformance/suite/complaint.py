"""Trying many things and listing what went wrong, instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from hal.errors import DeviceLost, DeviceNotFound, HALError


def complaint(body: Callable[[], object]) -> str | None:
    """What went wrong, in one line; None if nothing did.

    Raises:
        DeviceLost, DeviceNotFound: there is no device to complain about.
    """
    try:
        body()
    except (DeviceLost, DeviceNotFound):
        raise
    except (HALError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def complaints(names: Iterable[str], body: Callable[[str], object]) -> dict[str, str]:
    """What went wrong for each name, where something did."""
    said = {name: complaint(partial(body, name)) for name in names}
    return {name: line for name, line in said.items() if line is not None}
