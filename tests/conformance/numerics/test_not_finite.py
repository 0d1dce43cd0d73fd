"""What the standard leaves open where numbers are NaN, infinite or subnormal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.simulated import run
from onnx import helper

from hal.tensor import Tensor

SPOILT = np.array([[[1.0, np.nan], [2.0, 0.5], [3.0, 4.0]]], np.float32)


def _model(op: str, shapes: list[list[int]], **attributes: Any) -> onnx.ModelProto:
    names = [f"i{k}" for k in range(len(shapes))]
    inputs = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in zip(names, shapes, strict=True)
    ]
    output = helper.make_tensor_value_info("o", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [helper.make_node(op, names, ["o"], **attributes)], "one", inputs, [output]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def test_nothing_is_said_of_the_transform_of_a_signal_with_nan(
    bounds_of: Callable[..., Any],
) -> None:
    other = np.ones((1, 3, 2), np.float32)
    made = bounds_of("DFT", [np.concatenate([SPOILT, other]), None, np.int64(1)])
    assert np.isinf(made.pair.errors()[0]).all()
    assert np.isfinite(made.pair.errors()[1]).all()


@pytest.mark.parametrize("named", [0, 1])
def test_the_index_of_nan_and_of_the_largest_number_are_both_right(
    bounds_of: Callable[..., Any], named: int
) -> None:
    x = np.array([[[np.nan, 2.0]]], np.float32)
    made = bounds_of("MaxPool", [x], outputs=2, kernel_shape=[2])
    assert made.accepts(np.array([[[named]]], np.int64), 1)


def test_each_product_of_an_interpolation_may_underflow(bounds_of: Callable[..., Any]) -> None:
    smallest = float(np.finfo(np.float32).smallest_subnormal)
    x = np.array([[[3.0, 5.0]]], np.float32) * np.float32(smallest)
    scales = np.array([1.0, 1.0, 2.0], np.float32)
    made = bounds_of("Resize", [x, None, scales], mode="linear")
    inner = made.pair.errors()[0, 0, 1:3]
    assert (inner >= smallest).all()
    assert (inner <= 3 * smallest).all()


def test_a_simulated_mean_of_nan_is_nan() -> None:
    x = np.array([[[1.0, np.nan, 3.0]]], np.float32)
    model = _model("AveragePool", [[1, 1, 3]], kernel_shape=[2])
    (made,) = run(model, {"i0": Pair.exact(x)}, arithmetic("fp32"), 0, 0)
    assert isinstance(made, Tensor)
    assert np.isnan(made.array).all()


@pytest.mark.parametrize("seed", range(8))
def test_simulated_parts_of_a_convolution_keep_an_infinity(seed: int) -> None:
    x, w = np.full((1, 2, 3), 0.5, np.float32), np.full((1, 2, 2), 0.25, np.float32)
    x[0, 0, 0] = np.inf
    model = _model("Conv", [[1, 2, 3], [1, 2, 2]])
    feeds = {"i0": Pair.exact(x), "i1": Pair.exact(w)}
    (made,) = run(model, feeds, arithmetic("fp32"), seed, 0)
    assert isinstance(made, Tensor)
    assert np.isposinf(made.array[0, 0, 0])
    assert np.isfinite(made.array[0, 0, 1])
