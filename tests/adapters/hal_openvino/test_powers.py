"""Binding, saving, placement, queries, profiles, submission."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hal_openvino.adapter import OpenVINOAdapter
from hal_openvino.program import OpenVINOProgram
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper, numpy_helper

from hal.errors import ArtifactError, InputError, Unsupported
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo
from hal.tensor import Array, Tensor

Build = Callable[..., Model]
Compile = Callable[..., OpenVINOProgram]
Run = Callable[..., list[Any]]

F = TensorProto.FLOAT


def address(array: Array) -> int:
    return int(array.ctypes.data)


def tensors(feeds: dict[str, Array]) -> dict[str, Tensor]:
    return {name: Tensor.of(array) for name, array in feeds.items()}


@pytest.fixture
def network(build: Build) -> Model:
    """Convolution, bias and Relu, then a product whose weights pass through a constant node."""
    generator = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(generator.random((8, 3, 3, 3), np.float32), "w"),
        numpy_helper.from_array(generator.random(8, np.float32), "bias"),
        numpy_helper.from_array(generator.random((8, 5), np.float32), "m"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w", "bias"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"], name="flat"),
        helper.make_node("Neg", ["m"], ["negated"], name="constant"),
        helper.make_node("MatMul", ["f", "negated"], ["y"], name="product"),
    ]
    return build(nodes, [("x", F, (1, 3, 16, 16))], [("y", F, (1, 5))], weights)


def test_bound_inputs_and_outputs_are_the_callers_memory(
    add: Model, compiled: Compile, pair: dict[str, Array]
) -> None:
    out = np.zeros((3, 4), np.float32)
    binding = compiled(add).bind(tensors(pair), {"y": Tensor.of(out)})
    assert {name: address(array) for name, array in binding.inputs.items()} == {
        name: address(array) for name, array in pair.items()
    }
    assert address(binding.outputs["y"]) == address(out)
    binding.run()
    assert_array_equal(out, pair["a"] + 10)
    pair["a"] += 1
    binding.run()
    assert_array_equal(out, pair["a"] + 10)


def test_an_unbound_output_aliases_openvinos_memory(
    add: Model, compiled: Compile, pair: dict[str, Array]
) -> None:
    binding = compiled(add, dimensions={"N": 3}).bind(tensors(pair), {})
    where = address(binding.outputs["y"])
    for _ in range(3):
        binding.run()
        assert address(binding.outputs["y"]) == where
    assert_array_equal(binding.outputs["y"], pair["a"] + 10)


def test_an_output_of_unknown_shape_is_bound_by_the_run(
    add: Model, compiled: Compile, pair: dict[str, Array]
) -> None:
    binding = compiled(add).bind(tensors(pair), {})
    assert dict(binding.outputs) == {}
    binding.run()
    assert_array_equal(binding.outputs["y"], pair["a"] + 10)


def test_a_strided_feed_is_bound_as_a_copy_that_can_be_written(
    add: Model, compiled: Compile, pair: dict[str, Array]
) -> None:
    strided = np.asfortranarray(pair["a"])
    binding = compiled(add).bind(tensors({**pair, "a": strided}), {})
    binding.inputs["a"][...] = 5
    binding.run()
    assert_array_equal(binding.outputs["y"], np.full((3, 4), 15, np.float32))


def test_a_larger_buffer_shows_the_shape_that_was_written(
    add: Model, compiled: Compile, pair: dict[str, Array]
) -> None:
    out = np.full((5, 4), -1, np.float32)
    binding = compiled(add).bind(tensors(pair), {"y": Tensor.of(out)})
    binding.run()
    assert_array_equal(binding.outputs["y"], pair["a"] + 10)
    assert address(binding.outputs["y"]) == address(out)


@pytest.mark.parametrize(
    "buffer", [np.zeros((3, 4), np.bool_), np.zeros((3, 5), np.float32)], ids=["type", "shape"]
)
def test_a_buffer_of_another_type_or_shape_is_refused(
    buffer: Array,
    adapter: OpenVINOAdapter,
    add: Model,
    compiled: Compile,
    pair: dict[str, Array],
) -> None:
    program = compiled(add)
    with pytest.raises(RuntimeError) as caught:
        program.bind(tensors(pair), {"y": Tensor.of(buffer)})
    assert isinstance(adapter.translate(caught.value), InputError)


def test_a_buffer_that_cannot_be_written_is_refused(
    add: Model, compiled: Compile, pair: dict[str, Array]
) -> None:
    locked = np.zeros((3, 4), np.float32)
    locked.flags.writeable = False
    with pytest.raises(InputError, match="'y'"):
        compiled(add).bind(tensors(pair), {"y": Tensor.of(locked)})


def test_a_binding_runs_right_after_another_run_has_failed(
    build: Build, compiled: Compile
) -> None:
    shape = (None, None)
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    program = compiled(build([node], [("a", F, shape), ("b", F, shape)], [("y", F, shape)]))
    fits = tensors({"a": np.ones((2, 3), np.float32), "b": np.ones((3, 2), np.float32)})
    binding = program.bind(fits, {})
    binding.run()
    with pytest.raises(RuntimeError):
        program.run({**fits, "b": Tensor.of(np.ones((5, 2), np.float32))})
    fits["a"].array[...] = 2
    binding.run()
    assert_array_equal(binding.outputs["y"], np.full((2, 2), 6, np.float32))


def test_packed_types_cannot_be_bound(build: Build, compiled: Compile) -> None:
    model = build(
        [helper.make_node("Identity", ["x"], ["y"])],
        [("x", TensorProto.INT4, (2,))],
        [("y", TensorProto.INT4, (2,))],
    )
    program = compiled(model)
    from hal.dtypes import of_name

    feed = Tensor(np.zeros(2, of_name("int4").numpy), of_name("int4"))
    with pytest.raises(Unsupported) as caught:
        program.bind({"x": feed}, {})
    assert caught.value.dtype == "int4"


def test_a_saved_program_gives_the_same_bits_and_signature(
    network: Model, adapter: OpenVINOAdapter, cpu: DeviceInfo, compiled: Compile, run: Run
) -> None:
    program = compiled(network)
    x = np.random.default_rng(1).random((1, 3, 16, 16), np.float32)
    revived = adapter.load(program.save(), cpu, CompileOptions(arithmetic="fp32"))
    assert revived.inputs == program.inputs
    assert revived.outputs == program.outputs
    assert_array_equal(run(revived, x=x)[0], run(program, x=x)[0])
    assert isinstance(revived, OpenVINOProgram)
    assert revived.placement() == program.placement()
    revived.close()


def test_what_was_loaded_or_has_failed_can_be_saved_again(
    build: Build, adapter: OpenVINOAdapter, cpu: DeviceInfo, compiled: Compile, run: Run
) -> None:
    """What OpenVINO exports of an imported model, it refuses to import."""
    shape = (None, None)
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    program = compiled(build([node], [("a", F, shape), ("b", F, shape)], [("y", F, shape)]))
    a, b = np.ones((2, 3), np.float32), np.ones((3, 2), np.float32)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            run(program, a=a, b=a)
        revived = adapter.load(program.save(), cpu, CompileOptions(arithmetic="fp32"))
        assert isinstance(revived, OpenVINOProgram)
        program = revived
        assert_array_equal(run(program, a=a, b=b)[0], np.full((2, 2), 3, np.float32))


def test_a_saved_program_keeps_the_name_of_a_renamed_input(
    build: Build, adapter: OpenVINOAdapter, cpu: DeviceInfo, compiled: Compile, run: Run
) -> None:
    model = build(
        [helper.make_node("Dropout", ["x"], ["y"])], [("x", F, (2,))], [("y", F, (2,))]
    )
    revived = adapter.load(compiled(model).save(), cpu, CompileOptions(arithmetic="fp32"))
    x = np.array([1, 2], np.float32)
    assert_array_equal(run(revived, x=x)[0], x)
    revived.close()


def test_a_program_with_a_damaged_signature_is_refused(
    adapter: OpenVINOAdapter, cpu: DeviceInfo
) -> None:
    with pytest.raises(ArtifactError):
        adapter.load(b"\x08\0\0\0damaged!", cpu, CompileOptions())


def test_every_node_is_placed_by_the_runtimes_record(network: Model, compiled: Compile) -> None:
    placed = compiled(network).placement()
    assert placed.evidence == "assigned"
    where = {node.node: node.where for node in placed.nodes}
    assert where["conv"] == where["relu"] == "fused"
    assert where["constant"] == "folded"
    assert where["#2"] == where["product"] == "device"
    assert placed.counts()["unknown"] == placed.counts()["host"] == 0
    by = {node.node: node.by for node in placed.nodes}
    assert by["conv"] == by["relu"]
    assert "f32" in by["product"]


def test_nodes_of_a_branch_are_placed_with_it(build: Build, compiled: Compile) -> None:
    def branch(name: str, op: str) -> Any:
        return helper.make_graph(
            [helper.make_node(op, ["x"], [f"{name}_out"], name=name)],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_out", F, (2,))],
        )

    node = helper.make_node(
        "If",
        ["c"],
        ["y"],
        name="if",
        then_branch=branch("t", "Exp"),
        else_branch=branch("e", "Neg"),
    )
    model = build([node], [("c", TensorProto.BOOL, ()), ("x", F, (2,))], [("y", F, (2,))])
    placed = {node.node: node for node in compiled(model).placement().nodes}
    assert set(placed) == {"if", "if/then_branch/t", "if/else_branch/e"}
    assert placed["if"].where in ("device", "fused")
    inside = placed["if/then_branch/t"], placed["if/else_branch/e"]
    assert inside[0].by == inside[1].by == placed["if"].by


def test_a_query_names_the_operator_that_is_not_taken(
    build: Build, adapter: OpenVINOAdapter, cpu: DeviceInfo
) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], name="relu"),
        helper.make_node("Det", ["r"], ["y"], name="det"),
    ]
    model = build(nodes, [("x", F, (2, 2))], [("y", F, ())])
    support = adapter.query(model, cpu, CompileOptions())
    assert {node.node: node.supported for node in support.nodes} == {"relu": True, "det": False}
    assert "Det" in support.nodes[1].reason
    assert not support.complete


def test_a_query_takes_what_compiles(
    network: Model, adapter: OpenVINOAdapter, cpu: DeviceInfo
) -> None:
    support = adapter.query(network, cpu, CompileOptions(arithmetic="fp32"))
    assert support.complete
    assert [node.node for node in support.nodes] == [n.id for n in network.facts.nodes]


def test_a_profile_gives_seconds_to_nodes_of_the_model(
    network: Model, compiled: Compile
) -> None:
    x = Tensor.of(np.ones((1, 3, 16, 16), np.float32))
    times = compiled(network).profile({"x": x})
    assert {time.op for time in times} >= {"MatMul", "GlobalAveragePool"}
    assert all(0 <= time.seconds < 1 for time in times)
    assert sum(time.seconds for time in times) > 0


@pytest.mark.parametrize("goal", ["latency", "throughput"])
def test_submitted_runs_each_get_their_own_result(
    goal: str, add: Model, compiled: Compile
) -> None:
    program = compiled(add, goal=goal)
    fed = [np.full((2, 4), number, np.float32) for number in range(50)]
    futures = [program.submit(tensors({"a": a, "b": np.ones((2, 4), np.float32)})) for a in fed]
    for a, future in zip(fed, futures, strict=True):
        (result,) = future.result(timeout=60)
        assert isinstance(result, Tensor)
        assert_array_equal(result.array, a + 1)
