"""One place where a vendor's exception becomes one of ours."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from hal.adapter import Adapter
from hal.errors import HALError, OutOfMemory
from hal.registry import missing_sdk


def translate(
    adapter: Adapter, error: Exception, fallback: type[HALError], device: str | None = None
) -> HALError:
    """The error to raise instead of `error`; what the adapter does not know is a `fallback`."""
    ours = _ours(adapter, error, fallback)
    if ours.device is None:
        ours.device = device
    return ours


def _ours(adapter: Adapter, error: Exception, fallback: type[HALError]) -> HALError:
    if isinstance(error, HALError):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemory(f"out of memory: {error}".rstrip(": "))
    try:
        found = adapter.translate(error)
    except Exception as broken:  # noqa: BLE001  what it was asked about matters more
        said = f"{type(broken).__name__}: {broken}"
        return fallback(
            f"{type(error).__name__}: {error} (which `translate` failed on: {said})"
        )
    if found is not None:
        return found
    if isinstance(error, ModuleNotFoundError):
        return missing_sdk(adapter, error)
    return fallback(f"{type(error).__name__}: {error}")


@contextmanager
def translated(
    adapter: Adapter, fallback: type[HALError], device: str | None = None
) -> Generator[None]:
    """Raise what goes wrong inside as one of our errors, chained to the vendor's own."""
    try:
        yield
    except Exception as error:
        ours = translate(adapter, error, fallback, device)
        if ours is error:
            raise
        raise ours from error
