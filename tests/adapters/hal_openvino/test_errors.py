"""OpenVINO's exceptions in our words: real ones, and every type it defines."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from hal_openvino import errors
from hal_openvino.adapter import OpenVINOAdapter
from hal_openvino.program import OpenVINOProgram
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper

from hal.errors import (
    CompileError,
    DeviceError,
    DeviceNotFound,
    ExecutionError,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo
from hal.tensor import Feeds, Tensor, Value

Build = Callable[..., Model]

F = TensorProto.FLOAT
UNUSED = ("openvino.tools.benchmark", "openvino.torch", "openvino.frontend.tensorflow")


def exception_types() -> dict[str, type[BaseException]]:
    """Every exception type that a module of the installed OpenVINO defines."""
    found: dict[str, type[BaseException]] = {}
    for module in modules():
        for _, value in inspect.getmembers(module, inspect.isclass):
            if issubclass(value, BaseException) and value.__module__.startswith("openvino"):
                found[f"{value.__module__}.{value.__name__}"] = value
    return found


def modules() -> Iterator[Any]:
    yield ov._pyopenvino  # pyright: ignore[reportPrivateUsage]  its exceptions live there
    for name in ("openvino.exceptions", "openvino.frontend", "openvino.tools.ovc.error"):
        yield importlib.import_module(name)


def test_every_exception_type_openvino_defines_is_mapped() -> None:
    found = exception_types()
    assert len(found) >= 8
    for kind in found.values():
        ours = errors.translate(kind("something went wrong"))  # type: ignore[arg-type]
        assert type(ours) is errors.KINDS[kind.__name__]


def test_no_other_module_of_openvino_defines_exceptions() -> None:
    """Read from the sources: importing all of them would import other vendors' frameworks."""
    root = Path(ov.__file__).parent
    known = {kind.__name__ for kind in exception_types().values()}
    for info in pkgutil.walk_packages([str(root)], "openvino.", onerror=lambda _: None):
        path = root.parent / Path(*info.name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                name, _, bases = line.removeprefix("class ").partition("(")
                if line.startswith("class ") and ("Exception" in bases or "Error" in bases):
                    assert name in known, f"{info.name} defines {name}"


def test_what_is_not_openvinos_is_left_to_the_shell() -> None:
    assert errors.translate(ValueError("operands could not be broadcast")) is None
    assert errors.translate(RuntimeError("generator raised StopIteration")) is None


def refusal(
    adapter: OpenVINOAdapter, cpu: DeviceInfo, model: Model, **options: Any
) -> HALError:
    """The error of compiling the model, in our words."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  its kind is what is asked
        adapter.compile(model, cpu, CompileOptions(**options)).close()
    if isinstance(caught.value, HALError):
        return caught.value
    ours = adapter.translate(caught.value)
    assert ours is not None
    return ours


def test_an_unknown_operator_is_unsupported_by_name(
    adapter: OpenVINOAdapter, cpu: DeviceInfo, build: Build
) -> None:
    node = helper.make_node("Det", ["x"], ["y"])
    ours = refusal(adapter, cpu, build([node], [("x", F, (2, 2))], [("y", F, ())], opset=22))
    assert isinstance(ours, Unsupported)
    assert (ours.op, ours.opset) == ("Det", 22)


def test_an_operator_of_another_domain_keeps_it(
    adapter: OpenVINOAdapter, cpu: DeviceInfo, build: Build
) -> None:
    node = helper.make_node("Frobnicate", ["x"], ["y"], domain="acme.ops")
    model = build([node], [("x", F, (2,))], [("y", F, (2,))]).proto()
    model.opset_import.append(helper.make_opsetid("acme.ops", 1))
    ours = refusal(adapter, cpu, Model(model.SerializeToString()))
    assert isinstance(ours, Unsupported)
    assert ours.op == "acme.ops.Frobnicate"


def test_a_form_of_an_operator_that_is_refused_names_the_node(
    adapter: OpenVINOAdapter, cpu: DeviceInfo, build: Build
) -> None:
    node = helper.make_node("Celu", ["x"], ["y"])
    half = TensorProto.FLOAT16
    ours = refusal(
        adapter, cpu, build([node], [("x", half, (2,))], [("y", half, (2,))], opset=12)
    )
    assert isinstance(ours, Unsupported)
    assert (ours.op, ours.node) == ("Celu", "y")


def test_an_element_type_that_is_refused_is_named(
    adapter: OpenVINOAdapter, cpu: DeviceInfo, build: Build
) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    number = TensorProto.COMPLEX64
    ours = refusal(adapter, cpu, build([node], [("x", number, (2,))], [("y", number, (2,))]))
    assert isinstance(ours, Unsupported)
    assert ours.dtype == "complex64"


def test_a_value_openvino_refuses_for_an_option_is_the_callers_mistake(
    adapter: OpenVINOAdapter, cpu: DeviceInfo, add: Model
) -> None:
    ours = refusal(adapter, cpu, add, vendor={"NUM_STREAMS": "many"})
    assert isinstance(ours, InputError)
    assert "many" in ours.message or "NUM_STREAMS" in ours.message


def test_messages_lose_the_places_in_the_vendors_sources(
    adapter: OpenVINOAdapter, cpu: DeviceInfo, build: Build
) -> None:
    node = helper.make_node("Det", ["x"], ["y"])
    ours = refusal(adapter, cpu, build([node], [("x", F, (2, 2))], [("y", F, ())]))
    assert ".cpp" not in ours.message
    assert "\n" not in ours.message


def test_bytes_that_are_no_graph_are_the_callers_mistake(core: Any) -> None:
    with pytest.raises(RuntimeError) as caught:
        core.read_model(b"this is not a model", b"")
    assert isinstance(errors.translate(caught.value), InputError)


def test_a_device_that_is_not_there_is_not_found(add: Model, core: Any) -> None:
    graph = core.read_model(add.bytes(), b"")
    for name in ("FOO", "GPU"):
        if name not in core.available_devices:
            with pytest.raises(RuntimeError) as caught:
                core.compile_model(graph, name)
            assert isinstance(errors.translate(caught.value), DeviceNotFound)


def test_a_failure_of_a_run_is_an_execution_error(build: Build, core: Any) -> None:
    """Shapes that fit the declared ones but not each other fail in the kernel."""
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    shape = (None, None)
    model = build([node], [("a", F, shape), ("b", F, shape)], [("y", F, shape)])
    request = core.compile_model(
        core.read_model(model.bytes(), b""), "CPU"
    ).create_infer_request()
    with pytest.raises(RuntimeError) as caught:
        request.infer([np.ones((2, 3), np.float32), np.ones((5, 2), np.float32)])
    assert isinstance(errors.translate(caught.value), ExecutionError)


def submitted(program: OpenVINOProgram) -> Callable[[Feeds], Sequence[Value]]:
    """A run through the queue, waited for."""

    def run(feeds: Feeds) -> Sequence[Value]:
        return program.submit(feeds).result(timeout=60)

    return run


@pytest.mark.parametrize("options", [{"threads": 1}, {"threads": 2}, {"goal": "throughput"}])
def test_a_failed_run_is_reported_whatever_the_threads(
    options: dict[str, Any], adapter: OpenVINOAdapter, cpu: DeviceInfo, build: Build
) -> None:
    """OpenVINO's `infer` with one thread reports success and repeats the last results; and
    after a failure it computes with memory that it has given back."""
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    shape = (None, None)
    model = build([node], [("a", F, shape), ("b", F, shape)], [("y", F, shape)])
    program = adapter.compile(model, cpu, CompileOptions(arithmetic="fp32", **options))
    fits = {
        "a": Tensor.of(np.ones((2, 3), np.float32)),
        "b": Tensor.of(np.ones((3, 2), np.float32)),
    }
    wrong = {**fits, "b": Tensor.of(np.ones((5, 2), np.float32))}
    for run in (program.run, submitted(program)):
        run(fits)
        with pytest.raises(RuntimeError, match="incompatible"):
            run(wrong)
        (result,) = run(fits)
        assert isinstance(result, Tensor)
        assert_array_equal(result.array, np.full((2, 2), 3, np.float32))
    program.close()


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("std::bad_alloc", OutOfMemory),
        ("[GPU] clEnqueueNDRangeKernel, error code: -5 CL_OUT_OF_RESOURCES", OutOfMemory),
        ("Exception from src/inference/src/x.cpp:1:\nInfer Request is busy", DeviceError),
        ("Exception from src/plugins/y.cpp:2:\nNot Implemented", Unsupported),
        ("Exception from src/plugins/y.cpp:2:\nsomething else", CompileError),
    ],
)
def test_messages_that_need_other_hardware_are_mapped_too(
    message: str, kind: type[HALError]
) -> None:
    assert type(errors.translate(RuntimeError(message))) is kind
