"""The chips, compilation, errors: three of the vendor's tools, one after the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from hal.adapter import Adapter, refuse_host, refuse_options
from hal.logged import known_nodes
from hal.spec import CompileOptions, DeviceInfo, NodeFacts, TensorSpec
from hal.specialize import bound, check_tensors, static_shapes
from hal.staged import as_file
from hal_tpumlir import placement, tools
from hal_tpumlir.program import TpuMlirProgram

if TYPE_CHECKING:
    from hal.model import Model

CHIPS = ("bm1684x", "bm1688")
NAME = "{chip} (chip model of TPU-MLIR)"

_WHO = "TPU-MLIR"
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
        refuse_options(options.vendor)
        check_tensors(model.facts.inputs, _WHO, _FED)
        model = bound(model, options.dimensions)
        inputs = static_shapes(model.facts.inputs, _WHO, {})
        folder = TemporaryDirectory(prefix="hal-tpumlir-")
        try:
            text = _compiled(model, inputs, device.id, options, Path(folder.name))
            placed = placement.placement(_values(model), text)
            if not options.allow_fallback:
                refuse_host(placed, "the compiler", "the host")
        except BaseException:
            folder.cleanup()
            raise
        return TpuMlirProgram(folder, inputs, model.facts.outputs, placed)


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


def _values(model: Model) -> dict[str, NodeFacts]:
    """The values of the graph, each with the node it comes from."""
    return {
        value: facts
        for facts, node in known_nodes(model.facts, model.proto())
        for value in node.output
    }


def _compiled(
    model: Model,
    inputs: Sequence[TensorSpec],
    chip: str,
    options: CompileOptions,
    folder: Path,
) -> str:
    """Make model.bmodel in the folder; the text of the program it was generated from."""
    shapes = json.dumps([list(spec.shape or ()) for spec in inputs], separators=(",", ":"))
    transform = (
        "--model_name",
        "model",
        "--model_def",
        str(as_file(model, folder)),
        "--mlir",
        "model.mlir",
    )
    tools.run("model_transform", *transform, "--input_shapes", shapes, folder=folder)
    quantize = _QUANTIZE[options.arithmetic or "fp16"]
    deploy = ("--mlir", "model.mlir", "--quantize", quantize, "--processor", chip)
    tools.run("model_deploy", *deploy, "--model", "model.bmodel", folder=folder)
    final = folder / f"model_{chip}_{quantize.lower()}_final.mlir"
    return final.read_text(encoding="utf-8", errors="replace")
