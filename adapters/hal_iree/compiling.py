"""ONNX to a .vmfb: IREE's importer in this process, then its compiler in one of its own.

The compiler dies of some models (SIGSEGV, SIGABRT). As a process of its own it takes nothing
with it, and costs nothing: what takes the time is compiling, not loading it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hal import tools
from hal.adapter import import_sdk
from hal.errors import DeviceLost, HALError, Unsupported
from hal.specialize import bound
from hal_iree import devices, errors

if TYPE_CHECKING:
    import onnx

    from hal.model import Model
    from hal.spec import CompileOptions

ENTRY = "main"
_ALWAYS = ("--iree-input-type=onnx",)
_KEEP_FLOAT64 = ("--iree-input-demote-f64-to-f32=false",)
_BEST_KNOWN = 17
"""The opset that IREE's importer advises: it knows few operators of older ones."""


def compiled(model: Model, flags: Sequence[str], options: CompileOptions) -> bytes:
    """The .vmfb of the model; `flags` are more for the compiler.

    What is refused is tried once more as the importer can also read it: of opset 17 where it is
    older, and with operators that the standard defines by others written out.

    Raises:
        HALError: the importer or the compiler refused it, or the compiler died.
    """
    told = [*_ALWAYS, *flags]
    # Left on for other models, whose float64 is the importer's own, for attributes.
    told += _KEEP_FLOAT64 if "float64" in model.facts.dtypes else ()
    told += ["--mlir-disable-threading"] if options.threads == 1 else []
    proto = _with_weights(bound(model, options.dimensions))
    try:
        return _compiled(proto, told, written_out=False)
    except Unsupported as refusal:
        try:
            return _compiled(_newer(proto), told, written_out=True)
        except HALError:
            raise refusal from None


def _compiled(proto: onnx.ModelProto, flags: Sequence[str], *, written_out: bool) -> bytes:
    libraries = import_sdk("iree.compiler._mlir_libs", "IREE's compiler", devices.INSTALL)
    tool = Path(str(libraries.__file__)).with_name("iree-compile")
    with TemporaryDirectory(prefix="hal-iree-") as name:
        folder = Path(name)
        _import(proto, folder / "model.mlirbc", written_out=written_out)
        words = [str(tool), "model.mlirbc", "-o", "model.vmfb", *flags]
        try:
            ended = tools.run(words, "iree-compile", folder=folder)
        except DeviceLost as died:
            died.stderr = errors.of_death(died.stderr)
            raise
        if ended.status:
            raise errors.of_compiler(ended.err)
        return (folder / "model.vmfb").read_bytes()


def _with_weights(model: Model) -> onnx.ModelProto:
    from onnx import external_data_helper

    proto = model.proto()
    if model.facts.external:
        external_data_helper.load_external_data_for_model(proto, str(model.folder))
    proto.graph.name = ENTRY
    return proto


def _newer(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model in the opset that is known best, where it is older and can be converted."""
    from onnx import version_converter

    own = max((e.version for e in proto.opset_import if e.domain in ("", "ai.onnx")), default=0)
    if own >= _BEST_KNOWN:
        return proto
    try:
        return version_converter.convert_version(proto, _BEST_KNOWN)
    except (RuntimeError, ValueError):  # no adapter for it, or larger than a message may be
        return proto


def _import(proto: onnx.ModelProto, path: Path, *, written_out: bool) -> None:
    ir: Any = import_sdk("iree.compiler.ir", "IREE's compiler", devices.INSTALL)
    importer: Any = import_sdk(
        "iree.compiler.extras.onnx_importer", "IREE's importer", devices.INSTALL
    )
    config = importer.Config()
    if written_out:
        config.function_expansion_allowlists_by_domain = None
    try:
        info = importer.ModelInfo(_inferred(proto), config=config)
        module = info.create_module(context=ir.Context()).operation
        importer.NodeImporter.define_function(info.main_graph, module).import_all()
        module.verify()
    except Exception as error:
        raise errors.of_importer(error) from error
    with path.open("wb") as file:
        module.write_bytecode(file)


def _inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    """With what onnx can tell of types and shapes; the importer needs every type."""
    from onnx import shape_inference

    try:
        return shape_inference.infer_shapes(proto, data_prop=True)
    except ValueError:  # larger than a message may be
        return proto
