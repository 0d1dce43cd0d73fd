"""Devices that go wrong only now and then, or only when others run too, are caught."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hal_conformance.soak import endure as soak
from hal_reference.adapter import ReferenceAdapter
from onnx import TensorProto, helper

from hal import dtypes, targets
from hal.adapter import Adapter, Program
from hal.device import Device
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo
from hal.tensor import Feeds, Tensor, Value

Lie = Callable[["Lying", Feeds], Sequence[Value]]


class Lying(Program):
    """The reference, but for what a lie makes of it."""

    def __init__(self, honest: Program, lie: Lie) -> None:
        self.inputs, self.outputs = honest.inputs, honest.outputs
        self._honest = honest
        self._mutex = threading.Lock()
        self._lie = lie
        self.runs = 0
        self.kept: list[list[Value]] = []
        self.scratch: Feeds = {}

    def right(self, feeds: Feeds) -> list[Value]:
        with self._mutex:
            values = list(self._honest.run(feeds))
        return [Tensor(np.array(v.array), v.dtype) for v in values if isinstance(v, Tensor)]

    def run(self, feeds: Feeds) -> Sequence[Value]:
        self.runs += 1
        return self._lie(self, feeds)


class LyingAdapter(ReferenceAdapter):
    def __init__(self, lie: Lie, *, concurrent: bool = False) -> None:
        self._lie = lie
        self._concurrent = concurrent

    def probe(self) -> Sequence[DeviceInfo]:
        found = super().probe()
        claims = {"concurrent"} if self._concurrent else set[str]()
        return [replace(info, features=info.features | claims) for info in found]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        return Lying(super().compile(model, device, options), self._lie)


def array_of(value: Value) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    assert isinstance(value, Tensor)
    return value.array


def honest(program: Lying, feeds: Feeds) -> Sequence[Value]:
    return program.right(feeds)


def wrong_every_fiftieth(program: Lying, feeds: Feeds) -> Sequence[Value]:
    found = program.right(feeds)
    if program.runs % 50 == 0:
        array_of(found[0]).reshape(-1)[-1] += 1
    return found


def off_by_a_bit_once(program: Lying, feeds: Feeds) -> Sequence[Value]:
    found = program.right(feeds)
    if program.runs == 299:
        array_of(found[0]).reshape(-1).view(np.uint32)[0] ^= 1
    return found


def late_by_a_run(program: Lying, feeds: Feeds) -> Sequence[Value]:
    program.kept.append(program.right(feeds))
    found = program.kept[max(0, len(program.kept) - 2)]
    return [Tensor(array_of(value).copy(), dtypes.of_name("float32")) for value in found]


def lends_one_buffer(program: Lying, feeds: Feeds) -> Sequence[Value]:
    found = program.right(feeds)
    same = [k for k in program.kept if array_of(k[0]).shape == array_of(found[0]).shape]
    if not same:
        program.kept.append(found)
        return found
    array_of(same[0][0])[...] = array_of(found[0])
    return same[0]


def clears_its_third_result_late(program: Lying, feeds: Feeds) -> Sequence[Value]:
    found = program.right(feeds)
    program.kept.append(found)
    if program.runs == 250:
        array_of(program.kept[2][0])[...] = 0
    return found


def races_on_a_scratch_buffer(program: Lying, feeds: Feeds) -> Sequence[Value]:
    program.scratch = feeds
    time.sleep(0.0002)
    return program.right(program.scratch)


def wrong_after_a_larger_shape(program: Lying, feeds: Feeds) -> Sequence[Value]:
    found = program.right(feeds)
    rows = len(array_of(found[0]))
    before = program.kept[-1] if program.kept else found
    if len(array_of(before[0])) > rows:
        array_of(found[0])[-1] = array_of(before[0])[rows - 1]
    program.kept = [found]
    return found


def adds_an_output(program: Lying, feeds: Feeds) -> Sequence[Value]:
    found = program.right(feeds)
    if program.runs == 120:
        array_of(found[0]).resize((1, 3), refcheck=False)
    return found


def model() -> Model:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", [x], [y])
    opsets = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return Model(made.SerializeToString())


def fed(rows: int, start: int = 2) -> Mapping[str, Value]:
    array = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3) + np.float32(start)
    return {"x": Tensor(array, dtypes.of_name("float32"))}


BY_SHAPE_AND_VALUE = (fed(4), fed(2), fed(4, start=7))


def endured(
    adapter: Adapter, datasets: Sequence[Mapping[str, Value]] = BY_SHAPE_AND_VALUE
) -> soak.Endured:
    target = targets.resolve("reference:cpu")
    with Device(target, adapter, adapter.find("cpu")).compile(model()) as exe:
        return soak.endure(exe, datasets, "a seed")


@pytest.mark.parametrize("concurrent", [False, True])
def test_an_honest_device_is_not_accused(concurrent: bool) -> None:
    found = endured(LyingAdapter(honest, concurrent=concurrent))
    assert found.fault is None
    assert (found.runs, found.threaded) == (soak.RUNS, soak.RUNS)


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (wrong_every_fiftieth, "run 50 differs from run"),
        (off_by_a_bit_once, "run 299 differs from run"),
        (late_by_a_run, "on the same feeds"),
        (lends_one_buffer, "was changed by later runs"),
        (clears_its_third_result_late, "the result of run 3 was changed by later runs"),
        (wrong_after_a_larger_shape, "on the same feeds: output 'y': "),
        (adds_an_output, "shape [1, 3] where it was"),
    ],
)
def test_a_device_that_changes_its_mind_is_caught(lie: Lie, said: str) -> None:
    fault = endured(LyingAdapter(lie)).fault
    assert fault is not None
    assert said in fault


def test_a_race_between_threads_is_caught_where_concurrency_is_claimed() -> None:
    fault = endured(LyingAdapter(races_on_a_scratch_buffer, concurrent=True)).fault
    assert fault is not None
    assert "of thread" in fault


def test_the_shell_keeps_threads_apart_where_it_is_not() -> None:
    assert endured(LyingAdapter(races_on_a_scratch_buffer)).fault is None


def test_a_fault_says_how_many_elements_and_how_far() -> None:
    fault = endured(LyingAdapter(wrong_every_fiftieth), [fed(2)]).fault
    assert fault is not None
    assert "1 of 6 elements differ, the most at 5: 15.0 was 14.0" in fault


def test_runs_are_fewer_where_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "PATIENCE_S", 0.0)
    found = endured(LyingAdapter(honest))
    assert found.fault is None
    assert found.runs < soak.RUNS
