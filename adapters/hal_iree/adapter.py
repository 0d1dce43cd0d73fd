"""IREE's side of the SPI: devices, compilation, saved programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hal import saved
from hal.adapter import Adapter, CanLoad, Program
from hal.errors import DeviceNotFound, HALError, InputError, Unsupported
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
    repro_script: ClassVar[str] = repro.SCRIPT

    def probe(self) -> Sequence[DeviceInfo]:
        here = {device: devices.seen(kind) for device, kind in devices.KINDS.items()}
        return [devices.info(device, name) for device, name in here.items() if name]

    def find(self, device: str) -> DeviceInfo:
        """One that is here, or one that is compiled for here and runs elsewhere."""
        name = devices.seen(devices.kind_of(device))
        return devices.info(device, name or f"{device}, compiled for and not here")

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        """Where IREE refuses a model whose axes, pads, counts, ... are inputs, it is compiled
        for the values that a run brings instead."""
        flags = [*devices.flags(device.id), *_flags(options.vendor)]
        opened = _opened(device, options)

        def made(known: Model) -> Program:
            blob = compiling.compiled(known, flags, options)
            inputs = tuple(spec.bound(options.dimensions) for spec in known.facts.inputs)
            return IreeProgram(blob, inputs, known.facts.outputs, opened)

        try:
            return made(model)
        except Unsupported:
            steering = control_inputs(model)
            if not steering:
                raise
        return Specialized(model, made, static=False, freeze=steering)

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> IreeProgram:
        inputs, outputs, body, _ = saved.unpack(blob)
        return IreeProgram(body, inputs, outputs, _opened(device, options))

    def translate(self, error: Exception) -> HALError | None:
        return errors.of_runtime(error)


def _flags(vendor: Mapping[str, Any]) -> list[str]:
    flags: Any = vendor.get("flags", [])
    if set(vendor) - {"flags"} or not isinstance(flags, list):
        raise InputError(
            f"IREE takes one option, flags: a list for iree-compile; not {dict(vendor)}"
        )
    return [str(flag) for flag in flags]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # anything a user holds


def _opened(device: DeviceInfo, options: CompileOptions) -> Any:
    """The runtime's device, or the reason why there is none, which a run will tell."""
    try:
        return devices.opened(devices.kind_of(device.id), options.threads)
    except DeviceNotFound as error:
        return error
