"""The adapter of ONNX Runtime: one device for each execution provider built into the wheel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from hal.adapter import Adapter, CanLoad, CanQuery, Program
from hal.errors import HALError
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, Support
from hal_onnxruntime import devices, errors, query, repro
from hal_onnxruntime.artifacts import Saved
from hal_onnxruntime.compiling import compiled
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
        return compiled(Recipe(named(model), devices.provider_of(device), options))

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
