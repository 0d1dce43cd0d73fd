"""TVM's side of the interface: compilation, predictions, saved programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from hal.adapter import Adapter, CanLoad, CanQuery, OptionSchema, Program
from hal.errors import CompileError, HALError, InputError, Unsupported
from hal.spec import CompileOptions, DeviceInfo, NodeSupport, Support
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
        "properties": {
            "freeze": {
                "type": "boolean",
                "description": "make constants of what the importer wants as such: inputs used "
                "as shape, axes, pads, ... and what follows from shapes (true unless said)",
            },
            "target": {
                "type": "object",
                "description": "attributes of TVM's target, such as mcpu or arch",
            },
        },
        "additionalProperties": False,
    }

    def probe(self) -> Sequence[DeviceInfo]:
        return devices.listed()

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        freeze, _ = _options(options.vendor)
        model = bound(model, options.dimensions)
        steering = control_inputs(model, importing.CONSTANTS) if freeze else ()
        if not steering:
            return _compiled(model, device.id, options)

        def compiled(model: Model) -> Program:  # for a run's own values: what fails is the run
            try:
                return _compiled(model, device.id, options)
            except Unsupported:
                raise
            except Exception as error:
                raise errors.running(error) from error

        return Specialized(model, compiled, static=False, freeze=steering)

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:  # noqa: ARG002  the importer is the same for all
        freeze, _ = _options(options.vendor)
        steering = freeze and control_inputs(model, importing.CONSTANTS)
        refusal: Unsupported | None = None
        try:
            importing.module(bound(model, options.dimensions), settle=freeze)
        except Unsupported as error:
            refusal = error
        except CompileError:
            if not steering:
                raise
        ops = errors.refused_ops(refusal)
        if refusal and not ops and not steering:  # else it may go away with a run's values
            ops = {refusal.op} if refusal.op else {node.op for node in model.facts.nodes}
        reason = refusal.message if refusal else ""
        return Support(
            tuple(
                NodeSupport(
                    node.id, node.op, node.op not in ops, reason if node.op in ops else ""
                )
                for node in model.facts.nodes
            )
        )

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        return revived(blob, device.id, options.threads)

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)


def _options(vendor: Mapping[str, Any]) -> tuple[bool, Mapping[str, Any]]:
    known = TvmAdapter.options_schema["properties"]
    unknown = sorted(set(vendor) - set(known))
    if unknown:
        raise InputError(f"no vendor options {unknown}; there are {sorted(known)}")
    freeze, target = vendor.get("freeze", True), vendor.get("target", {})
    if not isinstance(freeze, bool) or not isinstance(target, Mapping):
        raise InputError(f"freeze is true or false, target a mapping; got {dict(vendor)}")
    return freeze, cast("Mapping[str, Any]", target)


def _compiled(model: Model, target: str, options: CompileOptions) -> TvmProgram:
    tvm = devices.sdk()
    freeze, attributes = _options(options.vendor)
    module = importing.module(model, settle=freeze)
    executable = tvm.compile(module, target=_target(tvm, {"kind": target, **attributes}))
    facts = model.facts
    return TvmProgram(
        executable, target, facts.inputs, facts.outputs, facts.nodes, options.threads
    )


def _target(tvm: Any, attributes: Mapping[str, Any]) -> Any:
    try:
        return tvm.target.Target(attributes)
    except Exception as error:
        raise InputError(
            f"TVM has no target {dict(attributes)}: {errors.told(error)}"
        ) from error
