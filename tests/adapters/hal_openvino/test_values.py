"""Values in and out: every type, every shape, any memory; each program is a real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hal_openvino.tensors import ONNX_TYPES, packed, unpacked
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper

from hal import dtypes
from hal.adapter import Program
from hal.errors import Unsupported
from hal.model import Model
from hal.tensor import Array, Tensor

Build = Callable[..., Model]
Compile = Callable[..., Program]
Run = Callable[..., list[Any]]

NUMBERS = {
    "bool": [True, False, True],
    "int4": [-8, 7, -1],
    "uint4": [0, 15, 9],
    "float8e8m0": [1.0, 2.0, 4.0],
}


def values(name: str) -> Array:
    """Three values that the type holds exactly."""
    return np.array(NUMBERS.get(name, [1, 0, 4]), object).astype(dtypes.of_name(name).numpy)


def passing(build: Build, name: str, shape: tuple[int | str, ...] = (3,)) -> Model:
    number = dtypes.of_name(name).number
    node = helper.make_node("Identity", ["x"], ["y"])
    return build([node], [("x", number, shape)], [("y", number, shape)])


@pytest.mark.parametrize("name", sorted(ONNX_TYPES.values()))
def test_every_claimed_type_goes_in_and_comes_out(
    name: str, build: Build, compiled: Compile
) -> None:
    program = compiled(passing(build, name))
    fed = Tensor(values(name), dtypes.of_name(name))
    (result,) = program.run({"x": fed})
    assert isinstance(result, Tensor)
    assert result.dtype.name == program.outputs[0].dtype == name
    assert result.array.dtype == fed.array.dtype
    assert_array_equal(result.array, fed.array)


def test_no_type_is_claimed_that_the_importer_refuses(cpu: Any) -> None:
    assert cpu.dtypes == frozenset(ONNX_TYPES.values())
    assert not cpu.dtypes & {"complex64", "complex128", "float8e4m3fnuz", "int2", "uint2"}


def test_text_is_refused_before_it_is_freed_twice(build: Build, compiled: Compile) -> None:
    with pytest.raises(Unsupported) as caught:
        compiled(passing(build, "string"))
    assert caught.value.dtype == "string"


@pytest.mark.parametrize("name", ["float32", "bool", "uint4", "bfloat16"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 0), (1, 1, 1, 1)])
def test_scalars_and_empty_tensors_keep_their_shape(
    name: str, shape: tuple[int, ...], build: Build, compiled: Compile, run: Run
) -> None:
    array = np.resize(values(name), shape)
    (result,) = run(compiled(passing(build, name, shape)), x=array)
    assert result.shape == shape
    assert_array_equal(result, array)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("name", ["int4", "uint4"])
def test_packing_is_undone_by_unpacking(name: str, count: int) -> None:
    array = np.resize(values(name), (count,))
    assert packed(array).size == (count + 1) // 2
    assert_array_equal(unpacked(packed(array), (count,), dtypes.of_name(name)), array)


def test_strided_feeds_give_what_their_values_give(
    add: Model, compiled: Compile, run: Run, pair: dict[str, Array]
) -> None:
    wide = np.repeat(pair["a"], 2, axis=1)[:, ::2]
    assert not wide.flags.c_contiguous
    (result,) = run(compiled(add), a=wide, b=np.asfortranarray(pair["b"]))
    assert_array_equal(result, pair["a"] + pair["b"])


def test_misaligned_feeds_give_what_their_values_give(
    add: Model, compiled: Compile, run: Run, pair: dict[str, Array]
) -> None:
    odd = np.zeros(pair["a"].nbytes + 1, np.uint8)[1:].view(np.float32).reshape(3, 4)
    odd[...] = pair["a"]
    assert not odd.flags.aligned
    (result,) = run(compiled(add), a=odd, b=pair["b"])
    assert_array_equal(result, pair["a"] + pair["b"])


def test_read_only_feeds_are_taken_and_stay_as_they_are(
    add: Model, compiled: Compile, run: Run, pair: dict[str, Array]
) -> None:
    before = pair["a"].copy()
    for array in pair.values():
        array.flags.writeable = False
    (result,) = run(compiled(add), **pair)
    assert_array_equal(result, before + 10)
    assert_array_equal(pair["a"], before)


def test_results_survive_the_next_run(
    add: Model, compiled: Compile, run: Run, pair: dict[str, Array]
) -> None:
    program = compiled(add)
    (first,) = run(program, **pair)
    run(program, a=pair["a"] * 100, b=pair["b"])
    assert_array_equal(first, pair["a"] + 10)


def test_results_survive_the_program(
    add: Model, adapter: Any, cpu: Any, run: Run, pair: dict[str, Array]
) -> None:
    from hal.spec import CompileOptions

    program = adapter.compile(add, cpu, CompileOptions())
    (result,) = run(program, **pair)
    program.close()
    assert_array_equal(result, pair["a"] + 10)
    assert result.flags.owndata


def test_shapes_change_from_run_to_run(add: Model, compiled: Compile, run: Run) -> None:
    program = compiled(add)
    for rows in (1, 5, 2, 0, 7):
        ones = np.ones((rows, 4), np.float32)
        (result,) = run(program, a=ones, b=ones)
        assert_array_equal(result, np.full((rows, 4), 2, np.float32))


def test_a_result_whose_shape_depends_on_the_values(
    build: Build, compiled: Compile, run: Run
) -> None:
    model = build(
        [helper.make_node("NonZero", ["x"], ["y"])],
        [("x", TensorProto.FLOAT, (4,))],
        [("y", TensorProto.INT64, (1, None))],
    )
    program = compiled(model)
    for fed in ([1, 0, 1, 1], [0, 0, 0, 0], [0, 2, 0, 0]):
        array = np.array(fed, np.float32)
        (result,) = run(program, x=array)
        assert result.dtype == np.int64
        assert_array_equal(result, np.array(np.nonzero(array)))


def test_a_loop_runs_as_often_as_its_input_says(
    build: Build, compiled: Compile, run: Run
) -> None:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["keep"], ["go"]),
            helper.make_node("Add", ["state", "x"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, ()),
            helper.make_tensor_value_info("keep", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, (2,)),
        ],
        [
            helper.make_tensor_value_info("go", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, (2,)),
        ],
    )
    model = build(
        [helper.make_node("Loop", ["times", "", "x"], ["y"], body=body)],
        [("times", TensorProto.INT64, ()), ("x", TensorProto.FLOAT, (2,))],
        [("y", TensorProto.FLOAT, (2,))],
    )
    program = compiled(model)
    x = np.array([1, 2], np.float32)
    for times in (0, 1, 4):
        (result,) = run(program, times=np.array(times, np.int64), x=x)
        assert_array_equal(result, x * (times + 1))
