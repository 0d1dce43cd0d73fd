"""From ONNX to TOSA: torch-mlir imports and lowers, Arm's tool writes the flatbuffer.

The importer is Python and runs here; the two compilers are programs of their own, which may
crash without taking this process along.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hal import tools
from hal.adapter import import_sdk
from hal.errors import CompileError, DeviceLost, HALError, Unsupported

if TYPE_CHECKING:
    from hal.model import Model

INSTALL = "hal env create tosa"
OLDEST = 17
"""Models of older opsets are brought to this one by onnx's converter, where it can."""

WHO = "torch-mlir, which lowers ONNX to TOSA,"
_PASSES = (
    "--torch-onnx-to-torch-backend-pipeline",
    "--torch-backend-to-tosa-backend-pipeline",
)
_ONNX = re.compile(r'"onnx\.(?P<op>\w+)"')
_ERROR = re.compile(r"error: (?P<said>.*)")
_TOLD = re.compile(r"Assertion|error: |LLVM ERROR|^ #\d+ .* mlir::(?!.*SignalHandler)")
_NO = re.compile(
    r"[Uu]nsupported|[Uu]nimplemented|not (?:supported|implemented)|failed to legalize"
)


def torch_mlir() -> Path:
    """The program that lowers, in the package of torch-mlir.

    Raises:
        SDKMissing: torch-mlir is not installed.
    """
    folder = tools.package_folder("torch_mlir", f"{WHO} is not installed", INSTALL)
    return folder / "_mlir_libs" / "torch-mlir-opt"


def tosa_opt() -> Path:
    """The program that writes, which lies beside the packages of tosa-tools.

    Raises:
        SDKMissing: tosa-tools is not installed.
    """
    folder = tools.package_folder("tosa_reference_model", "tosa-tools is missing", INSTALL)
    return folder.parent / "bin" / "tosa-opt"


def lower(model: Model) -> bytes:
    """The model as a flatbuffer of TOSA.

    Raises:
        Unsupported: something in it has no lowering.
        DeviceLost: a tool crashed. CompileError: a tool failed otherwise.
    """
    with TemporaryDirectory(prefix="hal-tosa-") as name:
        folder = Path(name)
        (folder / "onnx.mlir").write_text(imported(model), encoding="utf-8")
        call(torch_mlir(), (*_PASSES, "onnx.mlir"), "tosa.mlir", folder)
        writing = f"--tosa-serialize=tosa-flatbuffer-filename={folder / 'model.tosa'}"
        call(tosa_opt(), (writing, "tosa.mlir"), "written.mlir", folder)
        return (folder / "model.tosa").read_bytes()


def imported(model: Model) -> str:
    """The model in the dialect of torch-mlir, its operators as they were.

    Raises:
        Unsupported: the importer does not know something in it.
    """
    importer = import_sdk("torch_mlir.extras.onnx_importer", WHO, INSTALL)
    dialect = import_sdk("torch_mlir.dialects.torch", WHO, INSTALL)
    info = importer.ModelInfo(_inferred(model))
    context = importer.Context()
    dialect.register_dialect(context)
    operation = info.create_module(context=context).operation
    try:
        importer.NodeImporter.define_function(info.main_graph, operation).import_all()
        return str(operation.get_asm())
    except importer.OnnxImportError as error:
        raise Unsupported(f"torch-mlir's importer: {error}") from error


def _inferred(model: Model) -> Any:
    """The message with its weights, of an opset the importer knows, with inferred types.

    Raises:
        Unsupported: onnx's checker, which the importer's own command asks too, refuses it.
    """
    from onnx import checker, shape_inference, version_converter

    proto = model.whole()
    if model.facts.opsets.get("", OLDEST) < OLDEST:  # as its own command does, when asked
        with suppress(version_converter.ConvertError):
            proto = version_converter.convert_version(proto, OLDEST)
    proto = shape_inference.infer_shapes(proto, data_prop=True)
    try:
        checker.check_model(proto)  # pyright: ignore[reportUnknownMemberType]  # PathLike of what
    except checker.ValidationError as error:
        raise Unsupported(f"onnx's checker refuses the model: {error}") from error
    return proto


def call(tool: Path, arguments: tuple[str, ...], result: str, folder: Path) -> None:
    """Run a tool in the folder, which has to write the result.

    Raises:
        DeviceLost: it crashed; its assertion is told. HALError: it failed otherwise.
    """
    who = tool.name
    try:
        ended = tools.run([str(tool), *arguments, "-o", result], who, folder=folder)
    except DeviceLost as lost:
        first = next(filter(_TOLD.search, (lost.stderr or "").splitlines()), "")
        raise DeviceLost(f"{lost.message}: {first}", signal=lost.signal) from lost
    if ended.status or not (folder / result).exists():
        raise failure(who, ended.said)


def failure(who: str, said: str) -> HALError:
    """What a tool printed, as an error: a clean no where it says that it has no lowering."""
    found = _ERROR.search(said)
    told = found["said"] if found else tools.end_of(said)
    source = _ONNX.search(said)
    op = source["op"] if source else None
    told = f"{who} on {op}: {told}" if op else f"{who}: {told}"
    return (Unsupported if _NO.search(told) else CompileError)(told, op=op)
