"""Small models with the structure of real ones: a CNN, a transformer block, a Loop of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from hal_conformance.models import devices, judging
from hal_conformance.models.devices import Fault
from hal_conformance.numerics.arithmetic import ARITHMETICS, Array, arithmetic
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.typical import typical
from hal_conformance.numerics.verdict import CaseVerdict
from hal_conformance.records import Outcome
from onnx import helper, numpy_helper

import hal
from hal.tensor import Tensor, Value


@dataclass(frozen=True)
class Small:
    """A model with its feeds."""

    proto: onnx.ModelProto
    arrays: Mapping[str, Array]

    @property
    def feeds(self) -> dict[str, Quantity]:
        return {name: Pair.exact(array) for name, array in self.arrays.items()}

    @property
    def names(self) -> list[str]:
        return [output.name for output in self.proto.graph.output]


def normal(*shape: int, seed: int = 7) -> Array:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32)


def single(value: float | Array) -> Array:
    return np.array(value, np.float32)


def model(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, Array],
    given: Mapping[str, Sequence[int]],
    outputs: Mapping[str, Sequence[int]],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info(name, 1, shape) for name, shape in given.items()],
        [helper.make_tensor_value_info(name, 1, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made.SerializeToString(), full_check=True)  # pyright: ignore[reportUnknownMemberType]  # an unparametrised PathLike
    return made


def cnn() -> Small:
    """Four residual blocks of convolution, normalisation and activation, and a classifier."""
    nodes, weights, last = list[onnx.NodeProto](), dict[str, Array](), "x"
    for k in range(4):
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
    weights["w"] = normal(8, 10, seed=99) / 4
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["l"]),
        helper.make_node("Softmax", ["l"], ["y"]),
    ]
    made = model(nodes, weights, {"x": (2, 8, 8, 8)}, {"y": (2, 10), "l": (2, 10)})
    return Small(made, {"x": normal(2, 8, 8, 8)})


def transformer() -> Small:
    """One block as exporters write it: attention, a residual, LayerNorm, GELU by Erf."""
    size = 32
    weights = {name: normal(size, size, seed=k) / 6 for k, name in enumerate("qkvo")}
    weights |= {"up": normal(size, 64, seed=9) / 6, "down": normal(64, size, seed=10) / 8}
    weights |= {"scale": np.ones(size, np.float32), "shift": np.zeros(size, np.float32)}
    weights |= {"root": single(np.sqrt(size)), "two": single(np.sqrt(2))}
    weights |= {"half": single(0.5), "one": single(1)}
    nodes = [
        *(helper.make_node("MatMul", ["x", name], [f"x{name}"]) for name in "qkv"),
        helper.make_node("Transpose", ["xk"], ["xkt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["xq", "xkt"], ["scores"]),
        helper.make_node("Div", ["scores", "root"], ["scaled"]),
        helper.make_node("Softmax", ["scaled"], ["weights"]),
        helper.make_node("MatMul", ["weights", "xv"], ["mixed"]),
        helper.make_node("MatMul", ["mixed", "o"], ["out"]),
        helper.make_node("Add", ["out", "x"], ["first"]),
        helper.make_node("LayerNormalization", ["first", "scale", "shift"], ["normal"]),
        helper.make_node("MatMul", ["normal", "up"], ["wide"]),
        helper.make_node("Div", ["wide", "two"], ["e0"]),
        helper.make_node("Erf", ["e0"], ["e1"]),
        helper.make_node("Add", ["e1", "one"], ["e2"]),
        helper.make_node("Mul", ["wide", "e2"], ["e3"]),
        helper.make_node("Mul", ["e3", "half"], ["gelu"]),
        helper.make_node("MatMul", ["gelu", "down"], ["narrow"]),
        helper.make_node("Add", ["narrow", "first"], ["y"]),
    ]
    made = model(nodes, weights, {"x": (1, 6, size)}, {"y": (1, 6, size)})
    return Small(made, {"x": normal(1, 6, size)})


def cells() -> Small:
    """A GRU that runs one step in each turn of a Loop, and what it said at every turn."""
    state = [helper.make_tensor_value_info(n, 1, (1, 2, 16)) for n in ("h_in", "h_out")]
    step = [
        helper.make_node("Gather", ["x", "i"], ["row"], axis=0),
        helper.make_node("Unsqueeze", ["row", "zero"], ["rows"]),
        helper.make_node(
            "GRU", ["rows", "W", "R", "B", "", "h_in"], ["", "h_out"], hidden_size=16
        ),
        helper.make_node("Identity", ["go"], ["on"]),
        helper.make_node("MatMul", ["h_out", "P"], ["said"]),
    ]
    body = helper.make_graph(
        step,
        "body",
        [
            helper.make_tensor_value_info("i", 7, ()),
            helper.make_tensor_value_info("go", 9, ()),
            state[0],
        ],
        [
            helper.make_tensor_value_info("on", 9, ()),
            state[1],
            helper.make_tensor_value_info("said", 1, (1, 2, 4)),
        ],
    )
    weights = {"W": normal(1, 48, 8, seed=1) / 3, "R": normal(1, 48, 16, seed=2) / 4}
    weights |= {"B": normal(1, 96, seed=3) / 4, "P": normal(16, 4, seed=4) / 4}
    weights |= {"start": np.zeros((1, 2, 16), np.float32), "turns": np.array(5, np.int64)}
    weights |= {"zero": np.array([0], np.int64), "true": np.array(True)}
    loop = helper.make_node("Loop", ["turns", "true", "start"], ["last", "all"], body=body)
    made = model([loop], weights, {"x": (5, 2, 8)}, {"last": (1, 2, 16), "all": (5, 1, 2, 4)})
    return Small(made, {"x": normal(5, 2, 8)})


SMALL = {"cnn": cnn, "transformer": transformer, "cells in a loop": cells}


@pytest.fixture(scope="session", params=sorted(SMALL))
def small(request: pytest.FixtureRequest) -> Small:
    return SMALL[request.param]()


_KNOWN: dict[tuple[bytes, str], list[Quantity]] = {}


def expected(small: Small, name: str) -> list[Quantity]:
    key = small.proto.SerializeToString(), name
    if key not in _KNOWN:
        _KNOWN[key] = typical(small.proto, small.feeds, arithmetic(name))
    return _KNOWN[key]


def judged(small: Small, got: Sequence[Value], name: str = "fp32") -> CaseVerdict:
    return judging.judge(
        small.names,
        got,
        lambda how: expected(small, how),
        lambda how: devices.run(small.proto, small.feeds, ARITHMETICS[how]),
        name,
    )


def test_a_real_runtime_is_not_accused(small: Small) -> None:
    pytest.importorskip("onnxruntime")
    feeds = {name: Tensor.of(array) for name, array in small.arrays.items()}
    with hal.load(small.proto, device="onnxruntime:cpu") as exe:
        verdict = judged(small, exe.run_values(feeds))
    assert verdict.outcome is Outcome.PASS
    assert verdict.held == "fp32"


def test_a_device_that_rounds_as_declared_is_not_accused(small: Small) -> None:
    assert judged(small, devices.run(small.proto, small.feeds)).outcome is Outcome.PASS


def test_every_single_layer_in_bfloat16_is_found(small: Small) -> None:
    ways = devices.layers(small.proto, small.feeds)
    assert len(ways) >= 5
    for layer in range(len(ways)):
        fault = Fault(layers=frozenset({layer}))
        got = devices.run(small.proto, small.feeds, fault=fault)
        assert judged(small, got).outcome is Outcome.FAIL, f"{layer} {ways[layer]}"


@pytest.mark.parametrize("how", ["bf16", "tf32"])
def test_a_lower_arithmetic_is_named(small: Small, how: str) -> None:
    verdict = judged(small, devices.run(small.proto, small.feeds, ARITHMETICS[how]))
    assert (verdict.outcome, verdict.grade, verdict.held) == (Outcome.FAIL, "C", how)
    assert str(verdict.reason).startswith(f"behaves like {how}: ")


def test_what_no_arithmetic_explains_is_a_plain_fail(small: Small) -> None:
    got = devices.run(small.proto, small.feeds)
    turned = [Tensor(np.flip(v.array), v.dtype) for v in got if isinstance(v, Tensor)]
    verdict = judged(small, turned)
    assert (verdict.outcome, verdict.grade) == (Outcome.FAIL, None)


def test_the_turns_of_a_loop_are_followed() -> None:
    loop = cells()
    last, every = expected(loop, "fp32")
    assert isinstance(last, Pair)
    assert isinstance(every, Pair)
    assert np.shape(every.value) == (5, 1, 2, 4)
    assert (every.errors() > 0).all()
    assert np.isfinite(last.errors()).all()


def test_what_depends_on_a_branch_that_rounding_decides_is_unjudged() -> None:
    def branch(name: str, op: str) -> onnx.GraphProto:
        made = helper.make_tensor_value_info(name, 1, (3,))
        return helper.make_graph([helper.make_node(op, ["x"], [name])], op, [], [made])

    nodes = [
        helper.make_node("Mul", ["x", "third"], ["t"]),
        helper.make_node("ReduceSum", ["t"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "limit"], ["more"]),
        helper.make_node(
            "If",
            ["more"],
            ["y"],
            then_branch=branch("a", "Exp"),
            else_branch=branch("b", "Neg"),
        ),
    ]
    third = single(1 / 3)
    x = np.ones(3, np.float32)
    weights = {"third": third, "limit": single(3 * third)}
    proto = model(nodes, weights, {"x": (3,)}, {"y": (3,)})
    small = Small(proto, {"x": x})
    verdict = judged(small, devices.run(proto, small.feeds))
    assert verdict.outcome is Outcome.UNJUDGED


def test_a_branch_that_nothing_moves_is_judged() -> None:
    def branch(name: str, op: str) -> onnx.GraphProto:
        made = helper.make_tensor_value_info(name, 1, (3,))
        return helper.make_graph([helper.make_node(op, ["x"], [name])], op, [], [made])

    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "limit"], ["more"]),
        helper.make_node(
            "If",
            ["more"],
            ["y"],
            then_branch=branch("a", "Exp"),
            else_branch=branch("b", "Neg"),
        ),
    ]
    proto = model(nodes, {"limit": single(-50)}, {"x": (3,)}, {"y": (3,)})
    small = Small(proto, {"x": normal(3)})
    assert judged(small, devices.run(proto, small.feeds)).outcome is Outcome.PASS


def test_another_answer_is_told_of() -> None:
    small = cnn()
    got = devices.run(small.proto, small.feeds)
    other = [Tensor(-v.array, v.dtype) for v in got if isinstance(v, Tensor)]
    told = judging.changed(small.names, other, expected(small, "fp32"))
    assert told is not None
    assert "l: another value is the largest in 2 of 2 rows" in told
    assert judging.changed(small.names, got, expected(small, "fp32")) is None


def test_a_record_names_the_tier_and_the_arithmetic() -> None:
    small = cnn()
    got = devices.run(small.proto, small.feeds, ARITHMETICS["bf16"])
    record = judging.record(judged(small, got), "fp32")
    assert (record.tier, record.arithmetic, record.held) == ("typical", "fp32", "bf16")
    assert record.grade == "C"
    assert record.margin is not None
    assert record.margin > 1
