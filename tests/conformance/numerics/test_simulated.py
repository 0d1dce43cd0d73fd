from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hal_conformance.numerics.arithmetic import FORMATS, Array, arithmetic
from hal_conformance.numerics.kernels import FUNCTIONS, KERNELS
from hal_conformance.numerics.machine import Machine, nearest
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import run
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from hal.tensor import Tensor, Value

FP32 = arithmetic("fp32")
TYPES: Mapping[str, Any] = {
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float8e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8e5m2": ml_dtypes.float8_e5m2,
}


def model(
    nodes: Sequence[onnx.NodeProto], inputs: Sequence[str], opset: int = 21, element: int = 1
) -> onnx.ModelProto:
    given = [helper.make_tensor_value_info(name, element, None) for name in inputs]
    made = [helper.make_tensor_value_info("y", element, None)]
    graph = helper.make_graph(list(nodes), "g", given, made)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def answers(
    made: onnx.ModelProto, feeds: Mapping[str, Quantity], how: str = "fp32", seeds: int = 24
) -> list[Array]:
    found = [run(made, feeds, arithmetic(how), seed) for seed in range(seeds)]
    return [array(values[0]) for values in found]


def array(value: Value) -> Array:
    assert isinstance(value, Tensor)
    return value.array


def normal(*shape: int) -> Array:
    return np.random.Generator(np.random.PCG64(7)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", sorted(TYPES))
@given(bits=st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_rounding_is_that_of_ieee_754(name: str, bits: int) -> None:
    value = np.array([bits], np.uint32).view(np.float32)
    if not np.isfinite(value[0]):
        return
    with np.errstate(over="ignore"):
        expected = value.astype(TYPES[name]).astype(np.float64)
    np.testing.assert_array_equal(nearest(value, FORMATS[name]), expected)


def test_ties_go_to_even_and_halves_of_the_smallest_vanish() -> None:
    small = FORMATS["float16"].smallest
    values = np.array([1 + 2**-11, 1 + 3 * 2**-11, small / 2, 0.75 * small, 0.0])
    expected = [1.0, 1 + 2**-9, 0.0, small, 0.0]
    np.testing.assert_array_equal(nearest(values, FORMATS["float16"]), expected)


@pytest.mark.parametrize("how", ["fp32", "bf16", "fp16", "fp16-acc16"])
def test_every_order_of_a_product_is_near_and_they_differ(how: str) -> None:
    a, b = normal(3, 40), normal(40, 5)
    made = model([helper.make_node("MatMul", ["a", "b"], ["y"])], "ab")
    exact = a.astype(np.float64) @ b.astype(np.float64)
    scale = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    unit = arithmetic(how).outputs.unit
    found = answers(made, {"a": Pair.exact(a), "b": Pair.exact(b)}, how)
    for got in found:
        assert (np.abs(got - exact) <= (40 + 4) * unit * scale).all()
    alike = arithmetic(how).accumulator is arithmetic(how).outputs
    assert len({got.tobytes() for got in found}) > 1 or not alike


def test_a_sum_has_many_orders_and_each_is_near() -> None:
    x = normal(2, 300)
    made = model([helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)], "x", opset=11)
    found = answers(made, {"x": Pair.exact(x)})
    assert len({got.tobytes() for got in found}) > 3
    exact = x.astype(np.float64).sum()
    for got in found:
        assert abs(got - exact) <= 600 * 2**-24 * np.abs(x).sum()


def test_a_narrow_accumulator_is_coarser_than_a_wide_one() -> None:
    x = Pair.exact(np.abs(normal(1, 512)).astype(np.float16))
    w = Pair.exact(np.abs(normal(512, 1)).astype(np.float16))
    made = model([helper.make_node("MatMul", ["a", "b"], ["y"])], "ab", element=10)
    exact = float((x.value @ w.value).item())

    def worst(how: str) -> float:
        found = answers(made, {"a": x, "b": w}, how)
        return max(abs(float(got.item()) - exact) for got in found)

    assert worst("fp16") <= FORMATS["float16"].ulp(np.array(exact))
    assert worst("fp16-acc16") > 2 * worst("fp16")


@pytest.mark.parametrize("op", sorted(set(FUNCTIONS) - {"Div", "Pow"}))
@pytest.mark.parametrize("lean", [0, 1, -1])
def test_functions_are_off_by_no_more_than_their_ulp(op: str, lean: int) -> None:
    x = np.linspace(1.001, 1.9, 400) if op == "Acosh" else np.linspace(0.001, 0.99, 400)
    x = x.astype(np.float32)
    made = model([helper.make_node(op, ["x"], ["y"])], "x")
    feeds = {"x": Pair.exact(x)}
    exact = array(run(made, {"x": Pair(x.astype(np.float64), None, "float64")}, FP32)[0])
    ulp = FORMATS["float32"].ulp(exact)
    got = array(run(made, feeds, FP32, 1, lean)[0])
    off = (got - exact) / ulp
    assert (np.abs(off) <= FUNCTIONS[op] + 1e-6).all()
    assert np.abs(off).max() > 0.5
    if lean:
        assert np.mean(np.sign(off) == lean) > 0.6


def test_a_device_is_the_same_for_the_same_seed() -> None:
    made = model([helper.make_node("Softmax", ["x"], ["y"])], "x")
    feeds = {"x": Pair.exact(normal(4, 50))}
    first, second = (array(run(made, feeds, FP32, 3)[0]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [11, 13])
def test_softmax_is_right_in_every_form(op: str, opset: int) -> None:
    x = normal(3, 4, 5)
    made = model([helper.make_node(op, ["x"], ["y"], axis=1)], "x", opset)
    wide = x.astype(np.float64)
    axes = (1, 2) if opset < 13 else (1,)
    powers = np.exp(wide - wide.max(axis=axes, keepdims=True))
    exact = powers / powers.sum(axis=axes, keepdims=True)
    exact = exact if op == "Softmax" else np.log(exact)
    for got in answers(made, {"x": Pair.exact(x)}):
        np.testing.assert_allclose(got, exact, rtol=3e-6)


def test_normalisations_are_right_in_every_form() -> None:
    x, scale, bias = normal(2, 3, 20), normal(3), normal(3)
    feeds = {"x": Pair.exact(x), "s": Pair.exact(scale), "b": Pair.exact(bias)}
    node = helper.make_node("InstanceNormalization", ["x", "s", "b"], ["y"], epsilon=1e-5)
    wide = x.astype(np.float64)
    normalised = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(
        wide.var(-1, keepdims=True) + 1e-5
    )
    exact = normalised * scale[:, None] + bias[:, None]
    found = answers(model([node], "xsb"), feeds)
    for got in found:
        np.testing.assert_allclose(got, exact, rtol=1e-4, atol=1e-5)
    assert len({got.tobytes() for got in found}) > 3


def test_batch_normalisation_folds_or_not() -> None:
    x, scale, bias, mean = normal(2, 3, 4), normal(3), normal(3), normal(3)
    variance = np.abs(normal(3))
    values = {"x": x, "s": scale, "b": bias, "m": mean, "v": variance}
    node = helper.make_node("BatchNormalization", list("xsbmv"), ["y"], epsilon=1e-3)
    shape = (1, 3, 1)
    root = np.sqrt(variance.astype(np.float64) + 1e-3).reshape(shape)
    wide = x.astype(np.float64) - mean.reshape(shape)
    exact = wide / root * scale.reshape(shape) + bias.reshape(shape)
    feeds = {name: Pair.exact(value) for name, value in values.items()}
    found = answers(model([node], "xsbmv"), feeds)
    for got in found:
        np.testing.assert_allclose(got, exact, rtol=1e-5, atol=1e-5)
    assert len({got.tobytes() for got in found}) > 3


def test_a_convolution_is_right_however_it_is_split() -> None:
    x, w, b = normal(1, 4, 6, 6), normal(2, 4, 3, 3), normal(2)
    feeds = {"x": Pair.exact(x), "w": Pair.exact(w), "b": Pair.exact(b)}
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1])
    double = {n: Pair(q.value, None, "float64") for n, q in feeds.items()}
    exact = array(run(model([node], "xwb", element=11), double, arithmetic("fp64"))[0])
    found = answers(model([node], "xwb"), feeds)
    for got in found:
        np.testing.assert_allclose(got, exact, rtol=0, atol=2e-5)
    assert len({got.tobytes() for got in found}) > 3


