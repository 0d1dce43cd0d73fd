"""TVM's side of the interface: compilation, predictions, saved programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hal.adapter import Adapter, CanLoad, CanQuery, OptionSchema, Program, refuse_options
from hal.errors import CompileError, HALError, InputError, Unsupported
from hal.spec import CompileOptions, DeviceInfo, Support
from hal.specialize import Specialized, bound, control_inputs
from hal_tvm import devices, errors, importing
from hal_tvm.program import TvmProgram, revived

if TYPE_CHECKING:
    from hal.model import Model


class TvmAdapter(Adapter, CanQuery, CanLoad):
    """Apache TVM: runs on the CPU, and compiles for others what can be saved."""

    name: ClassVar[str] = "tvm"
    install: ClassVar[str | None] = devices.INSTALL
    system_packages: ClassVar[tuple[str, ...]] = ("g++",)  # links what is saved
    options_schema: ClassVar[OptionSchema] = {
        "type": "object",
        "properties": {"freeze": {"type": "boolean"}, "target": {"type": "object"}},
        "additionalProperties": False,
    }

    def probe(self) -> Sequence[DeviceInfo]:
        return devices.listed()

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        freeze, target = _options(options, device)
        model = bound(model, options.dimensions)

        def compiled(model: Model) -> Program:
            tvm = devices.sdk()
            module = importing.module(model, settle=freeze)
            executable = tvm.compile(module, target=_target(tvm, target))
            return TvmProgram(executable, device.id, model.facts, options.threads)

        def for_a_run(model: Model) -> Program:  # what fails for a run's own values is the run
            with errors.running():
                return compiled(model)

        steering = _steering(model, freeze)
        if not steering:
            return compiled(model)
        return Specialized(model, for_a_run, static=False, freeze=steering)

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        freeze, _ = _options(options, device)
        later = bool(_steering(model, freeze))  # a refusal may go away with a run's values
        nodes = model.facts.nodes
        try:
            importing.module(bound(model, options.dimensions), settle=freeze)
        except Unsupported as no:
            ops = errors.refused_ops(no)
            if not ops and not later:
                ops = {no.op} if no.op else {node.op for node in nodes}
            return Support.of(nodes, ops, no.message)
        except CompileError:
            if not later:
                raise
        return Support.of(nodes, (), "")

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        return revived(blob, device.id, options.threads)

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)


def _options(options: CompileOptions, device: DeviceInfo) -> tuple[bool, Mapping[str, Any]]:
    """Whether to freeze, and TVM's target."""
    refuse_options(options.vendor, TvmAdapter.options_schema["properties"])
    freeze, more = options.vendor.get("freeze", True), options.vendor.get("target", {})
    if not isinstance(freeze, bool) or not isinstance(more, dict):
        raise InputError(
            f"freeze is true or false, target a mapping; got {dict(options.vendor)}"
        )
    return freeze, {"kind": device.id, **more}


def _steering(model: Model, freeze: bool) -> Sequence[str]:
    return control_inputs(model, importing.CONSTANTS) if freeze else ()


def _target(tvm: Any, attributes: Mapping[str, Any]) -> Any:
    try:
        return tvm.target.Target(attributes)
    except Exception as error:
        raise InputError(
            f"TVM has no target {dict(attributes)}: {errors.told(error)}"
        ) from error
