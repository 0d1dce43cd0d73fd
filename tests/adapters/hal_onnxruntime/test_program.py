"""Compiling and running on ONNX Runtime's CPU."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hal_onnxruntime import session as sessions
from numpy.testing import assert_allclose, assert_array_equal
from onnx import TensorProto, helper, numpy_helper

from hal.errors import DeviceError, DeviceNotFound, InputError, SDKMissing, Unsupported
from hal.model import Model
from hal.spec import FEATURES, CompileOptions, DeviceInfo
from hal.tensor import Tensor

Build: TypeAlias = Callable[..., bytes]
Compile: TypeAlias = Callable[..., Any]

onnxruntime: Any = import_module("onnxruntime")
onnx: Any = import_module("onnx")
RELU = helper.make_node("Relu", ["x"], ["y"], name="relu")
AZURE = DeviceInfo(
    id="azure", name="", vendor="", properties={"provider": "AzureExecutionProvider"}
)


def ones(*shape: int) -> dict[str, Tensor]:
    return {"x": Tensor.of(np.ones(shape, np.float32))}


def test_a_missing_sdk_is_told_with_the_line_to_type(
    adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(sessions, "import_module", absent)
    with pytest.raises(SDKMissing) as caught:
        adapter.probe()
    assert caught.value.install == "pip install 'onnx-hal[onnxruntime]'"


def test_the_cpu_comes_first_and_claims_what_onnxruntime_lists(
    adapter: Any,
) -> None:
    cpu = adapter.probe()[0]
    assert (cpu.id, cpu.kind, cpu.sdk) == ("cpu", "cpu", onnxruntime.__version__)
    assert cpu.opsets[""][1] >= 21
    assert {"float32", "bfloat16", "string", "int4"} <= cpu.dtypes
    assert "complex64" not in cpu.dtypes
    assert cpu.features < set(FEATURES)


def test_the_highest_opset_claimed_compiles_and_the_next_does_not(
    build: Build, compiled: Compile, adapter: Any, cpu: DeviceInfo
) -> None:
    highest = cpu.opsets[""][1]
    assert compiled(build(RELU, opset=highest)).run(ones(1, 3))
    with pytest.raises(Exception) as caught:  # noqa: PT011  translated below
        compiled(build(RELU, opset=highest + 1))
    assert isinstance(adapter.translate(caught.value), Unsupported)


def test_azure_is_no_device(adapter: Any) -> None:
    assert "azure" not in {device.id for device in adapter.probe()}


def test_the_signature_is_the_models_own_names_types_and_symbols(
    build: Build, compiled: Compile
) -> None:
    program = compiled(build(RELU))
    assert [str(spec) for spec in program.inputs] == ["x: float32[n, 3]"]
    assert [spec.name for spec in program.outputs] == ["y"]


@pytest.mark.parametrize("shape", [None, []])
def test_a_scalar_is_told_from_an_unknown_rank(
    shape: list[int] | None, build: Build, compiled: Compile
) -> None:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in "xy"]
    program = compiled(build(RELU, inputs=values[:1], outputs=values[1:]))
    expected = None if shape is None else ()
    assert (program.inputs[0].shape, program.outputs[0].shape) == (expected, expected)


def test_an_input_with_a_default_is_not_asked_for(build: Build, compiled: Compile) -> None:
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [3]) for n in "xw"]
    weight = numpy_helper.from_array(np.ones(3, np.float32), "w")
    node = helper.make_node("Add", ["x", "w"], ["y"])
    program = compiled(build(node, inputs=inputs, weights=[weight]))
    assert [spec.name for spec in program.inputs] == ["x"]


def test_results_survive_the_next_run(build: Build, compiled: Compile) -> None:
    program = compiled(build(RELU))
    (first,) = program.run(ones(1, 3))
    program.run({"x": Tensor.of(np.full((1, 3), 7, np.float32))})
    assert_array_equal(first.array, np.ones((1, 3)))


def test_feeds_may_be_read_only_strided_or_misaligned(build: Build, compiled: Compile) -> None:
    program = compiled(build(RELU))
    strided = np.arange(24, dtype=np.float32).reshape(4, 6)[::2, ::-2]
    strided.flags.writeable = False
    memory = np.zeros(strided.nbytes + 1, np.uint8)[1:]
    misaligned = memory.view(np.float32).reshape(2, 3)
    misaligned[:] = strided
    for array in (strided, misaligned):
        (result,) = program.run({"x": Tensor.of(array)})
        assert_array_equal(result.array, strided)


def test_bound_dimensions_show_in_the_signature(build: Build, compiled: Compile) -> None:
    assert compiled(build(RELU), dimensions={"n": 5}).inputs[0].shape == (5, 3)


def test_vendor_options_reach_the_session(build: Build, compiled: Compile) -> None:
    vendor: dict[str, Any] = {
        "graph_optimization_level": "disable_all",
        "session_config": {"session.intra_op.allow_spinning": False},
        "enable_mem_pattern": False,
    }
    identity = [helper.make_node("Identity", ["x"], ["z"], name="id"), RELU]
    identity[1] = helper.make_node("Relu", ["z"], ["y"], name="relu")
    program = compiled(build(*identity), threads=1, vendor=vendor)
    assert [node.where for node in program.placement().nodes] == ["device", "device"]


@pytest.mark.parametrize(
    ("vendor", "nearest"),
    [
        ({"graph_optimisation_level": "all"}, "graph_optimization_level"),
        ({"graph_optimization_level": "extend"}, "extended"),
        ({"session_config": {"a": [1]}}, "text or numbers"),
        ({"session_config": "a=b"}, "maps names"),
        ({"log_severity_level": 7}, "0 to 4"),
        ({"enable_mem_reuse": 1}, "true or false"),
    ],
)
def test_a_wrong_vendor_option_is_refused_with_the_right_word(
    vendor: dict[str, Any], nearest: str, build: Build, compiled: Compile
) -> None:
    with pytest.raises(InputError, match=nearest):
        compiled(build(RELU), vendor=vendor)


def test_a_provider_this_build_lacks_is_not_found(build: Build, adapter: Any) -> None:
    gone = DeviceInfo(id="x", name="", vendor="", properties={"provider": "NoneSuchProvider"})
    with pytest.raises(DeviceNotFound, match="CPUExecutionProvider"):
        adapter.compile(Model(build(RELU)), gone, CompileOptions())


def test_a_provider_onnxruntime_drops_is_an_error(
    build: Build, adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: Callable[[Any], list[str]] = lambda _: ["Other"]  # noqa: E731  typed for pyright
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", others)
    with pytest.raises(DeviceError, match="dropped CPUExecutionProvider"):
        adapter.compile(Model(build(RELU)), adapter.find("cpu"), CompileOptions())


def test_a_node_does_not_fall_back_to_the_cpu_unasked(build: Build, adapter: Any) -> None:
    with pytest.raises(Unsupported, match=r"leaves 1 of 1 nodes to the CPU.*Relu \(relu\)"):
        adapter.compile(Model(build(RELU)), AZURE, CompileOptions())


def test_a_node_that_falls_back_when_allowed_is_told(build: Build, adapter: Any) -> None:
    program = adapter.compile(Model(build(RELU)), AZURE, CompileOptions(allow_fallback=True))
    assert program.placement().counts()["host"] == 1


def test_an_expected_refusal_prints_nothing(
    build: Build,
    compiled: Compile,
    adapter: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011  what it prints is the point
        compiled(build(helper.make_node("Blorp", ["x"], ["y"])))
    node = helper.make_node("Gather", ["x", "i"], ["y"])
    index = helper.make_tensor_value_info("i", TensorProto.INT64, [1])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    program = compiled(build(node, inputs=[x, index]))
    with pytest.raises(Exception):  # noqa: B017, PT011  what it prints is the point
        program.run({**ones(2, 3), "i": Tensor.of(np.array([9]))})
    assert capfd.readouterr() == ("", "")


def external_model(folder: Path) -> Path:
    """A model that adds 0, 1, 2, which lie in a file beside it."""
    weight = numpy_helper.from_array(np.arange(3, dtype=np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = folder / "model.onnx"
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    return path


def test_external_weights_are_found_beside_the_path(tmp_path: Path, compiled: Compile) -> None:
    (result,) = compiled(external_model(tmp_path)).run(ones(1, 3))
    assert result.array.tolist() == [[1, 2, 3]]


def test_external_weights_are_found_in_the_folder_given_with_bytes(
    tmp_path: Path, compiled: Compile
) -> None:
    data = external_model(tmp_path).read_bytes()
    (result,) = compiled(Model(data, folder=tmp_path)).run(ones(1, 3))
    assert result.array.tolist() == [[1, 2, 3]]


def test_a_saved_program_has_its_external_weights_inside(
    tmp_path: Path, compiled: Compile, adapter: Any, cpu: DeviceInfo
) -> None:
    path = external_model(tmp_path)
    blob = compiled(path).save()
    (tmp_path / "weights.bin").unlink()
    (result,) = adapter.load(blob, cpu, CompileOptions()).run(ones(1, 3))
    assert result.array.tolist() == [[1, 2, 3]]


def conv_model(build: Build) -> bytes:
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)
        for name, shape in {"w": (8, 3, 3, 3), "b": (8,)}.items()
    ]
    return build(
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])],
        weights=weights,
    )


def test_a_loaded_program_gives_the_same_bits(
    build: Build, compiled: Compile, adapter: Any, cpu: DeviceInfo
) -> None:
    program = compiled(conv_model(build))
    loaded = adapter.load(program.save(), cpu, CompileOptions())
    x = np.random.default_rng(1).standard_normal((2, 3, 16, 16)).astype(np.float32)
    (ours,), (theirs,) = (p.run({"x": Tensor.of(x)}) for p in (program, loaded))
    assert ours.array.tobytes() == theirs.array.tobytes()


def test_a_loaded_program_keeps_signature_and_placement(
    build: Build, compiled: Compile, adapter: Any, cpu: DeviceInfo
) -> None:
    program = compiled(conv_model(build), dimensions={"n": 2})
    loaded = adapter.load(program.save(), cpu, CompileOptions(dimensions={"n": 2}))
    assert (loaded.inputs, loaded.outputs) == (program.inputs, program.outputs)
    assert loaded.placement() == program.placement()


def test_a_profile_tells_every_node_that_ran(build: Build, compiled: Compile) -> None:
    program = compiled(
        build(
            RELU,
            helper.make_node("Neg", ["y"], ["z"]),
            outputs=[helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
        )
    )
    times = program.profile(ones(1, 3))
    assert [(time.node, time.op) for time in times] == [("relu", "Relu"), ("#1", "Neg")]
    assert all(time.seconds >= 0 for time in times)


def test_profiling_leaves_no_file(
    build: Build, compiled: Compile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    compiled(build(RELU)).profile(ones(1, 3))
    assert list(tmp_path.iterdir()) == []


def test_a_query_agrees_with_compiling(build: Build, adapter: Any, cpu: DeviceInfo) -> None:
    good = adapter.query(Model(build(RELU)), cpu, CompileOptions())
    nodes = [RELU, helper.make_node("Blorp", ["y"], ["z"])]
    bad = adapter.query(Model(build(*nodes)), cpu, CompileOptions())
    assert good.complete
    assert [(node.op, node.supported) for node in bad.nodes] == [
        ("Relu", True),
        ("Blorp", False),
    ]
    assert "Blorp" in bad.nodes[1].reason


def test_a_query_of_a_model_that_is_none_is_an_error(adapter: Any, cpu: DeviceInfo) -> None:
    with pytest.raises(InputError):
        adapter.query(Model(b"nonsense"), cpu, CompileOptions())


def test_a_query_tells_what_the_cpu_would_take_over(build: Build, adapter: Any) -> None:
    (node,) = adapter.query(Model(build(RELU)), AZURE, CompileOptions()).nodes
    assert (node.supported, node.reason) == (
        False,
        "ONNX Runtime gives it to CPUExecutionProvider",
    )


def test_the_result_is_that_of_numpy(build: Build, compiled: Compile) -> None:
    weight = numpy_helper.from_array(np.eye(3, dtype=np.float32) * 2, "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    (result,) = compiled(build(node, weights=[weight])).run({"x": Tensor.of(x)})
    assert_allclose(result.array, x * 2)
