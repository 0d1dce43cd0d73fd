"""ONNX to a .vmfb: IREE's importer in this process, then its compiler in one of its own.

The compiler dies of some models (SIGSEGV, SIGABRT). As a process of its own it takes nothing
with it, and costs nothing: what takes the time is compiling, not loading it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hal import mlir, tools
from hal.adapter import import_sdk
from hal.errors import CompileError, DeviceLost, HALError, Unsupported
from hal.specialize import bound
from hal_iree import devices, errors

if TYPE_CHECKING:
    import onnx

    from hal.model import Model
    from hal.spec import CompileOptions

ENTRY = "main"


def compiled(model: Model, flags: Sequence[str], options: CompileOptions) -> bytes:
    """The .vmfb of the model; `flags` are more for the compiler.

    What fails is tried once more as the importer can also read it: of opset 17 where it is
    older, and with operators that the standard defines by others written out.

    Raises:
        HALError: the importer or the compiler refused it, or the compiler died.
    """
    told = ["--iree-input-type=onnx", *flags]
    if "float64" in model.facts.dtypes:  # elsewhere it is the importer's own, for attributes
        told.append("--iree-input-demote-f64-to-f32=false")
    if options.threads == 1:
        told.append("--mlir-disable-threading")
    proto = bound(model, options.dimensions).whole()
    proto.graph.name = ENTRY
    try:
        return _compiled(proto, told, written_out=False)
    except (CompileError, Unsupported) as refusal:
        try:
            return _compiled(mlir.newer(proto), told, written_out=True)
        except HALError:
            raise refusal from None


def _compiled(proto: onnx.ModelProto, flags: Sequence[str], *, written_out: bool) -> bytes:
    importer, ir, libraries = (_sdk(n) for n in ("extras.onnx_importer", "ir", "_mlir_libs"))
    tool = Path(str(libraries.__file__)).with_name("iree-compile")
    module = mlir.imported("IREE", importer, ir.Context(), proto, written_out=written_out)
    with TemporaryDirectory(prefix="hal-iree-") as name:
        folder = Path(name)
        with (folder / "model.mlirbc").open("wb") as file:
            module.write_bytecode(file)
        words = [str(tool), "model.mlirbc", "-o", "model.vmfb", *flags]
        try:
            ended = tools.run(words, "iree-compile", folder=folder)
        except DeviceLost as died:
            died.stderr = mlir.death(died.stderr)
            raise
        if ended.status:
            raise mlir.failure("iree-compile", ended.err, errors.COMPILER)
        return (folder / "model.vmfb").read_bytes()


def _sdk(part: str) -> Any:
    return import_sdk(f"iree.compiler.{part}", "IREE's compiler", devices.INSTALL)
