"""IREE's side of the SPI: devices, compilation, saved programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from hal import saved
from hal.adapter import Adapter, CanLoad, Program, refuse_options
from hal.errors import DeviceNotFound, HALError, InputError, Unsupported
from hal.errortable import one_line
from hal.spec import CompileOptions, DeviceInfo
from hal.specialize import Specialized, control_inputs
from hal_iree import compiling, devices, errors, repro
from hal_iree.program import IreeProgram

if TYPE_CHECKING:
    from hal.model import Model


class IreeAdapter(Adapter, CanLoad):
    """IREE: its compiler, and its runtime on the devices that its drivers see."""

    name: ClassVar[str] = "iree"
    install: ClassVar[str | None] = devices.INSTALL
    system_packages: ClassVar[tuple[str, ...]] = ("libvulkan1", "mesa-vulkan-drivers")
    absent: ClassVar[Mapping[str, str]] = devices.ABSENT
    repro_script: ClassVar[str] = repro.SCRIPT

    def probe(self) -> Sequence[DeviceInfo]:
        here: list[DeviceInfo] = []
        for device, kind in devices.KINDS.items():
            with suppress(DeviceNotFound):
                here.append(devices.info(device, devices.seen(kind)))
        return here

    def find(self, device: str) -> DeviceInfo:
        """One that is here, or one that is compiled for here and runs elsewhere."""
        kind = devices.kind_of(device)
        try:
            return devices.info(device, devices.seen(kind))
        except DeviceNotFound:
            return devices.info(device, f"{device}, compiled for and not here")

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        """Where IREE refuses a model whose axes, pads, counts, ... are inputs, it is compiled
        for the values that a run brings instead."""
        refuse_options(options.vendor, ("flags",))
        flags = [*devices.flags(device.id), *_more(options.vendor.get("flags", []))]

        def made(known: Model) -> Program:
            blob = compiling.compiled(known, flags, options)
            inputs = tuple(spec.bound(options.dimensions) for spec in known.facts.inputs)
            return IreeProgram(blob, inputs, known.facts.outputs, device, options)

        try:
            return made(model)
        except Unsupported:
            if not (steering := control_inputs(model)):
                raise
        return Specialized(model, made, static=False, freeze=steering)

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> IreeProgram:
        inputs, outputs, body, _ = saved.unpack(blob)
        return IreeProgram(body, inputs, outputs, device, options)

    def translate(self, error: Exception) -> HALError | None:
        return errors.RUNTIME.find(one_line(error))


def _more(flags: Any) -> list[str]:
    if not isinstance(flags, list):
        raise InputError(f"flags are a list of words for iree-compile, not {flags!r}")
    return flags  # pyright: ignore[reportUnknownVariableType]  # anything a user holds
