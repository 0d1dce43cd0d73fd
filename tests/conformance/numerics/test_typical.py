from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import pytest
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import run
from hal_conformance.numerics.typical import typical
from hal_conformance.numerics.verdict import OutputVerdict, judge
from hal_conformance.records import Outcome
from onnx import helper, numpy_helper

FP32 = arithmetic("fp32")


def normal(*shape: int, seed: int = 7) -> Array:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32)


def model(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, Array],
    outputs: Sequence[tuple[str, int]] = (("y", 1),),
) -> onnx.ModelProto:
    given = [helper.make_tensor_value_info("x", 1, None)]
    made = [helper.make_tensor_value_info(name, element, None) for name, element in outputs]
    held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(list(nodes), "g", given, made, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def network() -> onnx.ModelProto:
    """Six residual blocks of convolution, normalisation and activation, and a classifier."""
    nodes: list[onnx.NodeProto] = []
    weights: dict[str, Array] = {}
    last = "x"
    for k in range(6):
        weights |= {f"w{k}": normal(8, 8, 3, 3, seed=k) / 8, f"s{k}": 1 + normal(8, seed=k) / 9}
        weights |= {f"b{k}": normal(8, seed=k + 20), f"m{k}": normal(8, seed=k + 40)}
        weights |= {f"v{k}": 1 + np.abs(normal(8, seed=k + 60))}
        statistics = [f"c{k}", f"s{k}", f"b{k}", f"m{k}", f"v{k}"]
        nodes += [
            helper.make_node("Conv", [last, f"w{k}"], [f"c{k}"], pads=[1, 1, 1, 1]),
            helper.make_node("BatchNormalization", statistics, [f"n{k}"]),
            helper.make_node("Relu", [f"n{k}"], [f"r{k}"]),
            helper.make_node("Add", [f"r{k}", last], [f"a{k}"]),
        ]
        last = f"a{k}"
    weights["w"] = normal(8, 10, seed=99)
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["l"]),
        helper.make_node("Softmax", ["l"], ["y"]),
    ]
    return model(nodes, weights, [("y", 1), ("l", 1)])


@pytest.fixture(scope="module")
def feeds() -> Mapping[str, Quantity]:
    return {"x": Pair.exact(normal(2, 8, 8, 8))}


@pytest.fixture(scope="module")
def expected(feeds: Mapping[str, Quantity]) -> list[Quantity]:
    return typical(network(), feeds, FP32)


def judged(
    made: onnx.ModelProto,
    feeds: Mapping[str, Quantity],
    expected: Sequence[Quantity],
    how: str,
    seed: int = 0,
) -> list[OutputVerdict]:
    names = [output.name for output in made.graph.output]
    return judge(names, run(made, feeds, arithmetic(how), seed), expected, FP32)


@pytest.mark.parametrize("seed", range(6))
def test_no_correct_device_is_accused(
    seed: int, feeds: Mapping[str, Quantity], expected: list[Quantity]
) -> None:
    probabilities, logits = judged(network(), feeds, expected, "fp32", seed)
    assert probabilities.outcome is Outcome.PASS
    assert logits.outcome is Outcome.PASS
    assert logits.margin is not None
    assert 0.01 < logits.margin < 0.3


@pytest.mark.parametrize("how", ["bf16", "tf32"])
def test_a_lower_arithmetic_is_found(
    how: str, feeds: Mapping[str, Quantity], expected: list[Quantity]
) -> None:
    found = judged(network(), feeds, expected, how)
    assert {output.outcome for output in found} == {Outcome.FAIL}
    assert all((output.margin or 0) > 20 for output in found)


def test_a_wrong_epsilon_is_found(
    feeds: Mapping[str, Quantity], expected: list[Quantity]
) -> None:
    made = network()
    attribute = helper.make_attribute("epsilon", 1e-3)
    made.graph.node[5].attribute.append(attribute)
    assert judged(made, feeds, expected, "fp32")[1].outcome is Outcome.FAIL


def test_a_device_of_the_lower_arithmetic_passes_where_it_is_declared(
    feeds: Mapping[str, Quantity],
) -> None:
    bf16 = arithmetic("bf16")
    bounds = typical(network(), feeds, bf16)
    for seed in range(3):
        got = run(network(), feeds, bf16, seed)
        found = judge(["y", "l"], got, bounds, bf16)
        assert Outcome.FAIL not in {output.outcome for output in found}


def test_the_bound_is_the_same_for_the_same_seed(feeds: Mapping[str, Quantity]) -> None:
    first, second = (typical(network(), feeds, FP32, passes=2)[0] for _ in range(2))
    assert isinstance(first, Pair)
    assert isinstance(second, Pair)
    np.testing.assert_array_equal(first.errors(), second.errors())


def test_arithmetic_on_shapes_has_no_noise() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Cast", ["s"], ["f"], to=1),
        helper.make_node("Mul", ["f", "half"], ["h"]),
        helper.make_node("Floor", ["h"], ["g"]),
        helper.make_node("Cast", ["g"], ["i"], to=7),
        helper.make_node("ConstantOfShape", ["i"], ["y"]),
    ]
    made = model(nodes, {"half": np.array([0.5, 0.5], np.float32)})
    (found,) = typical(made, {"x": Pair.exact(normal(6, 5))}, FP32)
    assert isinstance(found, Pair)
    assert np.shape(found.value) == (3, 2)
    assert not found.errors().any()


def test_what_depends_on_a_path_that_noise_leaves_is_unknown() -> None:
    nodes = [
        helper.make_node("Mul", ["x", "third"], ["t"]),
        helper.make_node("Mul", ["t", "three"], ["u"]),
        helper.make_node("Ceil", ["u"], ["c"]),
        helper.make_node("Cast", ["c"], ["i"], to=7),
        helper.make_node("ConstantOfShape", ["i"], ["y"]),
        helper.make_node("Add", ["x", "x"], ["z"]),
    ]
    weights = {"third": np.array([1 / 3], np.float32), "three": np.array([3], np.float32)}
    made = model(nodes, weights, [("y", 1), ("z", 1)])
    y, z = typical(made, {"x": Pair.exact(np.array([7.0], np.float32))}, FP32)
    assert isinstance(y, Pair)
    assert isinstance(z, Pair)
    assert np.isinf(y.errors()).all()
    assert np.isfinite(z.errors()).all()


def test_an_index_that_noise_changes_is_unknown_and_one_that_stays_is_exact() -> None:
    nodes = [
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node("ArgMax", ["e"], ["y"], axis=1, keepdims=0),
    ]
    rows = normal(12, 5) * 3
    rows[3, :2] = 20.0
    (found,) = typical(model(nodes, {}, [("y", 7)]), {"x": Pair.exact(rows)}, FP32)
    assert isinstance(found, Pair)
    unknown = np.isinf(found.errors())
    assert unknown[3]
    assert not unknown[[0, 1, 2]].any()


def test_a_random_draw_is_unknown() -> None:
    made = model([helper.make_node("RandomNormalLike", ["x"], ["y"])], {})
    (found,) = typical(made, {"x": Pair.exact(normal(3))}, FP32, passes=2)
    assert isinstance(found, Pair)
    assert np.isinf(found.errors()).all()
