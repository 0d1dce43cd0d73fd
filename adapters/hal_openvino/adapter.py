"""OpenVINO's side of the SPI: devices, compilation, queries, saved programs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hal.adapter import Adapter, CanLoad, CanQuery, Program, import_sdk
from hal.errors import ArtifactError, HALError, Unsupported
from hal.spec import CompileOptions, DeviceInfo, Support
from hal.staged import as_file
from hal_openvino import devices, errors, placement, repro, signature, support
from hal_openvino import options as asked
from hal_openvino.devices import Name
from hal_openvino.program import OpenVINOProgram
from hal_openvino.request import Compiled
from hal_openvino.signature import Port

if TYPE_CHECKING:
    from hal.model import Model


class OpenVINOAdapter(Adapter, CanQuery, CanLoad):
    """Intel's OpenVINO: CPU, GPU, NPU, and AUTO and HETERO over them."""

    name: ClassVar[str] = "openvino"
    install: ClassVar[str | None] = "pip install 'onnx-hal[openvino]'"
    repro_script: ClassVar[str] = repro.SCRIPT

    def probe(self) -> Sequence[DeviceInfo]:
        return devices.listed(self._core())

    def find(self, device: str) -> DeviceInfo:
        return devices.found(self._core(), device)

    def compile(
        self, model: Model, device: DeviceInfo, options: CompileOptions
    ) -> OpenVINOProgram:
        core = self._core()
        graph = _read(core, model)
        _bind_dimensions(graph, model, options.dimensions)
        name = Name.of(device.id)
        config = self._config(name, options)
        compiled = core.compile_model(graph, name.full, config)
        _require_arithmetic(compiled, name, options)
        ports = signature.input_ports(model, compiled), signature.output_ports(model, compiled)
        kept = None if "save" in device.features else graph
        made = Compiled(core, name, config, compiled, *ports, graph=kept)
        # Parsed only when asked: placement and saving need the nodes, running does not.
        return OpenVINOProgram(made, lambda: placement.Nodes.of(model))

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        core = self._core()
        try:
            graph = _read(core, model)
        except RuntimeError as error:
            ours = self.translate(error)
            if not isinstance(ours, Unsupported):
                raise
            return support.refused(model, str(error), ours)
        _bind_dimensions(graph, model, options.dimensions)
        name = Name.of(device.id)
        taken = core.query_model(graph, name.full, self._config(name, options))
        return support.supported(model, graph, taken, device.id)

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:
        core = self._core()
        name = Name.of(device.id)
        config = self._config(name, options)
        header, body = _unpacked(blob)
        compiled = core.import_model(body, name.full, config)
        ports = (_ports(header["inputs"]), _ports(header["outputs"]))
        made = Compiled(core, name, config, compiled, *ports, blob=body)
        return OpenVINOProgram(made, lambda: placement.Nodes.from_json(header["nodes"]))

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)

    def _core(self) -> Any:
        ov = import_sdk("openvino", "OpenVINO", self.install)
        return _kept(ov.Core)

    def _config(self, name: Name, options: CompileOptions) -> dict[str, Any]:
        """Properties for compile_model; those of a chooser go to each of its devices."""
        core = self._core()
        if name.chooser is None:
            known = core.get_property(name.full, "SUPPORTED_PROPERTIES")
            portable = asked.properties(options, known)
            return {**portable, **asked.check_vendor(options.vendor, known)}
        known = core.get_property(name.chooser, "SUPPORTED_PROPERTIES")
        below: dict[str, Any] = {}
        for part in name.devices or tuple(core.available_devices):
            properties = core.get_property(part, "SUPPORTED_PROPERTIES")
            below[part] = asked.properties(options, properties)
        vendor = asked.check_vendor(options.vendor, known)
        return {"DEVICE_PROPERTIES": below, **vendor}


@cache
def _kept(core: Callable[[], Any]) -> Any:
    """The one Core of this process, which is never let go of.

    On CPUs with AMX, the CPU plugin gives the thread that first uses it a stack for signal
    handlers, and takes it back in the thread that happens to release the Core. Where that is
    another one, or where Cores are not released in the reverse order of their making, the next
    signal, a Ctrl-C say, ends the process with SIGSEGV (seen in 2026.4.1).
    """
    return core()


def _read(core: Any, model: Model) -> Any:
    """OpenVINO's graph of the model; `facts` first, which refuses stray external data.

    OpenVINO 2026.4.1 has two importers, and the one for files converts less than the one for
    bytes (25 of the standard's cases); so it is used for weights in files of their own only.
    """
    facts = model.facts
    if not facts.external:
        return core.read_model(model.bytes(), b"")
    with tempfile.TemporaryDirectory(
        prefix="hal-openvino-", ignore_cleanup_errors=True
    ) as folder:
        return core.read_model(str(as_file(model, Path(folder))))


def _bind_dimensions(graph: Any, model: Model, dimensions: Mapping[str, int]) -> None:
    """Give symbolic dimensions their lengths, where the graph still has the input."""
    if not dimensions:
        return
    names = {name for port in graph.inputs for name in port.get_names()}
    shapes = {
        spec.name: [dimensions.get(d, -1) if isinstance(d, str) else d for d in spec.shape]
        for spec in model.facts.inputs
        if spec.name in names and spec.shape and set(spec.shape) & set(dimensions)
    }
    if shapes:
        import openvino as ov

        graph.reshape(
            {
                name: ov.PartialShape([-1 if dim is None else dim for dim in shape])
                for name, shape in shapes.items()
            }
        )


def _require_arithmetic(compiled: Any, name: Name, options: CompileOptions) -> None:
    """Refuse what was silently compiled to another arithmetic.

    A CPU without float16 units takes the float16 hint and computes in bfloat16 or float32.
    """
    if options.arithmetic is None or name.chooser is not None:
        return
    hint = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if hint != asked.PRECISIONS[options.arithmetic]:
        raise Unsupported(
            f"{name.full} was asked for {options.arithmetic} and computes in {hint}",
            device=name.full.lower(),
        )


def _ports(data: list[Any]) -> tuple[Port, ...]:
    return tuple(Port.from_json(port) for port in data)


def _unpacked(blob: bytes) -> tuple[dict[str, Any], bytes]:
    size = int.from_bytes(blob[:4], "little")
    try:
        return json.loads(blob[4 : 4 + size]), blob[4 + size :]
    except ValueError as error:
        raise ArtifactError(f"the saved program's signature is damaged: {error}") from error
