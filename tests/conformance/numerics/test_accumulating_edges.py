"""Empty, infinite, tiny and huge inputs of operators that accumulate: the exact is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.elements import compared

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 6e4, -6e4, 3e38, 1e-8])
Shape = tuple[int, ...]

CASES: list[tuple[str, int, list[Shape], dict[str, Any]]] = [
    ("MatMul", 13, [(2, 3, 4), (4, 5)], {}),
    ("MatMul", 13, [(3, 0), (0, 5)], {}),
    ("Gemm", 13, [(3, 4), (4, 5), (1, 5)], {"alpha": 0.5, "beta": 2.0}),
    ("Gemm", 13, [(3, 0), (0, 5), (1, 5)], {}),
    ("Conv", 22, [(1, 2, 5, 5), (4, 1, 3, 3), (4,)], {"group": 2, "pads": [1, 1, 1, 1]}),
    ("Conv", 22, [(0, 2, 5, 5), (4, 2, 3, 3)], {}),
    ("ConvTranspose", 22, [(1, 2, 5), (2, 1, 3), (2,)], {"group": 2, "strides": [2]}),
    ("ConvTranspose", 22, [(0, 2, 5, 5), (2, 1, 3, 3)], {}),
    ("DeformConv", 22, [(1, 2, 5, 5), (4, 2, 2, 2), (1, 8, 4, 4), (4,), (1, 4, 4, 4)], {}),
    ("ReduceSum", 11, [(3, 4)], {"axes": [1]}),
    ("ReduceMean", 11, [()], {}),
    ("ReduceL1", 11, [(3, 0)], {"axes": [1]}),
    ("ReduceL2", 11, [(3, 4)], {"axes": [1]}),
    ("ReduceSumSquare", 11, [(0, 4)], {"axes": [1]}),
    ("ReduceLogSum", 11, [(3, 4)], {"axes": [1]}),
    ("ReduceLogSumExp", 11, [(3, 4)], {"axes": [1]}),
    ("ReduceLogSumExp", 11, [(3, 0)], {"axes": [1]}),
    ("ReduceProd", 11, [(3, 4)], {"axes": [1]}),
    ("ReduceMax", 11, [(3, 4)], {"axes": [0]}),
    ("ReduceMin", 11, [(3, 4)], {"axes": [0]}),
    ("Hardmax", 13, [(3, 4)], {}),
    ("Hardmax", 13, [(3, 0)], {}),
    ("AveragePool", 22, [(1, 2, 5, 5)], {"kernel_shape": [2, 3], "pads": [1, 1, 1, 1]}),
    ("MaxPool", 22, [(1, 2, 5, 5)], {"kernel_shape": [2, 3], "pads": [1, 1, 1, 1]}),
    ("MaxPool", 22, [(0, 2, 5)], {"kernel_shape": [2]}),
    ("LpPool", 22, [(1, 2, 5)], {"kernel_shape": [2], "p": 3}),
    ("GlobalAveragePool", 22, [(0, 3, 4, 4)], {}),
    ("GlobalMaxPool", 22, [(2, 3, 4, 4)], {}),
    ("GlobalLpPool", 22, [(2, 3, 4, 4)], {}),
    ("RNN", 22, [(3, 2, 4), (1, 2, 4), (1, 2, 2)], {"hidden_size": 2, "clip": 0.5}),
    ("GRU", 22, [(0, 2, 4), (1, 6, 4), (1, 6, 2)], {"hidden_size": 2}),
    ("LSTM", 22, [(3, 0, 4), (1, 8, 4), (1, 8, 2)], {"hidden_size": 2}),
    ("DFT", 20, [(2, 5, 2)], {"inverse": 1, "onesided": 1}),
    ("DFT", 20, [(0, 5, 1)], {}),
]
NAMES = [
    f"{op}-{'-'.join('x'.join(map(str, s)) for s in shapes)}" for op, _, shapes, _ in CASES
]


def ordinary(shape: Shape, random: np.random.Generator) -> Array:
    return random.normal(size=shape)


def special(shape: Shape, random: np.random.Generator) -> Array:
    return np.where(random.random(shape) < 0.3, random.choice(SPECIAL, shape), 1.5)


def huge(shape: Shape, random: np.random.Generator) -> Array:
    return random.normal(size=shape) * 1e4


def zero(shape: Shape, random: np.random.Generator) -> Array:
    return np.zeros(shape)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
@pytest.mark.parametrize("kind", [ordinary, special, huge, zero])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_the_exact_result_rounded_is_right_wherever_something_is_known(
    bounds_of: Callable[..., Any],
    case: tuple[str, int, list[Shape], dict[str, Any]],
    kind: Callable[[Shape, np.random.Generator], Array],
    dtype: Any,
) -> None:
    op, opset, shapes, attributes = case
    random = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        arrays = [np.asarray(kind(shape, random)).astype(dtype) for shape in shapes]
    made = bounds_of(op, arrays, opset=opset, **attributes)
    error, value = made.pair.errors(), made.pair.value
    assert error.shape == value.shape
    assert (error >= 0).all()
    with np.errstate(over="ignore", invalid="ignore"):
        got = np.asarray(value).astype(dtype)
    found = compared(got, made.pair, made.model, None)
    assert (found.right | ~found.known).all()
    if kind is ordinary:
        assert found.known.all()
