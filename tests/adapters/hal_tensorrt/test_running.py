"""The code that runs engines, on stand-ins: it has not met a GPU yet."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
import pytest
from hal_tensorrt import cuda as runtime
from hal_tensorrt.adapter import TensorRTAdapter
from hal_tensorrt.cuda import CUDA, GpuArray, lend
from hal_tensorrt.program import TensorRTProgram

from hal import dtypes
from hal.errors import (
    ArtifactError,
    CompileError,
    DeviceNotFound,
    InputError,
    OutOfMemory,
    SDKMissing,
)
from hal.spec import CompileOptions, DeviceInfo, Placement, TensorSpec
from hal.tensor import Array, Tensor

X, Y = TensorSpec("x", "float32", ("n",)), TensorSpec("y", "float32", ("n",))
SM80 = DeviceInfo(id="sm80", name="GPU of SM80", vendor="NVIDIA", kind="gpu")


def made(sdk: Any, plan: bytes) -> TensorRTProgram:
    return TensorRTProgram(sdk, SM80, plan, (X,), (Y,), Placement((), "logged"))


@pytest.fixture
def program(cuda: Any, sdk: Any) -> TensorRTProgram:
    return made(sdk, b"doubles")


@pytest.fixture
def adapter(sdk: Any, monkeypatch: pytest.MonkeyPatch) -> TensorRTAdapter:
    monkeypatch.setitem(sys.modules, "tensorrt", sdk)
    return TensorRTAdapter()


def fed(*numbers: float) -> dict[str, Tensor]:
    return {"x": Tensor.of(np.array(numbers, np.float32))}


def array_of(value: Any) -> Array:
    assert isinstance(value, Tensor)
    return value.array


def test_a_run_gives_the_shape_that_was_computed(program: TensorRTProgram) -> None:
    (first,), (second,) = program.run(fed(1, 2, 3)), program.run(fed(4))
    assert array_of(first).tolist() == [2, 4, 6]
    assert array_of(second).tolist() == [8]


def test_a_run_leaves_no_memory_behind(program: TensorRTProgram, cuda: Any) -> None:
    program.run(fed(1, 2))
    assert cuda.held == {}


def test_a_binding_reads_its_inputs_anew_and_writes_in_place(program: TensorRTProgram) -> None:
    bound = program.bind(fed(1, 2), {})
    bound.inputs["x"][...] = 5, 6
    before = bound.outputs["y"]
    bound.run()
    assert before.tolist() == [10, 12]
    bound.close()


def test_a_binding_fills_the_buffers_it_was_given(program: TensorRTProgram) -> None:
    mine = Tensor.of(np.zeros(2, np.float32))
    bound = program.bind(fed(1, 2), {"y": mine})
    bound.run()
    assert mine.array.tolist() == [2, 4]
    assert bound.outputs["y"] is mine.array
    bound.close()


def test_bound_memory_is_a_gpus_to_other_libraries(program: TensorRTProgram) -> None:
    bound = program.bind(fed(1, 2), {})
    outputs: Any = bound.outputs["y"]
    assert isinstance(outputs, GpuArray)
    assert outputs.__dlpack_device__() == (CUDA, 0)
    assert "dltensor" in repr(outputs.__dlpack__())
    bound.close()


def test_a_shape_beyond_the_profile_says_what_to_do(program: TensorRTProgram) -> None:
    with pytest.raises(InputError, match=r"shape \[9\].*profiles"):
        program.run(fed(*range(9)))


def test_an_engine_that_is_not_taken_gives_the_log(cuda: Any, sdk: Any) -> None:
    with pytest.raises(CompileError, match="the plan is not of this version"):
        made(sdk, b"other").run(fed(1))


def test_without_a_gpu_the_first_run_says_what_it_was_compiled_for(
    program: TensorRTProgram, cuda: Any
) -> None:
    cuda.count = 0
    with pytest.raises(DeviceNotFound, match=r"compiled for sm80; .*package nvidia-driver"):
        program.run(fed(1))


def test_gpus_are_listed_as_the_driver_names_them(cuda: Any, adapter: TensorRTAdapter) -> None:
    (found,) = adapter.probe()
    assert (found.id, found.name, found.driver) == ("gpu.0", "A GPU", "13000")
    assert found.properties == {"compute_capability": "8.6"}
    assert runtime.why_none() == ""


def test_no_gpu_is_no_error_of_listing_them(cuda: Any, adapter: TensorRTAdapter) -> None:
    cuda.count = 0
    assert adapter.probe() == []
    assert "cudaErrorNoDevice" in runtime.why_none()


def test_a_gpu_that_is_not_there_names_the_drivers_package(
    cuda: Any, adapter: TensorRTAdapter
) -> None:
    cuda.count = 0
    with pytest.raises(DeviceNotFound, match=r"no device 'gpu\.0'.*nvidia-driver"):
        adapter.find("gpu.0")


def test_without_cudas_package_the_line_to_type_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    with pytest.raises(SDKMissing, match="pip install cuda-bindings"):
        runtime.call("cudaGetDeviceCount")


def test_memory_that_runs_out_is_called_that(cuda: Any, full: Any, monkeypatch: Any) -> None:
    def refuse(size: int, flags: int) -> tuple[Any, int]:
        return full, 0

    monkeypatch.setattr(cuda, "cudaMallocManaged", refuse)
    with pytest.raises(OutOfMemory, match="cudaMallocManaged"):
        runtime.allocate(4)


def test_a_saved_engine_runs_as_it_did(
    program: TensorRTProgram, adapter: TensorRTAdapter
) -> None:
    again: Any = adapter.load(program.save(), SM80, CompileOptions())
    assert array_of(*again.run(fed(1, 2))).tolist() == [2, 4]
    assert again.placement() == program.placement()


def test_a_damaged_engine_is_refused(adapter: TensorRTAdapter) -> None:
    with pytest.raises(ArtifactError, match="no saved program"):
        adapter.load(b"\x00\x01\x02", SM80, CompileOptions())


class Lent:
    """Memory of the host, lent as the adapter lends a GPU's."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __dlpack__(self, **_: Any) -> Any:
        return lend(self.array, (1, 0))

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def test_bfloat16_is_lent_by_its_own_code() -> None:
    capsule = lend(np.zeros(2, dtypes.of_name("bfloat16").numpy))
    tensor = ctypes.pythonapi.PyCapsule_GetPointer(capsule, b"dltensor")
    code, bits = ctypes.string_at(tensor + 20, 2)
    assert (code, bits) == (4, 16)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8", "bool"])
def test_a_borrower_sees_type_shape_and_strides(dtype: str) -> None:
    mine = np.arange(24).reshape(2, 3, 4).astype(dtype)[:, ::2].transpose(2, 0, 1)
    theirs = np.from_dlpack(Lent(mine))
    assert theirs.dtype == mine.dtype
    assert theirs.tolist() == mine.tolist()
    assert np.shares_memory(theirs, mine)


def test_what_dlpack_has_no_type_for_is_refused() -> None:
    with pytest.raises(BufferError):
        lend(np.zeros(2, dtypes.of_name("float8e4m3fn").numpy))
