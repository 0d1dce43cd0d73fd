"""ONNX to a .vmfb: IREE's importer in this process, then its compiler in one of its own.

The compiler dies of some models (SIGSEGV, SIGABRT). As a process of its own it takes nothing
with it, and costs nothing: what takes the time is compiling, not loading it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hal import tools
from hal.adapter import import_sdk
from hal_iree import devices, errors

if TYPE_CHECKING:
    import onnx

    from hal.model import Model
    from hal.spec import CompileOptions

ENTRY = "main"
_ALWAYS = ("--iree-input-type=onnx", "--iree-input-demote-f64-to-f32=false")


def compiled(model: Model, flags: Sequence[str], options: CompileOptions) -> bytes:
    """The .vmfb of the model; `flags` go before our own.

    Raises:
        HALError: the importer or the compiler refused it, or the compiler died.
    """
    libraries = import_sdk("iree.compiler._mlir_libs", "IREE's compiler", devices.INSTALL)
    tool = Path(str(libraries.__file__)).with_name("iree-compile")
    with TemporaryDirectory(prefix="hal-iree-") as name:
        folder = Path(name)
        _import(_inferred(model, options.dimensions), folder / "model.mlirbc")
        words = [tool, "model.mlirbc", "-o", "model.vmfb", *_ALWAYS, *flags]
        words += ["--mlir-disable-threading"] if options.threads == 1 else []
        ended = tools.run(words, "iree-compile", folder=folder)
        if ended.status:
            raise errors.of_compiler(ended.err)
        return (folder / "model.vmfb").read_bytes()


def _inferred(model: Model, lengths: Mapping[str, int]) -> onnx.ModelProto:
    """The message with its weights, and with what onnx can tell of types and shapes."""
    from onnx import external_data_helper, shape_inference

    proto = model.proto()
    if model.facts.external:
        external_data_helper.load_external_data_for_model(proto, str(model.folder))
    proto.graph.name = ENTRY
    for value in proto.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in lengths:
                dim.dim_value = lengths[dim.dim_param]
    try:
        return shape_inference.infer_shapes(proto, data_prop=True)
    except ValueError:  # larger than a message may be
        return proto


def _import(proto: onnx.ModelProto, path: Path) -> None:
    ir: Any = import_sdk("iree.compiler.ir", "IREE's compiler", devices.INSTALL)
    importer: Any = import_sdk(
        "iree.compiler.extras.onnx_importer", "IREE's importer", devices.INSTALL
    )
    try:
        info = importer.ModelInfo(proto)
        module = info.create_module(context=ir.Context()).operation
        importer.NodeImporter.define_function(info.main_graph, module).import_all()
        module.verify()
    except importer.OnnxImportError as error:
        raise errors.of_importer(error) from error
    with path.open("wb") as file:
        module.write_bytecode(file)
