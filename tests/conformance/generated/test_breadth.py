"""What every operator owes: sizes that kernels tell apart, kinds of number, second runs."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hal_conformance.generated import Source, generate

from hal.tensor import Tensor

RERUN = ("StringSplit", "CategoryMapper", "Scaler", "GatherElements")


@cache
def _cases(op: str) -> dict[str, Source]:
    """By label, a case of an operator."""
    return {source.label: source for source in generate(op)}


def _labelled(op: str, label: str) -> Source:
    return _cases(op)[label]


def _first(source: Source, number: int) -> Tensor:
    """The largest tensor of a data set."""
    given = [v for v in source.datasets[number].values() if isinstance(v, Tensor)]
    return max(given, key=lambda tensor: tensor.array.size)


@pytest.mark.parametrize("op", RERUN)
def test_the_second_run_has_the_sizes_of_the_first_and_other_elements(op: str) -> None:
    shapes = _labelled(op, "shapes")
    then, now = _first(shapes, 0), _first(shapes, 1)
    assert now.shape == then.shape
    assert now.array.tolist() != then.array.tolist()


@pytest.mark.parametrize("op", ["GatherElements", "Dropout"])
def test_one_executable_is_asked_in_every_shape_that_kernels_tell_apart(op: str) -> None:
    shapes = [_first(_labelled(op, "shapes"), n).shape for n in range(7)]
    counts = [int(np.prod(shape)) for shape in shapes]
    assert any(count and count % 8 == 0 for count in counts)
    assert any(count % 2 for count in counts)
    assert 0 in counts
    assert max(counts) > 1024
    assert any(shape[-1] == shape[-2] > 1 for shape in shapes)
    assert {shape[-1] for shape in shapes} >= {1, 2}
    assert max(shape[-1] for shape in shapes) > 16


@pytest.mark.parametrize("op", ["Scaler", "LinearRegressor", "Clip", "Compress"])
def test_operands_hold_every_kind_of_number(op: str) -> None:
    given = _first(_labelled(op, "kinds"), 0).array.astype(np.float64)
    size = np.abs(given)
    assert np.isnan(given).any()
    assert np.isposinf(given).any()
    assert np.isneginf(given).any()
    assert ((size > 65504) & np.isfinite(given)).any()
    assert ((size > 0) & (size < 2.0**-14)).any()
