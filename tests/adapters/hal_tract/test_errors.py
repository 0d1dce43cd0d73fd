"""What tract says, in our words; without tract."""

from __future__ import annotations

import pytest
from hal_tract import errors

from hal.errors import CompileError, ExecutionError, Unsupported


class TractError(Exception):
    """Stands for tract's own, which is told by its name."""


def test_an_operator_that_tract_lacks_is_a_clean_no_with_its_name() -> None:
    error = TractError('Translating node #1 "y" Unimplemented(Foo) ToTypedTranslator')
    ours = errors.translate(error)
    assert isinstance(ours, Unsupported)
    assert (ours.op, ours.node) == ("Foo", "y")


def test_an_input_that_has_to_be_constant_is_a_clean_no() -> None:
    error = TractError('Translating node #3 "y" Pad ToTypedTranslator ... must be a const')
    ours = errors.translate(error)
    assert isinstance(ours, Unsupported)
    assert ours.op == "Pad"


@pytest.mark.parametrize("said", ["Impossible to unify 1 with 0", "Wrong number of outputs"])
def test_what_is_no_clean_no_is_a_failure_of_the_compiler(said: str) -> None:
    assert type(errors.translate(TractError(said))) is CompileError


def test_a_message_is_kept_without_its_backtrace() -> None:
    ours = errors.translate(TractError("a\n\nCaused by:\n    b\n\nStack backtrace:\n 0: c"))
    assert ours is not None
    assert ours.message == "a Caused by: b"


def test_what_fails_in_a_run_is_a_failure_of_the_run() -> None:
    assert type(errors.failed(TractError("Clashing resolution"))) is ExecutionError


def test_anothers_exception_is_not_translated() -> None:
    assert errors.translate(ValueError("unsupported")) is None
