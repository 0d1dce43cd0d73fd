"""IREE 3.13: values, types without a sign, shapes, saved programs, a compiler that dies."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hal_iree import devices
from hal_iree.adapter import IreeAdapter
from numpy.testing import assert_allclose, assert_array_equal
from onnx import ModelProto, TensorProto, helper, inliner

import hal
from hal import dtypes
from hal.device import Device
from hal.errors import DeviceLost, DeviceNotFound, InputError, SDKMissing, Unsupported

pytest.importorskip("iree.runtime")
pytest.importorskip("iree.compiler")

FLOAT, UINT8, INT4, INT64 = (
    TensorProto.FLOAT,
    TensorProto.UINT8,
    TensorProto.INT4,
    TensorProto.INT64,
)


def model(
    nodes: Sequence[Any], inputs: dict[str, Any], outputs: dict[str, Any], opset: int = 17
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "any name, with blanks",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
    )
    imports = [helper.make_opsetid("", opset)]
    made: bytes = helper.make_model(
        graph, opset_imports=imports, ir_version=10
    ).SerializeToString()
    return made


def doubled(kind: int = FLOAT) -> bytes:
    shape = (kind, ["n", 2])
    return model([helper.make_node("Add", ["x", "x"], ["y"])], {"x": shape}, {"y": shape})


X = np.array([[1, 2], [3, 100]], np.float32)


@pytest.fixture(scope="module")
def cpu() -> Iterator[Device]:
    with hal.open("iree:llvm-cpu") as device:
        yield device


def test_a_missing_sdk_brings_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iree.runtime", None)
    with pytest.raises(SDKMissing) as caught:
        IreeAdapter().probe()
    assert caught.value.install == "pip install 'onnx-hal[iree]'"


def test_one_program_takes_any_length_of_a_dimension_with_a_name(cpu: Device) -> None:
    with cpu.compile(doubled()) as exe:
        assert_array_equal(exe({"x": X})["y"], 2 * X)
        assert_array_equal(exe({"x": X[:0]})["y"], X[:0])
        assert_array_equal(exe({"x": np.tile(X, (50, 1))})["y"], 2 * np.tile(X, (50, 1)))


def test_a_result_owns_its_memory(cpu: Device) -> None:
    """IREE's arrays over mapped memory do not keep it, and it is used again."""
    with cpu.compile(doubled()) as exe:
        assert exe({"x": X})["y"].flags.owndata


def test_float64_is_computed_in_float64(cpu: Device) -> None:
    x = np.array([[1.0, 1 + 2**-40]])
    with cpu.compile(doubled(TensorProto.DOUBLE)) as exe:
        assert_array_equal(exe({"x": x})["y"], 2 * x)


def test_what_comes_back_without_a_sign_is_not_given_one(cpu: Device) -> None:
    """The right bits, in a type that the model does not declare: a suite has to see that."""
    with cpu.compile(doubled(UINT8)) as exe:
        y = exe({"x": X.astype(np.uint8)})["y"]
    assert y.dtype == np.int8
    assert_array_equal(y.view(np.uint8), 2 * X.astype(np.uint8))


def test_an_operator_of_an_old_opset_is_read_as_of_a_newer(cpu: Device) -> None:
    shape = (FLOAT, [2, 2])
    source = model([helper.make_node("Add", ["x", "x"], ["y"])], {"x": shape}, {"y": shape}, 6)
    with cpu.compile(source) as exe:
        assert_array_equal(exe({"x": X})["y"], 2 * X)


def test_what_onnx_infers_of_newer_opsets_alone_is_inferred(cpu: Device) -> None:
    """A value of unknown rank is a scalar to the importer, and the compiler fails on it."""
    shape = (FLOAT, [2, 2])
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Reshape", ["x", "shape"], ["r"]),
        helper.make_node("Add", ["r", "x"], ["y"]),
    ]
    with cpu.compile(model(nodes, {"x": shape}, {"y": shape}, 13)) as exe:
        assert_array_equal(exe({"x": X})["y"], 2 * X)


def test_axes_that_are_an_input_are_taken_from_the_run(cpu: Device) -> None:
    node = helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)
    source = model(
        [node], {"x": (FLOAT, [2, 2]), "axes": (INT64, [1])}, {"y": (FLOAT, [2])}, 18
    )
    with cpu.compile(source) as exe:
        for axis in (0, 1):
            y = exe({"x": X, "axes": np.array([axis])})["y"]
            assert_allclose(y, X.mean(axis=axis))


