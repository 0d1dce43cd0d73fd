"""For compilers built on MLIR: their importer of ONNX, and what they print, in our words.

Several stacks carry one importer, which is Python and knows operators best as of opset 17. The
compilers behind it are programs: they quote the operation at which they stop, and print their
stack where they die.
Loads with the standard library alone, on Python 3.10; `onnx` is imported by what needs it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hal import tools
from hal.errors import CompileError, HALError, Unsupported
from hal.errortable import ErrorTable, one_line

if TYPE_CHECKING:
    import onnx

OPSET = 17
"""The opset that the importer advises: it knows few operators of older ones."""

_KNOWS_NO_FORM = ("OnnxImportError", "InferenceError")
_ERROR = re.compile(r"error: (?P<told>.+)")
_OPERATOR = re.compile(r'"onnx\.(?P<op>\w+)"')
_FRAME = re.compile(r"^\s*#\d+ 0x[0-9a-f]+ (?P<where>.*mlir::.*)$", re.MULTILINE)
_CAUSE = re.compile(r"^.*(?:LLVM ERROR|Assertion).*$", re.MULTILINE)


def newer(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model in the importer's opset, where it is older and can be converted."""
    from onnx import version_converter

    own = max((e.version for e in proto.opset_import if e.domain in ("", "ai.onnx")), default=0)
    if own >= OPSET:
        return proto
    try:
        return version_converter.convert_version(proto, OPSET)
    except (version_converter.ConvertError, RuntimeError, ValueError):
        # no converter for an operator, or larger than a message may be
        return proto


def inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    """With what onnx can tell of types and shapes; the importer needs every type.

    Raises:
        onnx.shape_inference.InferenceError: types that do not fit.
    """
    from onnx import shape_inference

    try:
        return shape_inference.infer_shapes(proto, data_prop=True)
    except ValueError:  # larger than a message may be
        return proto


def imported(
    who: str, importer: Any, context: Any, proto: onnx.ModelProto, *, written_out: bool = False
) -> Any:
    """The model as a module of MLIR, its operators as they were, verified.

    Args:
        who: the stack, as the user knows it.
        importer: its module `onnx_importer`.
        context: where its dialects are known.
        proto: the model, with its weights.
        written_out: whether operators that the standard defines by others become those.

    Raises:
        Unsupported: something in it has no form there. CompileError: anything else.
    """
    config = importer.Config()
    if written_out:
        config.function_expansion_allowlists_by_domain = None
    try:
        info = importer.ModelInfo(inferred(proto), config=config)
        module = info.create_module(context=context).operation
        importer.NodeImporter.define_function(info.main_graph, module).import_all()
        module.verify()
    except Exception as error:
        name = type(error).__name__
        if name in _KNOWS_NO_FORM:
            raise Unsupported(f"{who}'s importer: {one_line(error)}") from error
        raise CompileError(f"{who}'s importer: {name}: {one_line(error)}") from error
    return module


def failure(who: str, printed: str, refusals: ErrorTable) -> HALError:
    """A compiler's failure: its first error, with the operator that it speaks of.

    Args:
        who: the compiler, as the user knows it.
        printed: what it printed.
        refusals: what it says where it knows no way; anything else is a CompileError.
    """
    found = _ERROR.search(printed)
    told = found["told"] if found else tools.end_of(printed)
    operator = _OPERATOR.search(printed)
    op = operator["op"] if operator else None
    about = f" (onnx.{op})" if op and op not in told else ""
    return refusals.read(f"{who}: {told}{about}", CompileError, op=op)


def death(printed: str | None) -> str:
    """Where a dying compiler was, without the addresses, which differ each time."""
    frame, cause = _FRAME.search(printed or ""), _CAUSE.search(printed or "")
    words = ([cause[0]] if cause else []) + ([f"in {frame['where'][:200]}"] if frame else [])
    return "; ".join(words)
