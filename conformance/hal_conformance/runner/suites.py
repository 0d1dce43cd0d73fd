"""What the runner needs of a suite, whatever its cases are made of.

`standard_suite`, `api_suite` and `frozen.suite` are what there is; tests bring their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from hal.device import Device
from hal.targets import Target
from hal_conformance.runner.outcome import Observation

if TYPE_CHECKING:
    from hal_conformance.records import IndexRow


class Suite(Protocol):
    """A set of cases with stable ids, which begin with the suite's name and a slash."""

    def info(self) -> dict[str, Any]:
        """As `records.CorpusInfo`: a hash over all cases, how many there are."""
        ...

    def ids(self) -> Sequence[str]:
        """The ids of all cases, in the order in which they are best begun."""
        ...

    def facts(self, case: str) -> dict[str, Any]:
        """What records repeat of the case: case_hash, and ops and dtypes of its model."""
        ...

    def index_rows(self, cases: Sequence[str]) -> list[IndexRow]:
        """The lines of `index.jsonl` for these cases, in their order."""
        ...

    def observe(self, device: Device, case: str) -> Observation:
        """Run the case on a device whose adapter is a WorkerAdapter, and judge it.

        Raises:
            HALError: the device refused, failed or was lost; the caller knows what that means.
        """
        ...


@runtime_checkable
class Prepares(Protocol):
    """A suite that can make what a choice of its cases needs before the first of them runs."""

    def prepare(self, cases: Sequence[str], targets: Sequence[Target]) -> None:
        """Make it.

        Raises:
            HALError: it cannot be made.
        """
        ...