def test_a_saved_program_computes_the_same_without_its_model(cpu: Device) -> None:
    with cpu.compile(doubled()) as exe:
        saved = exe.save()
    with cpu.load(saved) as exe:
        assert [spec.name for spec in exe.inputs] == ["x"]
        assert_array_equal(exe({"x": X})["y"], 2 * X)


def test_an_operator_that_is_not_known_is_a_no_that_names_it(cpu: Device) -> None:
    node = helper.make_node("TfIdfVectorizer", ["x"], ["y"], mode="TF")
    source = model([node], {"x": (INT64, [4])}, {"y": (FLOAT, [4])})
    with pytest.raises(Unsupported, match="TfIdfVectorizer") as caught:
        cpu.compile(source)
    assert caught.value.op == "TfIdfVectorizer"


def test_a_value_that_the_compiler_has_no_type_for_is_a_no(cpu: Device) -> None:
    node = helper.make_node("SequenceConstruct", ["x", "x"], ["y"])
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", FLOAT, [2])],
        [helper.make_tensor_sequence_value_info("y", FLOAT, [2])],
    )
    imports = [helper.make_opsetid("", 17)]
    with pytest.raises(Unsupported, match="unhandled torch type"):
        cpu.compile(helper.make_model(graph, opset_imports=imports, ir_version=8))


def test_a_compiler_that_dies_leaves_this_process_and_the_device_alone(cpu: Device) -> None:
    node = helper.make_node("RotaryEmbedding", ["x", "cos", "sin"], ["y"])
    cache = (FLOAT, [2, 3, 4])
    inputs = {"x": (FLOAT, [2, 4, 3, 8]), "cos": cache, "sin": cache}
    whole = ModelProto.FromString(model([node], inputs, {"y": inputs["x"]}, 23))
    written_out = inliner.inline_selected_functions(
        whole, [("", "RotaryEmbedding")], inline_schema_functions=True
    )
    with pytest.raises(DeviceLost) as caught:
        cpu.compile(written_out)
    assert caught.value.signal == signal.SIGSEGV
    with cpu.compile(doubled()) as exe:
        assert_array_equal(exe({"x": X})["y"], 2 * X)


def test_types_of_four_bits_are_refused_where_the_runtime_would_take_them(cpu: Device) -> None:
    node = helper.make_node("Cast", ["x"], ["y"], to=FLOAT)
    source = model([node], {"x": (INT4, [4, 4])}, {"y": (FLOAT, [4, 4])}, 21)
    with cpu.compile(source) as exe, pytest.raises(Unsupported, match="int4"):
        exe({"x": np.zeros((4, 4), dtypes.of_name("int4").numpy)})


def test_one_thread_is_what_is_asked_and_other_numbers_are_refused(cpu: Device) -> None:
    with cpu.compile(doubled(), threads=1) as exe:
        assert_array_equal(exe({"x": X})["y"], 2 * X)
    with pytest.raises(InputError, match="threads"):
        cpu.compile(doubled(), threads=2)


def test_an_option_that_is_not_known_is_refused_before_anything_is_compiled(
    cpu: Device,
) -> None:
    for wrong in ({"flag": ["--iree-opt-level=O3"]}, {"flags": "--iree-opt-level=O3"}):
        with pytest.raises(InputError, match="flags"):
            cpu.compile(doubled(), vendor=wrong)


def test_a_device_that_is_not_here_is_compiled_for_and_says_what_brings_it() -> None:
    if IreeAdapter().probe()[-1].id == "cuda":
        pytest.skip("there is a CUDA device here")
    with hal.open("iree:cuda:sm_86") as device, device.compile(doubled()) as exe:
        assert b"sm_86" in exe.save()
        with pytest.raises(DeviceNotFound, match="NVIDIA's driver"):
            exe({"x": X})


def test_what_a_device_wants_that_is_not_here_is_told_of_every_driver() -> None:
    local = {"llvm-cpu", "vmvx"}
    assert devices.KINDS.keys() - local == IreeAdapter.absent.keys()
    assert "mesa-vulkan-drivers" in IreeAdapter.absent["vulkan"]


def test_a_device_that_iree_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(DeviceNotFound, match="llvm-cpu"):
        devices.kind_of("npu")
    with pytest.raises(DeviceNotFound, match="vmvx"):
        devices.kind_of("vmvx:fast")
