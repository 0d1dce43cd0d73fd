from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import ARITHMETICS, FORMATS, arithmetic
from hal_conformance.numerics.exceptions import EXCEPTIONS
from hal_conformance.numerics.functions import ACCURACY

from hal.errors import InputError


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "float8e5m2"])
def test_a_format_says_what_its_type_says(name: str) -> None:
    kinds = {"bfloat16": ml_dtypes.bfloat16, "float8e5m2": ml_dtypes.float8_e5m2}
    finfo: Any = ml_dtypes.finfo
    found = finfo(kinds.get(name, name))
    made = FORMATS[name]
    assert made.largest == float(found.max)
    assert made.tiny == float(found.smallest_normal)
    assert made.smallest == float(found.smallest_subnormal)
    assert 2 * made.unit == float(found.eps)


def test_the_ulp_is_the_distance_to_the_next_number() -> None:
    values = np.array([0.0, 1e-45, 1e-40, 1.0, 1.5, 2.0, 3e38, -1.0], np.float32)
    expected = np.abs(np.spacing(values)).astype(np.float64)
    np.testing.assert_array_equal(FORMATS["float32"].ulp(values), expected)


def test_a_narrow_tensor_keeps_its_own_format_and_a_double_is_never_narrowed() -> None:
    assert arithmetic("fp32").stored("float16") is FORMATS["float16"]
    assert arithmetic("bf16").stored("float32") is FORMATS["bfloat16"]
    assert arithmetic("bf16").stored("float64") is FORMATS["float64"]
    assert arithmetic("fp32").summing("float64") is FORMATS["float64"]


def test_float16_under_bf16_has_the_bits_of_one_and_the_range_of_the_other() -> None:
    kept = arithmetic("bf16").stored("float16")
    assert (kept.precision, kept.emin, kept.largest) == (7, -14, 65504.0)


def test_an_unknown_arithmetic_is_an_error_that_names_the_known() -> None:
    with pytest.raises(InputError, match="fp16-acc16"):
        arithmetic("fp33")
    assert all(arithmetic(name) is made for name, made in ARITHMETICS.items())


def test_the_documented_table_of_functions_is_the_one_in_use() -> None:
    page = (Path(__file__).parents[3] / "docs" / "numerics.md").read_text("utf-8")
    for name, limits in ACCURACY.items():
        row = f"| {name} | {limits.single:g} | {limits.half:g} |"
        assert row in page
    for name in EXCEPTIONS:
        assert f"| {name} | " in page
