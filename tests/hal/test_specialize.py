"""Models made narrower, and programs that are compiled for what a run brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import pytest
from onnx import parser
from onnx.reference import ReferenceEvaluator

from hal.adapter import CanPlace, Program
from hal.errors import CompileError, Unsupported
from hal.model import Model
from hal.spec import NodePlacement, Placement, TensorSpec
from hal.specialize import (
    KEPT,
    Specialized,
    bound,
    check_tensors,
    control_inputs,
    frozen,
    static_shapes,
)
from hal.tensor import Feeds, Tensor, Value

RESHAPE = "g(float[N] x, int64[R] shape) => (float[A, B] y) { y = Reshape(x, shape) }"
DOUBLE = "g(float[N] x) => (float[N] y) { y = Add(x, x) }"


def model(graph: str) -> Model:
    text = f'<ir_version: 9, opset_import: ["": 20, "other": 1]> {graph}'
    return Model(parser.parse_model(text).SerializeToString())


def feeds(**arrays: Sequence[float] | np.ndarray) -> Feeds:
    return {name: Tensor.of(np.asarray(value)) for name, value in arrays.items()}


def line(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32)


def computed(
    evaluator: ReferenceEvaluator, given: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    results: list[np.ndarray] = evaluator.run(None, dict(given))  # type: ignore[assignment]  # pyright: ignore[reportUnknownMemberType, reportAssignmentType]  a list by default
    return results


class Reference(Program, CanPlace):
    """What ONNX's own reference computes; it notes each compilation, and being closed."""

    made: list[Reference]

    def __init__(self, given: Model, made: list[Reference]) -> None:
        self.inputs, self.outputs = given.facts.inputs, given.facts.outputs
        self.closed = False
        self._evaluator = ReferenceEvaluator(given.proto())
        made.append(self)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        given = {name: value.array for name, value in feeds.items()}
        return [Tensor.of(result) for result in computed(self._evaluator, given)]

    def placement(self) -> Placement:
        return Placement((NodePlacement("n", "Add", "device"),), "claimed")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def made() -> list[Reference]:
    return []


def specialized(graph: str, made: list[Reference], *, static: bool = False) -> Specialized:
    given = model(graph)
    steering = control_inputs(given)
    return Specialized(given, lambda m: Reference(m, made), static=static, freeze=steering)


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        (RESHAPE, ("shape",)),
        (DOUBLE, ()),
        ("g(float[4] x, int64[1] k) => (float[A] v, int64[A] i) { v, i = TopK(x, k) }", ("k",)),
        (
            "g(float[4] x, int64[1] s, int64[1] e) => (float[A] y) { y = Slice(x, s, e) }",
            ("s", "e"),
        ),
        (
            "g(float[4] x, int64[1] a) => (float[A, B] y)"
            " <int64[1] b = {2}> { s = Concat<axis = 0>(a, b) y = Reshape(x, s) }",
            ("a",),
        ),
        ("g(float[4] x) => (float[A, B] y) <int64[2] s = {2, 2}> { y = Reshape(x, s) }", ()),
        ("g(float[4] x, int64[2] s) => (float[2, 2] y) { y = other.Reshape(x, s) }", ()),
        (
            "g(bool c, float[4] x, int64[2] s) => (float[A, B] y) { y = If (c) <"
            "then_branch = t () => (float[A, B] p) { p = Reshape(x, s) }, "
            "else_branch = e () => (float[A, B] q) { q = Reshape(x, s) }> }",
            ("s",),
        ),
    ],
    ids=[
        "shape",
        "none",
        "k",
        "slice",
        "through concat",
        "known",
        "other domain",
        "in a branch",
    ],
)
def test_inputs_that_steer_an_operator_are_found(graph: str, found: tuple[str, ...]) -> None:
    assert control_inputs(model(graph)) == found


def test_what_steers_is_found_in_a_list_of_bodies_too() -> None:
    proto = model(RESHAPE).proto()
    inner = onnx.GraphProto(name="inner", node=proto.graph.node)
    proto.graph.ClearField("node")
    choice = onnx.helper.make_node("Choose", [], ["y"], domain="other", bodies=[inner])
    proto.graph.node.append(choice)
    assert control_inputs(Model(proto.SerializeToString())) == ("shape",)


def test_an_input_declared_beside_its_initializer_is_no_unknown() -> None:
    proto = model(RESHAPE).proto()
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 2]), "shape"))
    assert control_inputs(Model(proto.SerializeToString())) == ()


def test_a_frozen_model_computes_the_same_of_fewer_inputs() -> None:
    narrow = frozen(model(RESHAPE), {"x": (6,)}, {"shape": np.array([2, 3])})
    assert [str(spec) for spec in narrow.facts.inputs] == ["x: float32[6]"]
    got = computed(ReferenceEvaluator(narrow.proto()), {"x": line(6)})[0]
    np.testing.assert_array_equal(got, line(6).reshape(2, 3))


def test_freezing_leaves_the_model_as_it_was() -> None:
    whole = model(RESHAPE)
    before = whole.bytes()
    frozen(whole, {"x": (6,)}, {"shape": np.array([2, 3])})
    assert whole.bytes() == before


