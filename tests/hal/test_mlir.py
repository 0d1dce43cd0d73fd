"""MLIR's importer of ONNX and its compilers' words, without a compiler."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from onnx import ModelProto, TensorProto, helper

from hal import mlir
from hal.errors import CompileError, Unsupported
from hal.errortable import ErrorTable

REFUSALS = ErrorTable((Unsupported, r"failed to legalize"))


def proto(op: str = "Add", opset: int = 17) -> ModelProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    node = helper.make_node(op, ["x", "x"], ["y"])
    return helper.make_model(
        helper.make_graph([node], "g", [value], [made]),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )


class OnnxImportError(Exception):
    """Named as the importer's own."""


def importer_that(fails: Exception) -> Any:
    def info(_proto: ModelProto, config: Any) -> None:
        raise fails

    return SimpleNamespace(Config=SimpleNamespace, ModelInfo=info)


def test_an_older_model_is_brought_to_the_opset_the_importer_knows() -> None:
    assert mlir.newer(proto(opset=8)).opset_import[0].version == mlir.OPSET
    assert mlir.newer(proto(opset=21)).opset_import[0].version == 21


def test_a_model_that_no_converter_takes_stays_as_it_is() -> None:
    strange = proto("NoSuchOperator", opset=8)
    assert mlir.newer(strange) == strange


def test_what_the_importer_has_no_form_for_is_a_no_in_its_words() -> None:
    with pytest.raises(Unsupported, match=r"Acme's importer: no form for it"):
        mlir.imported("Acme", importer_that(OnnxImportError("no form\nfor it")), None, proto())


def test_whatever_else_the_importer_raises_is_a_failure_that_names_it() -> None:
    with pytest.raises(CompileError, match=r"Acme's importer: KeyError: 'x'"):
        mlir.imported("Acme", importer_that(KeyError("x")), None, proto())


def test_a_compilers_first_error_is_told_with_the_operator_it_stops_at() -> None:
    printed = (
        'm.mlir:3:4: error: failed to legalize it\nnote: %1 = "torch.operator"() '
        '<{name = "onnx.Det"}>\nm.mlir:9:9: error: another'
    )
    told = mlir.failure("acme-opt", printed, REFUSALS)
    assert isinstance(told, Unsupported)
    assert (told.message, told.op) == ("acme-opt: failed to legalize it (onnx.Det)", "Det")


def test_an_error_that_is_no_refusal_is_a_failure() -> None:
    told = mlir.failure("acme-opt", "error: op has a wrong shape", REFUSALS)
    assert type(told) is CompileError
    assert told.op is None


def test_a_death_is_told_by_its_cause_and_place_without_addresses() -> None:
    printed = (
        "LLVM ERROR: no such type\nStack dump:\n"
        " #0 0x00007f01 llvm::sys::PrintStackTrace()\n #1 0x00007f02 mlir::Cast::fold()\n"
    )
    assert mlir.death(printed) == "LLVM ERROR: no such type; in mlir::Cast::fold()"
    assert mlir.death(None) == ""
