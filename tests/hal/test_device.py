"""The user's side: opening, claims, errors, artifacts, the cache, closing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import hal
from hal.errors import (
    CompileError,
    DeviceNotFound,
    ExecutionError,
    InputError,
    Unsupported,
)
from hal.targets import Target

Array = np.ndarray[Any, Any]


@pytest.fixture
def device(toy: str) -> Iterator[hal.Device]:
    with hal.open(f"{toy}:0") as opened:
        yield opened


def at_opset(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.opset_import[0].version = version
    return changed


def test_three_lines_do_it(toy: str, doubling: onnx.ModelProto, x: Array) -> None:
    exe = hal.load(doubling, device=f"{toy}:0")
    y = exe({"x": x})
    assert (y["y"] == x * 2).all()
    exe.close()


def test_an_absent_device_names_those_that_are_there(toy: str) -> None:
    with pytest.raises(DeviceNotFound, match=r"no device '7'.*\['0', 'bare'\]"):
        hal.open(f"{toy}:7")


@pytest.mark.parametrize("device", ["gpu", "gpu.1", "gpu:a100"])
def test_a_device_that_is_absent_comes_with_what_it_needs(toy: str, device: str) -> None:
    with pytest.raises(DeviceNotFound, match=r"\['0', 'bare'\]; it needs the toy driver"):
        hal.open(f"{toy}:{device}")


@pytest.mark.parametrize("version", [12, 18, 999])
def test_an_opset_outside_the_claim_is_unsupported(
    device: hal.Device, doubling: onnx.ModelProto, version: int
) -> None:
    with pytest.raises(Unsupported, match="takes 13 to 17") as caught:
        device.compile(at_opset(doubling, version))
    assert caught.value.opset == version


def test_a_type_outside_the_claim_is_unsupported(device: hal.Device) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT16, [2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT16, [2])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    with pytest.raises(Unsupported, match="float16") as caught:
        device.compile(model)
    assert caught.value.dtype == "float16"


def test_an_arithmetic_the_device_lacks_is_unsupported(
    device: hal.Device, doubling: onnx.ModelProto
) -> None:
    with pytest.raises(Unsupported, match="cannot be asked for 'bf16'"):
        device.compile(doubling, arithmetic="bf16")


def test_an_unknown_option_names_the_known_ones(
    device: hal.Device, doubling: onnx.ModelProto
) -> None:
    with pytest.raises(InputError, match=r"no compile option 'thread'.*'threads'"):
        device.compile(doubling, thread=2)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("allow_fallback", "no"),
        ("arithmetic", 32),
        ("dimensions", {"N": "2"}),
        ("goal", "fast"),
        ("threads", 0),
        ("vendor", None),
    ],
)
def test_an_option_of_a_wrong_type_says_what_it_takes(
    device: hal.Device, doubling: onnx.ModelProto, option: str, value: Any
) -> None:
    with pytest.raises(InputError, match=f"{option}.*it takes"):
        device.compile(doubling, **{option: value})


def test_vendor_options_are_added_to_the_targets(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    options = hal.CompileOptions(vendor={"act": "raise"})
    target = Target("mine", toy, "0", options)
    with (
        hal.load(doubling, device=target, vendor={"slow_s": 0.0}) as exe,
        pytest.raises(Unsupported, match="the fan fell off"),
    ):
        exe({"x": x})


def test_a_targets_options_reach_the_vendor(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    options = hal.CompileOptions(vendor={"act": "raise"})
    with (
        hal.load(doubling, device=Target("mine", toy, "0", options)) as exe,
        pytest.raises(Unsupported, match="the fan fell off"),
    ):
        exe({"x": x})


def test_an_error_the_adapter_cannot_name_is_ours_by_the_step_it_came_from(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    with pytest.raises(CompileError, match="KeyError"):
        device.compile(doubling, vendor={"compile": "no such act"})
    exe = device.compile(doubling, vendor={"act": "no such act"})
    with pytest.raises(ExecutionError, match="KeyError"):
        exe({"x": x})


@pytest.mark.parametrize("how", ["call", "bound"])
def test_an_error_of_ours_is_not_its_own_cause(
    device: hal.Device, doubling: onnx.ModelProto, x: Array, how: str
) -> None:
    exe = device.compile(doubling)
    bound = exe.bind({"x": x})
    exe.close()
    with pytest.raises(InputError) as caught:
        {"call": lambda: exe({"x": x}), "bound": bound.run}[how]()
    assert caught.value.__cause__ is None


def test_a_failure_the_adapter_cannot_name_ends_a_submitted_run_too(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    future = device.compile(doubling, vendor={"act": "none at all"}).submit({"x": x})
    with pytest.raises(ExecutionError, match="has no len"):
        future.result(5)


def test_a_message_that_cannot_be_written_says_what_to_do(device: hal.Device) -> None:
    model = Mock()
    model.SerializeToString.side_effect = ValueError("exceeds 2GB")
    with pytest.raises(InputError, match="external data"):
        device.compile(model)


def test_a_thing_that_is_no_model_is_an_input_error(device: hal.Device) -> None:
    with pytest.raises(InputError, match="a int is not a model"):
        device.compile(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_threads_on_one_executable_are_serialised(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    exe = device.compile(doubling, vendor={"slow_s": 0.002})
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(exe, {"x": x * k}) for k in range(20)]
    assert all((f.result()["y"] == x * k * 2).all() for k, f in enumerate(futures))


@pytest.mark.parametrize("which", ["0", "bare"], ids=["device queue", "our queue"])
def test_submitted_runs_give_their_results_in_order(
    toy: str, doubling: onnx.ModelProto, x: Array, which: str
) -> None:
    with hal.load(doubling, device=f"{toy}:{which}") as exe:
        done: list[int] = []
        futures = [exe.submit({"x": x * k}) for k in range(8)]
        for k, future in enumerate(futures):
            future.add_done_callback(lambda _, k=k: done.append(k))  # type: ignore[misc]
        assert all((f.result()["y"] == x * k * 2).all() for k, f in enumerate(futures))
    assert done == list(range(8))


def test_cancelling_affects_queued_runs_only(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    with hal.load(doubling, device=f"{toy}:bare", vendor={"slow_s": 0.2}) as exe:
        first, second = exe.submit({"x": x}), exe.submit({"x": x})
        while not first.running():
            time.sleep(0.001)
        assert (first.cancel(), second.cancel()) == (False, True)
        assert (first.result()["y"] == x * 2).all()


def test_a_failure_in_the_devices_queue_is_one_of_ours(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    future = device.compile(doubling, vendor={"act": "raise"}).submit({"x": x})
    assert isinstance(future.exception(), Unsupported)


def test_submitting_checks_feeds_at_once(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    with pytest.raises(InputError):
        device.compile(doubling).submit({"z": x})


def test_a_binding_reads_and_writes_the_callers_buffers(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    out = np.zeros_like(x)
    with device.compile(doubling).bind({"x": x}, {"y": out}) as bound:
        bound.run()
        assert (out == x * 2).all()
        x += 1
        bound.run()
    assert (out == x * 2).all()


def test_a_binding_to_an_output_that_is_not_there_is_refused(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    with pytest.raises(InputError, match="no output 'q'"):
        device.compile(doubling).bind({"x": x}, {"q": x})


@pytest.mark.parametrize(
    ("buffer", "message"),
    [
        (np.zeros((2, 3), bool), "is bool"),
        (np.zeros((2, 4), np.float32), r"float32\[2, 4\]"),
        (np.zeros(3, np.float32), r"float32\[3\]"),
        ([[0.0] * 3] * 2, "no array"),
        (np.broadcast_to(np.float32(0), (2, 3)), "read-only"),
    ],
)
def test_a_buffer_that_does_not_fit_its_output_is_refused(
    device: hal.Device, doubling: onnx.ModelProto, x: Array, buffer: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        device.compile(doubling).bind({"x": x}, {"y": buffer})


@pytest.mark.parametrize("ask", ["bind", "placement", "profile", "save", "query"])
def test_a_feature_that_is_not_claimed_is_unsupported(
    toy: str, doubling: onnx.ModelProto, x: Array, ask: str
) -> None:
    with hal.open(f"{toy}:bare") as device:
        exe = device.compile(doubling)
        asked: dict[str, Any] = {
            "bind": lambda: exe.bind({"x": x}),
            "placement": exe.placement,
            "profile": lambda: exe.profile({"x": x}),
            "save": exe.save,
            "query": lambda: device.query(doubling),
        }
        with pytest.raises(Unsupported, match=f"does not claim '{ask}'"):
            asked[ask]()


def test_closing_twice_is_harmless_and_using_afterwards_is_not(
    device: hal.Device, doubling: onnx.ModelProto, x: Array
) -> None:
    exe = device.compile(doubling)
    exe.close()
    exe.close()
    uses: list[Any] = [
        lambda: exe({"x": x}),
        lambda: exe.submit({"x": x}),
        lambda: exe.bind({"x": x}),
        exe.save,
        exe.placement,
    ]
    for use in uses:
        with pytest.raises(InputError, match="closed"):
            use()


def test_a_closed_device_closes_its_executables_and_its_adapter_once(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    device = hal.open(f"{toy}:0")
    exe = device.compile(doubling)
    device.close()
    device.close()
    with pytest.raises(InputError, match="closed"):
        exe({"x": x})
    with pytest.raises(InputError, match="closed"):
        device.compile(doubling)
    assert device.adapter.closed == 1  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def test_closing_waits_for_the_run_that_has_begun(
    toy: str, doubling: onnx.ModelProto, x: Array
) -> None:
    exe = hal.load(doubling, device=f"{toy}:0", vendor={"slow_s": 0.2})
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(exe({"x": x})))
    thread.start()
    time.sleep(0.05)
    exe.close()
    thread.join()
    assert (got[0]["y"] == x * 2).all()


def test_query_and_placement_answer_for_each_node(
    device: hal.Device, doubling: onnx.ModelProto
) -> None:
    assert device.query(doubling).complete
    placement = device.compile(doubling).placement()
    assert (placement.counts()["device"], placement.evidence) == (1, "claimed")
