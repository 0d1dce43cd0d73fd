"""The adapter of ONNX Runtime: one device for each execution provider built into the wheel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from hal.adapter import Adapter, CanLoad, CanQuery, Program
from hal.errors import HALError
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, Support, TensorSpec
from hal_onnxruntime import devices, errors, query, repro, values
from hal_onnxruntime.artifacts import Saved
from hal_onnxruntime.graph import named
from hal_onnxruntime.program import program_of
from hal_onnxruntime.session import INSTALL, Recipe, sdk


class OnnxRuntimeAdapter(Adapter, CanQuery, CanLoad):
    """ONNX Runtime's execution providers; "cpu" is CPUExecutionProvider."""

    name: ClassVar[str] = "onnxruntime"
    install: ClassVar[str | None] = INSTALL
    repro_script: ClassVar[str] = repro.SCRIPT

    def probe(self) -> Sequence[DeviceInfo]:
        return devices.devices()

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        recipe = Recipe(named(model), devices.provider_of(device), options)
        session = recipe.session()
        inputs = _specs(session.get_inputs(), model, "inputs")
        return program_of(
            recipe, session, inputs, _specs(session.get_outputs(), model, "outputs")
        )

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        saved = Saved.unpack(blob)
        as_it_stands = {
            "graph_optimization_level": sdk().GraphOptimizationLevel.ORT_DISABLE_ALL
        }
        recipe = Recipe(
            Model(saved.model),
            devices.provider_of(device),
            replace(options, dimensions={}),  # bound when it was saved
            as_it_stands,
        )
        return program_of(recipe, recipe.session(), saved.inputs, saved.outputs, saved)

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        return query.support(Recipe(named(model), devices.provider_of(device), options))

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)


def _specs(args: Sequence[Any], model: Model, side: str) -> tuple[TensorSpec, ...]:
    """The session's own signature; a shape of [] is looked up, for it may mean any rank."""
    found = tuple(values.spec_of(arg) for arg in args)
    if all(spec.shape for spec in found):
        return found
    declared: dict[str, TensorSpec] = {spec.name: spec for spec in getattr(model.facts, side)}
    return tuple(
        spec
        if spec.shape or spec.name not in declared
        else replace(spec, shape=declared[spec.name].shape)
        for spec in found
    )
