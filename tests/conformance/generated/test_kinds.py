"""Numbers of every kind, and sizes that kernels tell apart, as families ask for them."""

from __future__ import annotations

import numpy as np
import pytest
from hal_conformance.generated import Source, generate
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.kinds import KINDS, SQUARED, kinds
from hal_conformance.numerics.arithmetic import FORMATS

from hal import dtypes
from hal.tensor import Tensor

_FLOATS = ("float32", "float64", "float16", "bfloat16")


def _made(
    name: str, count: int = KINDS, start: int = 0
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    made = kinds(0, start)(Draw("kinds", name), (count, 9), dtypes.of_name(name))
    return made.astype(np.float64)


@pytest.mark.parametrize("name", _FLOATS)
def test_each_kind_of_number_has_slices_that_others_leave_alone(name: str) -> None:
    made = _made(name)
    finite = np.abs(np.where(np.isfinite(made), made, 1.0))
    tiny = (finite > 0) & (finite < FORMATS[name].tiny)
    assert np.isnan(made).any(1).sum() == 2
    assert (np.isinf(made) & (made > 0)).any(1).sum() == 2
    assert (np.isinf(made) & (made < 0)).any(1).sum() == 3
    assert tiny.any(1).sum() == 2
    assert (made == 0).all(1).sum() == 1
    assert (finite == FORMATS[name].largest).any(1).sum() == 1


@pytest.mark.parametrize("name", _FLOATS)
def test_squares_of_all_kinds_but_the_last_are_in_range(name: str) -> None:
    made = _made(name)
    with np.errstate(over="ignore"):
        squares = np.where(np.isfinite(made), made, 0.0) ** 2
    assert (squares[:SQUARED] < FORMATS[name].largest).all()
    assert (squares[SQUARED] > FORMATS[name].largest).any()


def test_slices_before_the_start_and_after_the_last_kind_are_everyday_numbers() -> None:
    made = _made("float32", KINDS + 5, 3)
    assert (np.abs(np.concatenate([made[:4], made[-2:]])) < 9).all()
    assert np.isnan(made[4]).any()


def test_kinds_lie_along_the_axis_that_is_asked_for() -> None:
    made = kinds(1)(Draw("kinds"), (2, KINDS, 3), dtypes.of_name("float32"))
    assert np.isnan(made).any((0, 2)).tolist() == [k in (1, 2) for k in range(KINDS)]


def test_whole_numbers_of_every_kind_are_everyday_numbers() -> None:
    made = kinds()(Draw("kinds"), (KINDS, 9), dtypes.of_name("int32"))
    assert np.abs(made).max() <= 9


_OPS = ("ReduceSum", "LayerNormalization", "Softmax", "MatMul", "GRU", "Attention", "CumSum")


def _case(op: str, label: str) -> Source:
    return next(source for source in generate(op=op) if source.label == label)


@pytest.mark.parametrize("op", _OPS)
def test_operators_meet_nan_infinity_zero_and_subnormal_operands(op: str) -> None:
    fed = [v.array for v in _case(op, "kinds").datasets[0].values() if isinstance(v, Tensor)]
    first = fed[0]
    assert np.isnan(first).any()
    assert np.isposinf(first).any()
    assert np.isneginf(first).any()
    assert (first == 0).any()
    assert ((first != 0) & (np.abs(first) < np.finfo(np.float32).tiny)).any()


@pytest.mark.parametrize("op", ["ReduceSum", "Softmax", "Gemm", "GRU", "Attention", "CumSum"])
def test_one_executable_runs_sizes_that_kernels_tell_apart(op: str) -> None:
    runs = [next(iter(feeds.values())) for feeds in _case(op, "shapes").datasets]
    tensors = [value for value in runs if isinstance(value, Tensor)]
    assert tensors[0].shape == tensors[1].shape
    assert tensors[0].array.tobytes() != tensors[1].array.tobytes()
    last = [tensor.shape[-1] for tensor in tensors]
    assert any(tensor.array.size % 8 == 0 for tensor in tensors)
    assert any(tensor.array.size % 8 for tensor in tensors)
    assert max(last) > 16
    assert max(tensor.array.size for tensor in tensors) > 200


def test_a_logarithm_of_a_sum_of_nothing_is_asked_for() -> None:
    for op in ("ReduceLogSum", "ReduceLogSumExp"):
        fed = _case(op, "empty_reduced").datasets[0]["data"]
        assert isinstance(fed, Tensor)
        assert fed.shape == (2, 0, 3)
