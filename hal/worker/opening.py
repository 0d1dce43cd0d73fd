"""Where a target's adapter lives: in this process, or in a worker."""

from __future__ import annotations

from hal import registry
from hal.adapter import Adapter
from hal.targets import Target


def adapter_of(target: Target, *, isolated: bool = False) -> Adapter:
    """The adapter of a target: in this process, or in a worker where it must or is to be.

    Raises:
        HALError: as `hal.open` says; the device is not looked for yet.
    """
    if not (isolated or target.is_foreign):
        return registry.create(target.adapter)
    from hal.worker.client import WorkerAdapter  # with all it needs, for those who need it

    return WorkerAdapter.of(target)
