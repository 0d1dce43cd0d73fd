"""TVM's words in ours, without TVM."""

from __future__ import annotations

import pytest
from hal_tvm import errors

from hal.errors import CompileError, ExecutionError, HALError, Unsupported


@pytest.mark.parametrize(
    ("error", "op", "kind", "named"),
    [
        (
            NotImplementedError(
                "The following operators are not supported for frontend ONNX: Det"
            ),
            None,
            Unsupported,
            "Det",
        ),
        (ValueError("TopK k must be a constant"), "TopK", Unsupported, "TopK"),
        (ValueError("Node n cannot handle ShapeExpr inputs."), None, Unsupported, None),
        (KeyError("num_heads"), "Attention", CompileError, "Attention"),
        (AssertionError(), "Slice", CompileError, "Slice"),
    ],
)
def test_the_importer_says_no_or_fails(
    error: Exception, op: str | None, kind: type[HALError], named: str | None
) -> None:
    ours = errors.importing(error, op)
    assert (type(ours), ours.op) == (kind, named)


def test_several_unknown_operators_are_all_named() -> None:
    said = "The following operators are not supported for frontend ONNX: GRU, RNN"
    assert errors.refused_ops(NotImplementedError(said)) == {"GRU", "RNN"}


def test_a_word_of_python_gets_its_type_before_it() -> None:
    assert errors.told(KeyError("num_heads")) == "KeyError: 'num_heads'"


def test_long_messages_are_cut() -> None:
    assert len(errors.told(ValueError("x" * 10_000))) < 700


def test_an_error_of_somebody_else_is_not_tvms() -> None:
    assert errors.translate(ValueError("no")) is None


@pytest.mark.parametrize("error", [CompileError("x"), ValueError("x")])
def test_what_fails_for_the_values_of_a_run_is_the_runs_failure(error: Exception) -> None:
    with pytest.raises(ExecutionError, match=r"^x$"), errors.running():
        raise error


def test_a_clean_no_stays_one_in_a_run() -> None:
    no = Unsupported("no", op="Det")
    with pytest.raises(Unsupported) as raised, errors.running():
        raise no
    assert raised.value is no
