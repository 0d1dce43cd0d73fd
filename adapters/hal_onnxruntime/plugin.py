"""The adapter of plugin execution providers: any of them, from its library, without code.

`onnxruntime-ep:/opt/acme/libacme_ep.so#AcmeEP` is a device wherever one is named; so is
`onnxruntime-ep:onnxruntime_qnn`, a Python module that ships a library. The stock onnxruntime
package loads it; `plugin_library` says what an id may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from hal.adapter import Adapter, CanLoad, CanQuery, Program
from hal.errors import DeviceError, HALError
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, Support
from hal_onnxruntime import errors, options, plugin_probe, query, repro
from hal_onnxruntime.artifacts import Saved
from hal_onnxruntime.compiling import compiled
from hal_onnxruntime.graph import named
from hal_onnxruntime.plugin_library import PluginDevice
from hal_onnxruntime.program import program_of
from hal_onnxruntime.session import INSTALL, Recipe

_STICKY: Mapping[str, tuple[str, ...]] = {"Qualcomm": ("soc_model", "htp_arch")}
"""Provider options, by vendor, whose first value holds until the process ends."""

_stuck: dict[tuple[str, str], str] = {}


class OnnxRuntimePluginAdapter(Adapter, CanQuery, CanLoad):
    """ONNX Runtime's plugin execution providers, by their libraries."""

    name: ClassVar[str] = "onnxruntime-ep"
    install: ClassVar[str | None] = INSTALL
    repro_script: ClassVar[str] = repro.PLUGIN_SCRIPT

    def probe(self) -> Sequence[DeviceInfo]:
        """The devices of the plugin packages installed here; each is looked at in a process."""
        return plugin_probe.devices()

    def find(self, device: str) -> DeviceInfo:
        return PluginDevice.parse(device).info()

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        return compiled(self._recipe(named(model), device, options))

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        saved = Saved.unpack(blob)
        model = Model(saved.model)
        if saved.form == "model":
            return compiled(self._recipe(model, device, options))
        as_saved = replace(options, dimensions={})  # bound when it was saved
        recipe = self._recipe(model, device, as_saved)
        return program_of(recipe, recipe.session(), saved.inputs, saved.outputs, saved)

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        return query.support(self._recipe(named(model), device, options))

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)

    def _recipe(self, model: Model, device: DeviceInfo, asked: CompileOptions) -> Recipe:
        given = options.strings(asked.vendor, "provider_options")
        for name in _STICKY.get(device.vendor, ()):
            _require_unstuck(device, name, given.get(name, ""))
        found: Any = PluginDevice.parse(device.id).find()
        return Recipe(model, device.properties["provider"], asked, devices=(found,))


def _require_unstuck(device: DeviceInfo, name: str, value: str) -> None:
    first = _stuck.setdefault((device.vendor, name), value)
    if first != value:
        raise DeviceError(
            f"{device.vendor}'s library keeps {name} = {first!r} until this process ends, and "
            f"{value!r} is asked for: give each its own process (isolated=True)",
            device=device.id,
        )
