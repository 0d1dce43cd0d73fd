"""What answers are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from hal_conformance.frozen import answers, bounding
from hal_conformance.frozen.making import question_of
from hal_conformance.frozen.question import Known, Question
from hal_conformance.generated.source import Relation, Source
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.records import BoundsRecord, Outcome
from onnx import TensorProto, helper

from hal import dtypes
from hal.tensor import Tensor

FLOAT32 = dtypes.BY_NAME["float32"]


def question(
    nodes: Sequence[onnx.NodeProto],
    feeds: dict[str, np.ndarray[Any, Any]],
    outputs: Sequence[str] = ("y",),
    **more: Any,
) -> Question:
    """A float32 model of these nodes."""
    made = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape)
            for n, a in feeds.items()
        ],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    fed = {name: Tensor(array, FLOAT32) for name, array in feeds.items()}
    source = Source("graphs/t/t", model.SerializeToString(), [fed], "sampled", "values", "", {})
    return question_of(replace(source, **more))


def matmul(n: int = 64) -> Question:
    a = np.linspace(0.1, 1, 8 * n, dtype=np.float32).reshape(8, n)
    b = np.abs(np.cos(np.arange(n * 4, dtype=np.float32))).reshape(n, 4)
    return question([helper.make_node("MatMul", ["a", "b"], ["y"])], {"a": a, "b": b})


def verdict(
    asked: Question, *got: np.ndarray[Any, Any], name: str = "fp32", statistics: bool = False
) -> BoundsRecord:
    known: Known = bounding.known(asked, arithmetic(name), statistics=statistics)[0]
    values = [Tensor(np.asarray(array), dtypes.of_array(np.asarray(array))) for array in got]
    return answers.judge(asked, 0, values, known, name).bounds


def product(asked: Question, as_type: Callable[[Any], Any]) -> np.ndarray[Any, Any]:
    a, b = (np.asarray(t.array) for t in asked.datasets[0].values() if isinstance(t, Tensor))
    exact: np.ndarray[Any, Any] = as_type(a).astype(np.float64) @ as_type(b).astype(np.float64)
    return exact.astype(np.float32)


def test_a_right_answer_passes_with_a_grade_and_bits() -> None:
    asked = matmul()
    found = verdict(asked, product(asked, lambda x: x))
    assert found.outcome is Outcome.PASS
    assert found.grade in ("A", "B")
    assert found.bits is not None
    assert found.bits >= 24


def test_bfloat16_inside_is_a_fail_that_is_named() -> None:
    asked = matmul()
    bf16 = dtypes.BY_NAME["bfloat16"].numpy
    found = verdict(asked, product(asked, lambda x: x.astype(bf16)))
    assert found.outcome is Outcome.FAIL
    assert found.grade == "C"
    assert found.held == "bf16"
    assert found.reason is not None
    assert found.reason.startswith("behaves like bf16")


def test_the_same_answer_passes_where_bfloat16_is_declared() -> None:
    asked = matmul()
    bf16 = dtypes.BY_NAME["bfloat16"].numpy
    got = product(asked, lambda x: x.astype(bf16))
    assert (
        verdict(asked, got.astype(bf16).astype(np.float32), name="bf16").outcome is Outcome.PASS
    )


def test_an_answer_just_beyond_its_bound_is_not_called_a_lower_arithmetic() -> None:
    asked = question(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        {
            "a": np.array([1.0, 2.0, 3.0, 4.5], np.float32),
            "b": np.array([0.1, 0.2, 0.3, 0.4], np.float32),
        },
    )
    right = np.array([1.1, 2.2, 3.3, 4.9], np.float32)
    found = verdict(asked, np.nextafter(np.nextafter(right, np.float32(9)), np.float32(9)))
    assert found.outcome is Outcome.FAIL
    assert found.held is None
    assert found.limit_ulp == pytest.approx(0.5, rel=0.1)


def test_a_case_that_would_notice_nothing_is_unjudged_and_says_why() -> None:
    asked = question(
        [helper.make_node("Sub", ["a", "a"], ["y"])], {"a": np.ones((3,), np.float32)}
    )
    found = verdict(asked, np.zeros((3,), np.float32))
    assert found.outcome in (Outcome.PASS, Outcome.UNJUDGED)
    wrong = verdict(asked, np.ones((3,), np.float32))
    assert wrong.outcome is Outcome.FAIL


@pytest.mark.parametrize("kind", ["same", "near"])
def test_a_relation_that_is_broken_fails(kind: Any) -> None:
    nodes = [helper.make_node("Neg", ["a"], ["y"]), helper.make_node("Neg", ["a"], ["z"])]
    a = np.array([1.0, -2.0, 3.0], np.float32)
    related = question(nodes, {"a": a}, ("y", "z"), relations=[Relation(kind, "y", "z")])
    assert verdict(related, -a, -a).outcome is Outcome.PASS
    assert verdict(related, -a, -a).tier == "relation"
    broken = verdict(related, -a, -a * np.float32(1 + 2.0**-22))
    assert broken.outcome is Outcome.FAIL


def test_only_type_and_shape_count_where_values_are_free() -> None:
    node = helper.make_node("RandomUniformLike", ["a"], ["y"])
    asked = question([node], {"a": np.ones((2, 3), np.float32)}, judged="type")
    assert verdict(asked, np.full((2, 3), 0.3, np.float32)).outcome is Outcome.PASS
    assert verdict(asked, np.full((3, 2), 0.3, np.float32)).outcome is Outcome.FAIL
    assert verdict(asked, np.full((2, 3), 0.3, np.float64)).outcome is Outcome.FAIL


def test_a_deep_graph_is_judged_by_statistics_where_the_proof_says_nothing() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    feeds: dict[str, np.ndarray[Any, Any]] = {
        "x": rng.standard_normal((4, 32)).astype(np.float32)
    }
    nodes: list[onnx.NodeProto] = []
    value = "x"
    for layer in range(8):
        feeds[f"w{layer}"] = rng.standard_normal((32, 32)).astype(np.float32) / 4
        nodes.append(helper.make_node("MatMul", [value, f"w{layer}"], [f"m{layer}"]))
        value = "y" if layer == 7 else f"t{layer}"
        nodes.append(helper.make_node("Tanh", [f"m{layer}"], [value]))
    asked = question(nodes, feeds)
    got: np.ndarray[Any, Any] = feeds["x"].astype(np.float64)
    for layer in range(8):
        got = np.tanh(got @ feeds[f"w{layer}"].astype(np.float64))
    found = verdict(asked, got.astype(np.float32), statistics=True)
    assert (found.tier, found.outcome) == ("typical", Outcome.PASS)
    off = got.astype(dtypes.BY_NAME["bfloat16"].numpy).astype(np.float32)
    assert verdict(asked, off, statistics=True).outcome is Outcome.FAIL


def test_what_is_missing_is_a_fail() -> None:
    assert verdict(matmul()).outcome is Outcome.FAIL


WIDE = np.array([0.1, 0.2, 1.7, 2.3])


def double_sqrt() -> Question:
    node = helper.make_node("Sqrt", ["a"], ["y"])
    made = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("a", TensorProto.DOUBLE, [4])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    fed = {"a": Tensor(WIDE, dtypes.BY_NAME["float64"])}
    source = Source("ops/t/t", model.SerializeToString(), [fed], "sampled", "values", "", {})
    return question_of(source)


def test_float64_computed_as_float32_is_named() -> None:
    asked = double_sqrt()
    assert verdict(asked, np.sqrt(WIDE)).outcome is Outcome.PASS
    narrow = np.sqrt(WIDE.astype(np.float32)).astype(np.float64)
    found = verdict(asked, narrow)
    assert (found.outcome, found.held) == (Outcome.FAIL, "float64 as float32")


def test_an_answer_a_little_wrong_in_float64_is_not_called_float32() -> None:
    asked = double_sqrt()
    off = np.sqrt(WIDE) * (1 + 2.0**-49)
    found = verdict(asked, off)
    assert (found.outcome, found.held) == (Outcome.FAIL, None)


def test_a_graph_may_be_rewritten_and_no_single_operator() -> None:
    x = np.linspace(-4.0, 4.0, 33, dtype=np.float32)
    three, six = np.float32(3.0), np.float32(6.0)
    nodes = [
        helper.make_node("Add", ["x", "three"], ["a"]),
        helper.make_node("Clip", ["a", "zero", "six"], ["b"]),
        helper.make_node("Mul", ["x", "b"], ["c"]),
        helper.make_node("Div", ["c", "six"], ["y"]),
    ]
    feeds: dict[str, np.ndarray[Any, Any]] = {
        "x": x,
        "three": np.asarray(three),
        "zero": np.asarray(np.float32(0.0)),
        "six": np.asarray(six),
    }
    sixth = np.float32(1.0) / six
    rewritten = x * np.clip(x * sixth + np.float32(0.5), np.float32(0.0), np.float32(1.0))
    found = verdict(question(nodes, feeds), rewritten)
    assert found.outcome is Outcome.PASS, found.reason
    assert (found.tier, found.held) == ("typical", "fp32, rewritten")


def test_the_same_wrong_answer_is_judged_once_and_another_one_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = matmul()
    known = bounding.known(asked, arithmetic("fp32"), statistics=False)[0]
    right = product(asked, lambda a: a)
    wrong = [[Tensor(right * np.float32(f), FLOAT32)] for f in (2, 2, 3)]
    judged: list[Any] = []
    judge = answers.judge

    def counted(*arguments: Any) -> answers.Judged:
        judged.append(arguments)
        return judge(*arguments)

    monkeypatch.setattr(answers, "judge", counted)
    remembered = answers.Remembered()
    found = [remembered.judge(asked, 0, got, known, "fp32") for got in wrong]
    assert found[0] is found[1]
    assert found[2] == judge(asked, 0, wrong[2], known, "fp32")
    assert len(judged) == 2
