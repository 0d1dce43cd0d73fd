"""What a contract test can ask for by the name of an argument.

    device   the Device under test, through the shell
    raw      the same adapter below the shell (Raw)
    zoo      models in the element type and opset of the device (models.Zoo)
    exe      zoo.arithmetic(), compiled
    feeds    what `exe` takes
    again    opens the same target once more, on an adapter instance of its own
    folder   an empty folder

`Bench` is one adapter instance with one target; it outlives the tests, its fixtures do not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import hal.device
from hal import dtypes
from hal.adapter import Adapter
from hal.device import Device
from hal.errors import DeviceError, DeviceLost, HALError
from hal.executable import Executable
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, TensorSpec
from hal.targets import Target
from hal.tensor import Array, Tensor
from hal.translation import translated
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import Need, Skip

Again: TypeAlias = Callable[[], Device]


@dataclass(frozen=True)
class Raw:
    """An adapter below the shell, as the shell itself sees it."""

    adapter: Adapter
    info: DeviceInfo
    options: CompileOptions

    def attempt(self, source: bytes | Path) -> HALError | None:
        """The error with which the adapter refuses a model, compiling or running it; or None.

        Raises:
            AssertionError: it raised an exception that it cannot name itself.
            DeviceLost: it took its process along.
        """
        try:
            self._compile_and_run(source)
        except DeviceLost:
            raise
        except Exception as error:
            named = self._named(error)
            if named is None:
                raise AssertionError(
                    f"below the shell the adapter raised {type(error).__name__}: {error}; "
                    "its translate() does not know that exception"
                ) from error
            return named
        return None

    def _compile_and_run(self, source: bytes | Path) -> None:
        program = self.adapter.compile(Model(source), self.info, self.options)
        try:
            program.run({spec.name: _zeros(spec) for spec in program.inputs})
        finally:
            program.close()

    def _named(self, error: Exception) -> HALError | None:
        if isinstance(error, HALError):
            return error
        if isinstance(error, (MemoryError, ModuleNotFoundError)):
            return DeviceError(str(error))  # the shell names these two for every adapter
        return self.adapter.translate(error)


def _zeros(spec: TensorSpec) -> Tensor:
    dtype = dtypes.of_name(spec.dtype)
    shape = [dim if isinstance(dim, int) else 1 for dim in spec.shape or ()]
    return Tensor(np.zeros(shape, dtype.numpy), dtype)


@dataclass
class Bench:
    """One adapter instance with one target, and a device opened on it."""

    adapter: Adapter
    target: Target
    version: str = ""

    @cached_property
    def device(self) -> Device:
        """The device under test; it is never closed by a test.

        Raises:
            DeviceError: it is absent, or cannot be opened.
        """
        return self.open(self.adapter)

    def open(self, adapter: Adapter) -> Device:
        """A device of this target on an adapter instance."""
        with translated(adapter, DeviceError, self.target.device):
            info = adapter.find(self.target.device)
        return Device(self.target, adapter, info, adapter_version=self.version)

    def again(self) -> Device:
        """The same target on another instance of the same adapter."""
        from hal.worker.client import WorkerAdapter

        if isinstance(self.adapter, WorkerAdapter):
            return hal.device.open(self.target, isolated=True)
        kind: Callable[[], Adapter] = type(self.adapter)
        return self.open(kind())

    @cached_property
    def zoo(self) -> Zoo:
        return Zoo.of(self.device.info)

    def require(self, needs: tuple[Need, ...]) -> None:
        """Skip a test that needs what the device does not claim.

        Raises:
            Skip: it says what is missing.
        """
        info = self.device.info
        for need in needs:
            if need == "computes" and info.kind == "null":
                raise Skip("a null device computes nothing")
            if need != "computes" and need not in info.features:
                raise Skip(f"the device does not claim {need!r}")


@contextmanager
def device(bench: Bench) -> Generator[Device, None, None]:
    yield bench.device


@contextmanager
def raw(bench: Bench) -> Generator[Raw, None, None]:
    opened = bench.device
    asked = bench.target.options
    known = asked.arithmetic in opened.info.arithmetic
    yield Raw(bench.adapter, opened.info, asked if known else replace(asked, arithmetic=None))


@contextmanager
def zoo(bench: Bench) -> Generator[Zoo, None, None]:
    yield bench.zoo


@contextmanager
def exe(bench: Bench) -> Generator[Executable, None, None]:
    with bench.device.compile(bench.zoo.arithmetic()) as executable:
        yield executable


@contextmanager
def feeds(bench: Bench) -> Generator[dict[str, Array], None, None]:
    yield bench.zoo.feeds()


@contextmanager
def again(bench: Bench) -> Generator[Again, None, None]:
    opened: list[Device] = []

    def open_again() -> Device:
        opened.append(bench.again())
        return opened[-1]

    try:
        yield open_again
    finally:
        for one in opened:
            one.close()


@contextmanager
def folder(bench: Bench) -> Generator[Path, None, None]:  # noqa: ARG001  fixtures share one form
    with tempfile.TemporaryDirectory(prefix="hal-suite-") as name:
        yield Path(name)


Fixture: TypeAlias = "Callable[[Bench], AbstractContextManager[Any]]"

FIXTURES: Mapping[str, Fixture] = {
    "device": device,
    "raw": raw,
    "zoo": zoo,
    "exe": exe,
    "feeds": feeds,
    "again": again,
    "folder": folder,
}