def test_bound_dimensions_are_numbers_everywhere_and_others_stay() -> None:
    graph = "g(float[N, M] x) => (float[N, M] y) { y = Relu(x) }"
    facts = bound(model(graph), {"N": 3}).facts
    assert [spec.shape for spec in (*facts.inputs, *facts.outputs)] == [(3, "M"), (3, "M")]


def test_a_run_is_computed_for_its_own_values(made: list[Reference]) -> None:
    program = specialized(RESHAPE, made)
    for shape in ([2, 3], [3, 2], [6, 1]):
        result = program.run(feeds(x=line(6), shape=shape))[0]
        assert isinstance(result, Tensor)
        np.testing.assert_array_equal(result.array, line(6).reshape(shape))


def test_one_compilation_serves_all_runs_alike(made: list[Reference]) -> None:
    program = specialized(RESHAPE, made)
    for count in (6, 6, 12):
        program.run(feeds(x=line(count), shape=[2, -1]))
    assert len(made) == 1


def test_static_programs_are_compiled_once_for_each_set_of_shapes(
    made: list[Reference],
) -> None:
    program = specialized(DOUBLE, made, static=True)
    for count in (3, 4, 3, 4, 4):
        program.run(feeds(x=line(count)))
    assert [one.inputs[0].shape for one in made] == [(3,), (4,)]


def test_nothing_unknown_is_compiled_at_once(made: list[Reference]) -> None:
    graph = "g(float[4] x) => (float[4] y) { y = Relu(x) }"
    specialized(graph, made, static=True)
    assert len(made) == 1


def test_a_refusal_of_what_is_known_comes_from_compiling() -> None:
    def refuse(given: Model) -> Program:
        raise CompileError(f"no program of {given.facts.inputs[0]}")

    with pytest.raises(CompileError, match="no program of x"):
        Specialized(model(DOUBLE), refuse, static=False)


def test_the_oldest_programs_are_closed_when_there_are_too_many(made: list[Reference]) -> None:
    program = specialized(DOUBLE, made, static=True)
    for count in range(1, KEPT + 3):
        program.run(feeds(x=line(count)))
    assert [one.closed for one in made] == [True, True] + [False] * KEPT


def test_a_program_used_again_outlives_those_that_were_not(made: list[Reference]) -> None:
    program = specialized(DOUBLE, made, static=True)
    for count in (*range(1, KEPT + 1), 1, KEPT + 1):
        program.run(feeds(x=line(count)))
    assert [one.closed for one in made[:2]] == [False, True]


def test_closing_closes_every_program(made: list[Reference]) -> None:
    program = specialized(DOUBLE, made, static=True)
    for count in (1, 2):
        program.run(feeds(x=line(count)))
    program.close()
    assert all(one.closed for one in made)


def test_placement_is_not_known_before_the_first_run(made: list[Reference]) -> None:
    program = specialized(RESHAPE, made)
    with pytest.raises(Unsupported, match="before the first run"):
        program.placement()
    program.run(feeds(x=line(6), shape=[2, 3]))
    assert program.placement().counts()["device"] == 1


def test_values_of_one_shape_are_told_apart(made: list[Reference]) -> None:
    graph = "g(float[A, B] x, int64[R] axes) => (float[C, D] y) { y = Unsqueeze(x, axes) }"
    program = specialized(graph, made)
    x = line(4).reshape(2, 2)
    for axes in ([0], [1]):
        result = program.run(feeds(x=x, axes=axes))[0]
        assert isinstance(result, Tensor)
        assert result.shape == np.expand_dims(x, axes[0]).shape


def test_static_shapes_are_for_tensors_alone(made: list[Reference]) -> None:
    graph = "g(seq(float[N]) s) => (int64 y) { y = SequenceLength(s) }"
    with pytest.raises(Unsupported, match="tensors alone"):
        specialized(graph, made, static=True)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (TensorSpec("s", "float32", (2,), ("sequence",)), "tensors alone"),
        (TensorSpec("x", "float64", (2,)), "knows float32, int32 here"),
        (TensorSpec("x", "float32", ("N", 0)), "no empty tensors"),
    ],
)
def test_what_a_stack_does_not_know_is_refused_by_its_name(spec: TensorSpec, said: str) -> None:
    with pytest.raises(Unsupported, match=said) as caught:
        check_tensors([spec], "The stack", {"int32", "float32"})
    assert str(spec) in caught.value.message


def test_a_stack_is_not_said_to_refuse_what_it_knows() -> None:
    empty = TensorSpec("x", "float32", (2, 0))
    check_tensors([empty], "The stack", {"float32"}, empty=True)
    check_tensors([TensorSpec("x", "string")], "The stack")


def test_a_stack_of_static_shapes_wants_every_dimension_bound() -> None:
    open_shapes = [TensorSpec("x", "float32", ("N", "M")), TensorSpec("y", "float32", (3,))]
    made = static_shapes(open_shapes, "The stack", {"N": 2, "M": 5})
    assert [spec.shape for spec in made] == [(2, 5), (3,)]
    with pytest.raises(Unsupported, match=r"x: float32\[2, M\]"):
        static_shapes(open_shapes, "The stack", {"N": 2})
    with pytest.raises(Unsupported, match="static shapes alone"):
        static_shapes([TensorSpec("z", "float32")], "The stack", {})
