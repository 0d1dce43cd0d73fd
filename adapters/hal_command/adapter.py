"""The Adapter: writes the model to a file and has it compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, cast, get_args

from hal.adapter import Adapter, Program
from hal.errors import Unsupported
from hal.spec import CompileOptions, DeviceInfo, TensorSpec
from hal.specialize import Specialized, bound, check_tensors
from hal_command.lines import Lines
from hal_command.program import CommandProgram

if TYPE_CHECKING:
    from hal.model import Model

Kind = Literal["cpu", "gpu", "npu", "fpga", "simulator"]


class CommandAdapter(Adapter):
    """Any device whose tools are two commands; a target's `vendor` options are its lines.

    A device's id is whatever its maker calls it, with the version of its tools after an @ and
    its kind before a colon, where it is no CPU: "emx-onnx-cgen@1.4.0", "npu:acme-7@2.1".
    """

    name: ClassVar[str] = "command"

    def probe(self) -> Sequence[DeviceInfo]:
        return []  # devices.yaml describes them: nothing can be looked for

    def find(self, device: str) -> DeviceInfo:
        named, _, version = device.partition("@")
        kind, colon, name = named.partition(":")
        if not (colon and kind in get_args(Kind)):
            return DeviceInfo(id=device, name=named, vendor="", sdk=version)
        return DeviceInfo(id=device, name=name, vendor="", kind=cast("Kind", kind), sdk=version)

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        lines = Lines.of(options.vendor)
        refused = sorted(model.facts.dtypes - {*lines.dtypes}) if lines.dtypes else []
        if refused:
            raise Unsupported(
                f"this target takes no {refused[0]} values", dtype=refused[0], device=device.id
            )
        if lines.tensors_only:
            check_tensors(model.facts.inputs, "this target", empty=True)
        model = bound(model, options.dimensions)

        def made(narrow: Model) -> Program:
            lengths = _lengths(model.facts.inputs, narrow.facts.inputs)
            return CommandProgram(bound(narrow, lengths), lines, options.threads or 0)

        return Specialized(model, made, static=True) if lines.static else made(model)


def _lengths(open_: Sequence[TensorSpec], static: Sequence[TensorSpec]) -> dict[str, int]:
    """What the symbols stand for, also in outputs, once the inputs have static shapes."""
    return {
        name: length
        for old, new in zip(open_, static, strict=True)
        for name, length in zip(old.shape or (), new.shape or (), strict=False)
        if isinstance(name, str) and isinstance(length, int)
    }