def test_results_are_kept_in_the_stored_format() -> None:
    x = normal(64)
    add = helper.make_node("Add", ["x", "x"], ["a"])
    nodes = [add, helper.make_node("Mul", ["a", "x"], ["y"])]
    made = model(nodes, "x")
    (got,) = answers(made, {"x": Pair.exact(x)}, "bf16", 1)
    np.testing.assert_array_equal(got, nearest(got, FORMATS["bfloat16"]))
    assert got.dtype == np.float32


def test_moving_rounds_nothing() -> None:
    x = normal(3, 5)
    made = model([helper.make_node("Transpose", ["x"], ["y"])], "x")
    (got,) = answers(made, {"x": Pair.exact(x)}, "bf16", 1)
    np.testing.assert_array_equal(got, x.T)


def test_flushing_makes_subnormals_zero() -> None:
    from dataclasses import replace

    x = np.array([1e-20, 1.0], np.float32)
    made = model([helper.make_node("Mul", ["x", "x"], ["y"])], "x")
    how = replace(FP32, flush="all")
    np.testing.assert_array_equal(array(run(made, {"x": Pair.exact(x)}, how)[0]), [0.0, 1.0])


def test_functions_without_an_implementation_are_taken_apart() -> None:
    x, s, b = normal(2, 4, 3), normal(4), normal(4)
    node = helper.make_node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2)
    feeds = {"x": Pair.exact(x), "s": Pair.exact(s), "b": Pair.exact(b)}
    wide = x.astype(np.float64).reshape(2, 2, 6)
    normalised = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(
        wide.var(-1, keepdims=True) + 1e-5
    )
    exact = normalised.reshape(2, 4, 3) * s[:, None] + b[:, None]
    for got in answers(model([node], "xsb"), feeds, seeds=4):
        np.testing.assert_allclose(got, exact, rtol=1e-4, atol=1e-5)


def test_kernels_are_for_operators_that_exist() -> None:
    assert all(onnx.defs.has(op) for op in KERNELS)


def test_a_machine_of_doubles_adds_in_doubles() -> None:
    x = np.full((1, 1000), 0.1)
    total = Machine(FP32, 0).total(x, (1,), "float64")
    assert abs(total.item() - 100.0) < 1e-11
