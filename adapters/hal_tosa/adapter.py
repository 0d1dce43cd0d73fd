"""The reference model as a device: compilation, loading."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING, ClassVar

from hal import saved
from hal.adapter import Adapter, CanLoad, Program, import_sdk, refuse_options
from hal.errors import InputError
from hal.spec import CompileOptions, DeviceInfo
from hal.specialize import Specialized, bound, check_tensors, control_inputs
from hal_tosa.lower import INSTALL, lower, torch_mlir
from hal_tosa.program import TosaProgram

if TYPE_CHECKING:
    from hal.model import Model

_DTYPES = frozenset({"bool", "float16", "float32", "int8", "int16", "int32", "int64"})


class TosaAdapter(Adapter, CanLoad):
    """Arm's reference model of TOSA, which defines what an implementation has to compute."""

    name: ClassVar[str] = "tosa"
    install: ClassVar[str | None] = INSTALL

    def probe(self) -> Sequence[DeviceInfo]:
        import_sdk("tosa_reference_model", "TOSA's reference model", INSTALL)
        torch_mlir()
        return [
            DeviceInfo(
                id="model",
                name="TOSA reference model",
                vendor="Arm",
                kind="simulator",
                sdk=metadata.version("tosa-tools"),
                driver=f"torch-mlir {metadata.version('torch-mlir')}",
                dtypes=_DTYPES,
                opsets={"": (1, 26)},  # those of the onnx that its environment has
                features=frozenset({"deterministic", "dynamic_shapes", "save"}),
                arithmetic=("fp32",),
            )
        ]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:  # noqa: ARG002  there is one
        refuse_options(options.vendor)
        if options.threads not in (None, 1):
            raise InputError(f"the model computes in one thread, not {options.threads}")
        model = bound(model, options.dimensions)
        freeze = control_inputs(model)
        if not freeze and all(spec.is_static for spec in model.facts.inputs):
            return _program(model)
        return Specialized(model, _program, static=True, freeze=freeze)

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:  # noqa: ARG002  there is one
        inputs, outputs, graph, _ = saved.unpack(blob)
        return TosaProgram(inputs, outputs, graph)


def _program(model: Model) -> TosaProgram:
    check_tensors((*model.facts.inputs, *model.facts.outputs), "TOSA")
    return TosaProgram(model.facts.inputs, model.facts.outputs, lower(model))
