"""The chips, compilation, errors: three of the vendor's tools, one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from hal.adapter import Adapter, refuse_host
from hal.errors import InputError, Unsupported
from hal.inspection import identified
from hal.spec import CompileOptions, DeviceInfo, NodeFacts, TensorSpec
from hal_tpumlir import placement, tools
from hal_tpumlir.program import TpuMlirProgram

if TYPE_CHECKING:
    from hal.model import Model

CHIPS = ("bm1684x", "bm1688")
NAME = "{chip} (chip model of TPU-MLIR)"

_QUANTIZE = {"fp16": "F16", "bf16": "BF16", "fp32": "F32"}
_FED = frozenset({"float32", "int32"})
_DTYPES = frozenset({"bool", "float32", "int32", "int64"})


class TpuMlirAdapter(Adapter):
    """Sophgo's TPUs, as the functional models that TPU-MLIR brings run their programs."""

    name: ClassVar[str] = "tpumlir"
    install: ClassVar[str | None] = tools.INSTALL

    def probe(self) -> Sequence[DeviceInfo]:
        tools.root()
        version = metadata.version("tpu_mlir")
        return [_info(chip, version) for chip in CHIPS]

    def compile(
        self, model: Model, device: DeviceInfo, options: CompileOptions
    ) -> TpuMlirProgram:
        if options.vendor:
            raise InputError(f"the chip models have no options, not {sorted(options.vendor)}")
        inputs = tuple(_fed(spec, options.dimensions) for spec in model.facts.inputs)
        outputs = model.facts.outputs
        values = _values(model)
        by_output = {name.rpartition("_")[0]: name for name in values}
        named = [by_output.get(spec.name, spec.name) for spec in outputs]
        folder = TemporaryDirectory(prefix="hal-tpumlir-")
        try:
            text = _compiled(model, inputs, device.id, options, Path(folder.name))
            placed = placement.placement(values, text)
            if not options.allow_fallback:
                refuse_host(placed, "the compiler", "the host")
        except BaseException:
            folder.cleanup()
            raise
        return TpuMlirProgram(folder, inputs, outputs, named, placed)


def _info(chip: str, version: str) -> DeviceInfo:
    return DeviceInfo(
        id=chip,
        name=NAME.format(chip=chip.upper()),
        vendor="Sophgo",
        kind="simulator",
        sdk=version,
        dtypes=_DTYPES,
        opsets={"": (1, 19)},
        features=frozenset({"deterministic", "placement"}),
        arithmetic=tuple(_QUANTIZE),
    )


def _fed(spec: TensorSpec, dimensions: Mapping[str, int]) -> TensorSpec:
    if not spec.is_tensor or spec.shape is None or spec.dtype not in _FED:
        raise Unsupported(f"the tools feed float32 and int32 tensors alone, not {spec}")
    bound = spec.bound(dimensions)
    if not all(isinstance(dim, int) and dim > 0 for dim in bound.shape or ()):
        raise Unsupported(f"the tools take static shapes alone, and none of 0; not {spec}")
    return bound


def _values(model: Model) -> dict[str, NodeFacts]:
    """The compiler's name for each value of the graph, and the node it comes from."""
    known = {facts.id: facts for facts in model.facts.nodes}
    found: dict[str, NodeFacts] = {}
    for own, node in identified(model.proto().graph.node):
        for value in node.output:
            found[f"{value}_{node.op_type}"] = known[own]
    return found


def _compiled(
    model: Model,
    inputs: Sequence[TensorSpec],
    chip: str,
    options: CompileOptions,
    folder: Path,
) -> str:
    """Make model.bmodel in the folder; the text of the program it was generated from."""
    source = model.path if model.facts.external and model.path else folder / "model.onnx"
    if source.parent == folder:
        source.write_bytes(model.bytes())
    shapes = json.dumps([list(spec.shape or ()) for spec in inputs], separators=(",", ":"))
    transform = ("--model_name", "model", "--model_def", str(source), "--mlir", "model.mlir")
    tools.run("model_transform", *transform, "--input_shapes", shapes, folder=folder)
    quantize = _QUANTIZE[options.arithmetic or "fp16"]
    deploy = ("--mlir", "model.mlir", "--quantize", quantize, "--processor", chip)
    tools.run("model_deploy", *deploy, "--model", "model.bmodel", folder=folder)
    final = folder / f"model_{chip}_{quantize.lower()}_final.mlir"
    return final.read_text(encoding="utf-8", errors="replace")
