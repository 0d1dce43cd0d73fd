"""Promises about tables of a vendor's failures."""

from __future__ import annotations

import json
from typing import cast

import pytest

from hal.errors import CompileError, InputError, OutOfMemory, Unsupported
from hal.errortable import ErrorTable, came_from, one_line

TABLE = ErrorTable(
    (OutOfMemory, r"memory", MemoryError),
    (Unsupported, r"no kernel for (?P<op>\w+)\((?P<opset>\d+)\)(?: of (?P<dtype>\w+))?"),
    (InputError, r"first.*second"),
    (Unsupported, r"no (?P<what>\w+)"),
)


def test_the_first_pattern_that_is_found_decides() -> None:
    found = TABLE.find("there is no kernel for Conv(22)")
    assert isinstance(found, Unsupported)
    assert found.message == "there is no kernel for Conv(22)"


def test_named_groups_become_the_errors_fields() -> None:
    found = TABLE.find("no kernel for Conv(22)")
    assert found is not None
    assert found.fields() == {"op": "Conv", "opset": 22}


def test_groups_that_are_no_fields_are_left_out() -> None:
    found = TABLE.find("no idea")
    assert found is not None
    assert found.fields() == {}


def test_what_the_caller_knows_stands_where_the_pattern_does_not_tell() -> None:
    found = TABLE.find("no kernel for Conv(22)", op="Pool", node="n1")
    assert found is not None
    assert found.fields() == {"op": "Conv", "opset": 22, "node": "n1"}


def test_a_row_with_a_type_is_for_that_exception_alone() -> None:
    assert isinstance(TABLE.find("memory", MemoryError()), OutOfMemory)
    assert TABLE.find("memory", ValueError()) is None
    assert TABLE.find("memory") is None


def test_a_pattern_reaches_over_lines() -> None:
    assert isinstance(TABLE.find("first\n...\nsecond"), InputError)


def test_a_text_that_is_not_in_the_table_is_what_the_caller_says() -> None:
    assert isinstance(TABLE.read("what is this", CompileError, op="Conv"), CompileError)


def test_an_error_quotes_what_it_is_told_to_quote() -> None:
    found = TABLE.find("/src/a.cc:7 no kernel for Conv(22)", told="no kernel for Conv")
    assert found is not None
    assert found.message == "no kernel for Conv"
    assert found.op == "Conv"


def test_one_line_cuts_a_long_text_and_says_so() -> None:
    assert one_line(" a\n  b\t") == "a b"
    assert one_line("abcdef", 3) == "abc..."


def test_an_exception_comes_from_the_package_whose_code_it_went_through() -> None:
    with pytest.raises(TypeError) as stumbled:
        json.loads(cast("str", 7))
    assert came_from(stumbled.value, "json")
    assert not came_from(stumbled.value, "tvm")
    assert not came_from(ValueError("ours"), "json")


def test_an_exception_comes_from_the_package_that_defines_its_type() -> None:
    assert came_from(json.JSONDecodeError("", "", 0), "json")
