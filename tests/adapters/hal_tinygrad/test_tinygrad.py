"""What tinygrad's devices do, on the real thing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hal_tinygrad import devices
from hal_tinygrad.adapter import TinygradAdapter
from hal_tinygrad.replay import replayable
from onnx import TensorProto, helper, numpy_helper

import hal
from hal.adapter import Program
from hal.errors import (
    CompileError,
    DeviceNotFound,
    ExecutionError,
    InputError,
    Unsupported,
)
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo
from hal.tensor import Array, Tensor

Build = Callable[..., Model]
READ = {"Reshape": (1,), "TopK": (1,)}


def run(program: Program, **feeds: Any) -> Array:
    (value,) = program.run({name: Tensor.of(array) for name, array in feeds.items()})
    assert isinstance(value, Tensor)
    return value.array


def flat(build: Build, *nodes: onnx.NodeProto, shape: tuple[int | str, ...] = (2, 3)) -> Model:
    return build(nodes, [("x", TensorProto.FLOAT, shape)], [("y", TensorProto.FLOAT, None)])


def doubled(build: Build, shape: tuple[int | str, ...] = (2, 3)) -> Model:
    return flat(build, helper.make_node("Add", ["x", "x"], ["y"]), shape=shape)


def test_one_program_takes_several_shapes(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build
) -> None:
    program = adapter.compile(doubled(build, ("N", 3)), cpu, CompileOptions())
    for length in (1, 4, 1):
        x = np.full((length, 3), length, np.float32)
        assert (run(program, x=x) == 2 * x).all()


def test_bound_dimensions_are_in_the_signature(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build
) -> None:
    options = CompileOptions(dimensions={"N": 2})
    program = adapter.compile(doubled(build, ("N", "M")), cpu, options)
    assert program.inputs[0].shape == (2, "M")
    assert run(program, x=np.ones((2, 5), np.float32)).shape == (2, 5)


def test_replayed_kernels_compute_with_the_new_feeds(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build
) -> None:
    program = adapter.compile(doubled(build), cpu, CompileOptions())
    for number in range(5):
        x = np.full((2, 3), number, np.float32)
        assert (run(program, x=x) == 2 * x).all()


@pytest.mark.parametrize("op", ["Identity", "Transpose"])
def test_replayed_results_that_are_inputs_are_the_new_ones(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build, op: str
) -> None:
    program = adapter.compile(
        flat(build, helper.make_node(op, ["x"], ["y"])), cpu, CompileOptions()
    )
    for number in range(4):
        x = np.full((2, 3), number, np.float32)
        assert (run(program, x=x) == number).all()


def test_shapes_computed_from_data_are_read_anew_in_each_run(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build
) -> None:
    """The length of the result is the first value of x."""
    model = flat(
        build,
        helper.make_node("ReduceMax", ["x"], ["n"], keepdims=0),
        helper.make_node("Cast", ["n"], ["k"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["k", "one"], ["shape"]),
        helper.make_node("Constant", [], ["one"], value_ints=[1]),
        helper.make_node("ConstantOfShape", ["shape"], ["y"]),
    )
    proto = model.proto()
    proto.graph.node.insert(0, proto.graph.node.pop(3))
    program = adapter.compile(Model(proto.SerializeToString()), cpu, CompileOptions())
    lengths = [len(run(program, x=np.full((2, 3), n, np.float32))) for n in (3, 5, 2, 4)]
    assert lengths == [3, 5, 2, 4]


def test_what_python_reads_from_an_input_is_never_recorded(build: Build) -> None:
    shape = helper.make_node("Shape", ["x"], ["s"])
    lengths = flat(build, shape, helper.make_node("Reshape", ["x", "s"], ["y"]))
    cast = helper.make_node("Cast", ["x"], ["s"], to=TensorProto.INT64)
    values = flat(build, cast, helper.make_node("Reshape", ["x", "s"], ["y"]))
    assert replayable(lengths.proto().graph, READ)
    assert not replayable(values.proto().graph, READ)


def test_control_inputs_may_change_from_run_to_run(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build
) -> None:
    model = build(
        [helper.make_node("Reshape", ["x", "s"], ["y"])],
        [("x", TensorProto.FLOAT, (2, 3)), ("s", TensorProto.INT64, (2,))],
        [("y", TensorProto.FLOAT, None)],
    )
    program = adapter.compile(model, cpu, CompileOptions())
    x = np.zeros((2, 3), np.float32)
    for shape in ((3, 2), (6, 1), (3, 2)):
        assert run(program, x=x, s=np.array(shape)).shape == shape


def test_bfloat16_results_come_as_the_float32_that_tinygrad_gives(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build
) -> None:
    model = build(
        [helper.make_node("Identity", ["x"], ["y"])],
        [("x", TensorProto.BFLOAT16, (3,))],
        [("y", TensorProto.BFLOAT16, (3,))],
    )
    x = np.array([1, 2.5, -3], ml_dtypes.bfloat16)
    y = run(adapter.compile(model, cpu, CompileOptions()), x=x)
    assert y.dtype == np.float32
    assert y.tolist() == [1, 2.5, -3]


def test_two_devices_take_turns_in_one_process(
    adapter: TinygradAdapter, cpu: DeviceInfo, cl: DeviceInfo, build: Build
) -> None:
    model = doubled(build)
    programs = [adapter.compile(model, device, CompileOptions()) for device in (cpu, cl)]
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for program in programs * 3:
        assert (run(program, x=x) == 2 * x).all()


def test_the_process_environment_stays_as_it_was(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build
) -> None:
    before = dict(os.environ)
    adapter.compile(doubled(build), cpu, CompileOptions())
    assert dict(os.environ) == before


def test_weights_may_lie_in_other_files_and_are_read_by_compile(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build, tmp_path: Path
) -> None:
    weights = numpy_helper.from_array(np.arange(3, dtype=np.float32), "w")
    model = build(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, (2, 3))],
        [("y", TensorProto.FLOAT, (2, 3))],
        [weights],
    )
    path = tmp_path / "m.onnx"
    onnx.save(  # pyright: ignore[reportUnknownMemberType]  # of any path
        model.proto(), path, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    program = adapter.compile(Model(path), cpu, CompileOptions())
    (tmp_path / "w.bin").unlink()
    assert run(program, x=np.ones((2, 3), np.float32)).tolist() == [[1, 2, 3]] * 2


def test_a_missing_operator_is_a_clean_no_that_names_it(
    adapter: TinygradAdapter, cpu: DeviceInfo, build: Build
) -> None:
    model = flat(build, helper.make_node("Det", ["x"], ["y"]), shape=(3, 3))
    with pytest.raises(Unsupported, match="Det") as caught:
        adapter.compile(model, cpu, CompileOptions())
    assert caught.value.op == "Det"
    assert not adapter.query(model, cpu, CompileOptions()).complete


def test_options_that_tinygrad_lacks_are_refused(
    adapter: TinygradAdapter, cpu: DeviceInfo, cl: DeviceInfo, build: Build
) -> None:
    with pytest.raises(InputError, match="no vendor options"):
        adapter.compile(doubled(build), cpu, CompileOptions(vendor={"beam": 2}))
    with pytest.raises(InputError, match="threads"):
        adapter.compile(doubled(build), cl, CompileOptions(threads=2))


def test_a_device_that_is_not_here_is_told_with_what_brings_it(
    adapter: TinygradAdapter, cpu: DeviceInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "listed", lambda: [cpu])
    with pytest.raises(DeviceNotFound, match="pocl-opencl-icd"):
        adapter.find("cl")


def test_a_machine_with_nothing_to_compute_on_is_told_the_package(
    adapter: TinygradAdapter, cpu: DeviceInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cpu.id == "cpu"
    monkeypatch.setattr(devices, "clang", lambda: None)
    for find in ("_cl", "_cuda"):
        monkeypatch.setattr(devices, find, lambda: iter(()))
    with pytest.raises(DeviceNotFound, match=r"sees \[\]; it needs clang"):
        adapter.find("cpu")


def test_a_library_that_is_missing_leaves_the_other_devices(
    cpu: DeviceInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> list[DeviceInfo]:
        raise AttributeError("OpenCL")

    for find in ("_cl", "_cuda"):
        monkeypatch.setattr(devices, find, absent)
    assert devices.listed() == [cpu]


def test_errors_are_named_by_what_was_going_on(cpu: DeviceInfo, build: Build) -> None:
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], raw_data=b"\0" * 4)
    short = build(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, (4,))],
        [("y", TensorProto.FLOAT, (4,))],
        [weights],
    )
    proto = flat(build, helper.make_node("Reshape", ["x", "s"], ["y"])).proto()
    proto.graph.initializer.append(numpy_helper.from_array(np.array([7]), "s"))
    with hal.open(f"tinygrad:{cpu.id}") as device:
        with pytest.raises(CompileError, match="size mismatch"):
            device.compile(short)
        executable = device.compile(proto)
        with pytest.raises(ExecutionError, match="size mismatch"):
            executable({"x": np.zeros((2, 3), np.float32)})


def test_errors_of_others_are_left_to_the_shell(adapter: TinygradAdapter) -> None:
    assert adapter.translate(NotImplementedError("somebody else's")) is None
