"""Every error this package raises, as one tree.

Read by adapter writers (which class does my vendor's exception become?) and by users
(which class do I catch?). Loads with the standard library alone, on Python 3.10.

    HALError
    ├── AdapterError             the adapter is missing, broken or named twice
    │   └── SDKMissing           the vendor's package is not installed: carries the pip line
    ├── DeviceError              absent, busy, lost, out of memory
    │   ├── DeviceNotFound       no such device on this machine
    │   │   └── HostUnreachable  the machine that has the device does not answer
    │   ├── DeviceLost           the process of the device, or a tool of it, ended or hung
    │   └── OutOfMemory          the device or its host ran out of memory
    ├── Unsupported              a clean no (op, dtype, opset, shape): a gap, in conformance
    ├── CompileError             the vendor broke its own promise
    ├── InputError(ValueError)   the caller's mistake: feeds, model, options, targets
    ├── ExecutionError           a compiled program failed while it ran
    └── ArtifactError            saved elsewhere, by another version, or damaged

Each carries fields, not only prose: `error.node`, `.op`, `.opset`, `.dtype`, `.device`; a field
that does not apply is None. `to_json` and `from_json` carry an error across a process border.
"""

from __future__ import annotations

import signal
from typing import Any, ClassVar

FIELDS = ("node", "op", "opset", "dtype", "device")


class HALError(Exception):
    """Something this package can name went wrong."""

    extra: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        message: str,
        *,
        node: str | None = None,
        op: str | None = None,
        opset: int | None = None,
        dtype: str | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(message)
        self.node = node
        self.op = op
        self.opset = opset
        self.dtype = dtype
        self.device = device

    @property
    def message(self) -> str:
        """The sentence for people, without the fields."""
        return str(self.args[0]) if self.args else ""

    def fields(self) -> dict[str, Any]:
        """The fields that are set, by name."""
        named = {name: getattr(self, name) for name in (*FIELDS, *self.extra)}
        return {name: value for name, value in named.items() if value is not None}


class AdapterError(HALError):
    """The adapter is missing, cannot be loaded, or is named twice."""


class SDKMissing(AdapterError):
    """The vendor's package is not installed; `install` is the line to type."""

    extra = ("install",)

    def __init__(self, message: str, *, install: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.install = install


class DeviceError(HALError):
    """The device is absent, busy, lost, or out of memory."""


class DeviceNotFound(DeviceError):
    """No device of that name is present on this machine."""


class HostUnreachable(DeviceNotFound):
    """The other machine, which has the device, does not answer."""


class DeviceLost(DeviceError):
    """The process that held the device ended or stopped answering, or a vendor's tool did.

    `signal` is the number of the signal that ended it, `exit_code` its exit status, `timed_out`
    whether it was ended because it did not answer in time; `stderr` the last it printed.
    """

    extra = ("signal", "exit_code", "timed_out", "stderr")

    def __init__(
        self,
        message: str,
        *,
        signal: int | None = None,
        exit_code: int | None = None,
        timed_out: bool | None = None,
        stderr: str | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(message, **fields)
        self.signal = signal
        self.exit_code = exit_code
        self.timed_out = timed_out
        self.stderr = stderr


class OutOfMemory(DeviceError):
    """The device, or the process that drives it, ran out of memory."""


class Unsupported(HALError):
    """A clean no: this device does not do this op, dtype, opset or shape."""


class CompileError(HALError):
    """The vendor's compiler failed on something it does not say it refuses."""


class InputError(HALError, ValueError):
    """The caller's mistake: what was given, what is true, and what to do are in the message."""


class ExecutionError(HALError):
    """A compiled program failed while it ran."""


class ArtifactError(HALError):
    """A saved program that is damaged, or was saved by another device or version."""


ALL: tuple[type[HALError], ...] = (
    HALError,
    AdapterError,
    SDKMissing,
    DeviceError,
    DeviceNotFound,
    HostUnreachable,
    DeviceLost,
    OutOfMemory,
    Unsupported,
    CompileError,
    InputError,
    ExecutionError,
    ArtifactError,
)
_BY_NAME = {kind.__name__: kind for kind in ALL}


def to_json(error: HALError) -> dict[str, Any]:
    """The error as plain data: its class name, message and fields."""
    kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _BY_NAME)
    return {"kind": kind, "message": error.message, "fields": error.fields()}


def from_json(data: dict[str, Any]) -> HALError:
    """The error that `to_json` described; an unknown class name becomes a HALError."""
    kind = _BY_NAME.get(str(data.get("kind")), HALError)
    fields = {
        name: value
        for name, value in dict(data.get("fields") or {}).items()
        if name in FIELDS or name in kind.extra
    }
    return kind(str(data.get("message", "")), **fields)


def signal_name(number: int) -> str:
    """The name of a signal, where this platform knows it."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
