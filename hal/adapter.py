"""What a vendor writes: three required methods, and mixins for optional powers.

Required: `Adapter.probe`, `Adapter.compile`, `Program.run`. Optional: the `Can*` mixins. A
mixin says that something can be asked; `DeviceInfo.features` says that it is claimed of this
device; the conformance suite tests every claim. Adapters translate and nothing more: feeds
arrive validated, `Adapter.translate` is a table of errors, and timing, caching, retries,
threads and logging are the shell's (`hal/device.py`, `hal/executable.py`).
Loads with NumPy alone, on Python 3.10, so that an adapter runs in a bare worker.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from hal.errors import DeviceNotFound, HALError, InputError, SDKMissing, Unsupported
from hal.spec import CompileOptions, DeviceInfo, NodeTime, Placement, Support, TensorSpec
from hal.tensor import Array, Feeds, Value

if TYPE_CHECKING:
    from hal.model import Model


class Program(ABC):
    """A compiled model on a device.

    `inputs` and `outputs` are the signature as the vendor reports it, in the model's order.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @abstractmethod
    def run(self, feeds: Feeds) -> Sequence[Value]:
        """Compute once; the results stand in the order of `outputs` and belong to the caller.

        `feeds` hold every required input with the dtype and shape that `inputs` declare. They
        may be read-only, misaligned or not contiguous, and must not be written to.
        """

    def close(self) -> None:  # noqa: B027  closing nothing is a valid default
        """Release the device's memory; called once."""


class Adapter(ABC):
    """One vendor's SDK seen through this interface; one instance serves one target.

    `name` is the entry point's name; `install` the pip line that brings the SDK;
    `system_packages` what it needs of the operating system, by Debian's names, which are told
    and never installed; `absent` says what a device needs that is not here, by the first part
    of its id ("cuda" of "cuda.1"). Options of the target arrive in `CompileOptions.vendor`. A
    constructor takes no arguments and loads no vendor: the SDK is imported by `probe` or
    `compile`, which raise SDKMissing without it.
    """

    name: ClassVar[str]
    install: ClassVar[str | None] = None
    system_packages: ClassVar[tuple[str, ...]] = ()
    absent: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def probe(self) -> Sequence[DeviceInfo]:
        """The devices present on this machine; cheap, opens no context.

        Raises:
            SDKMissing: the vendor's package is not installed.
        """

    @abstractmethod
    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        """Make a program of the model for the device.

        Raises:
            Unsupported: a clean no, naming the op, dtype, opset or shape where it is known.
            Exception: anything else; `translate` gives it a name.
        """

    def find(self, device: str) -> DeviceInfo:
        """The device with that id; override it where ids are open-ended ("hetero:gpu,cpu").

        Raises:
            DeviceNotFound: there is none; the message lists those that are there.
        """
        found = {info.id: info for info in self.probe()}
        if device not in found:
            why = self.absent.get(first_part(device))
            raise DeviceNotFound(
                f"no device {device!r}; adapter {self.name!r} sees {sorted(found)}"
                f"{f'; {why}' if why else ''}",
                device=device,
            )
        return found[device]

    def translate(self, error: Exception) -> HALError | None:  # noqa: ARG002  overridden
        """This vendor's exception in our words, or None where it is not the vendor's.

        A HALError raised by the adapter itself never comes here.
        """
        return None

    def close(self) -> None:  # noqa: B027  closing nothing is a valid default
        """Release what the adapter holds process-wide; called once."""


class CanQuery(ABC):
    """On an Adapter: predicts which nodes a device takes."""

    @abstractmethod
    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        """A prediction, a node at a time, with the reason for each no."""


class CanLoad(ABC):
    """On an Adapter: revives a program saved by a CanSave program of the same adapter."""

    @abstractmethod
    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        """The program that was saved; the shell has checked it is whole and of this SDK."""


class CanSave(ABC):
    """On a Program: its compiled form can be kept."""

    @abstractmethod
    def save(self) -> bytes:
        """What `CanLoad.load` needs; the shell adds the header."""


class CanPlace(ABC):
    """On a Program: knows where each node of the original model ran."""

    @abstractmethod
    def placement(self) -> Placement:
        """A fact, with the evidence for it; nodes it knows nothing of are `unknown`."""


class CanSubmit(ABC):
    """On a Program: the device has a queue of its own."""

    @abstractmethod
    def submit(self, feeds: Feeds) -> Future[Sequence[Value]]:
        """Queue one run and return at once; `feeds` stay unchanged until it is done."""


class Binding(ABC):
    """A program bound to buffers; what `CanBind.bind` returns.

    `inputs` are the arrays the device reads on each run, `outputs` those it writes: they alias
    the vendor's memory, and the next `run` overwrites `outputs`.
    """

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]

    @abstractmethod
    def run(self) -> None:
        """Compute once, reading `inputs` as they are now."""

    def close(self) -> None:  # noqa: B027  closing nothing is a valid default
        """Let go of the buffers."""


class CanBind(ABC):
    """On a Program: runs on buffers that are bound once, without copies."""

    @abstractmethod
    def bind(self, feeds: Feeds, outputs: Feeds) -> Binding:
        """Bind every input to `feeds`, and each output to a buffer of `outputs` where given."""


class CanProfile(ABC):
    """On a Program: measures its nodes."""

    @abstractmethod
    def profile(self, feeds: Feeds) -> Sequence[NodeTime]:
        """Run once and say how long each node took."""


OptionSchema = Mapping[str, Any]
"""A JSON Schema for `CompileOptions.vendor`; an adapter publishes it as `options_schema`."""


def import_sdk(module: str, who: str, install: str | None) -> Any:
    """The vendor's module, imported now.

    Args:
        module: its dotted name.
        who: what the user knows it as, at the start of a sentence.
        install: the command that installs it.

    Raises:
        SDKMissing: it, or something it needs, is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise SDKMissing(
            f"{who} is not installed ({error}); install it with: {install}", install=install
        ) from error


def first_part(device: str) -> str:
    """The kind of device that an id names: "cuda" of "cuda", "cuda.1" and "cuda:sm_90"."""
    return re.split(r"[.:]", device)[0]


def refuse_options(given: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Refuse vendor options that there are not.

    Args:
        given: `CompileOptions.vendor`.
        known: those that there are.

    Raises:
        InputError: one is unknown; all that there are are named.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        there = f"there are {sorted(known)}" if known else "this device has none"
        raise InputError(f"no vendor options {unknown}; {there}")


def refuse_host(placed: Placement, who: str, place: str) -> None:
    """Refuse a program of which nodes run on the host, once compiling has told where they run.

    Args:
        placed: where they run.
        who: what says so, such as "the compiler's log".
        place: where the host's nodes run, such as "the host".

    Raises:
        Unsupported: one runs on the host; it is named.
    """
    for node in placed.nodes:
        if node.where == "host":
            raise Unsupported(
                f"{who} puts {node.op} ({node.node}) on {place} ({node.by}); "
                "allow_fallback lets it",
                op=node.op,
                node=node.node,
            )
