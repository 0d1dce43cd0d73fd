"""One case at a time, each in a worker of its own, after whatever is to run before it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress

from hal import device as devices
from hal.device import Device
from hal.errors import HALError
from hal.targets import Target
from hal_conformance.runner.bench import bound
from hal_conformance.runner.evidence import Evidence
from hal_conformance.runner.outcome import Observation, of_error
from hal_conformance.runner.suites import Suite


class Trials:
    """Runs cases of some suites, by name, on one target."""

    def __init__(self, target: Target, suites: Mapping[str, Suite]) -> None:
        self._target = target
        self._suites = suites

    def seen(self, case: str, before: Sequence[str] = ()) -> Observation:
        """What the case does in a fresh worker, after the others."""
        with self._after(before) as device:
            try:
                return self._observe(device, case)
            except HALError as error:
                return of_error(error)

    def fails(self, case: str, before: Sequence[str]) -> bool:
        """Whether the case goes wrong after the others."""
        return self.seen(case, before).outcome != "PASS"

    def evidence(self, gather: Callable[[Device], Evidence], before: Sequence[str]) -> Evidence:
        """What a case does in a fresh worker, after the others, in full."""
        with self._after(before) as device:
            return gather(device)

    @contextmanager
    def _after(self, before: Sequence[str]) -> Generator[Device]:
        device = bound(devices.open(self._target, isolated=True))
        try:
            for case in before:
                with suppress(HALError):  # what they do themselves is not the question
                    self._observe(device, case)
            yield device
        finally:
            device.close()

    def _observe(self, device: Device, case: str) -> Observation:
        return self._suites[case.partition("/")[0]].observe(device, case)
