"""Models on a plugin: where they run, open shapes, saving, binding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import pytest
from onnx import TensorProto

import hal
from hal.device import Device
from hal.errors import CompileError, DeviceLost, InputError, Unsupported

Plugin: TypeAlias = Callable[[str], str]
Build: TypeAlias = Callable[..., bytes]

X = np.array([[-1, 2, 3], [4, -5, 6]], np.float32)
RECORD = {"cpu_fallback": "record"}


@pytest.fixture
def acme(plugin: Plugin) -> Iterator[Device]:
    with hal.open(f"onnxruntime-ep:{plugin('AcmeEP')}") as device:
        yield device


@pytest.fixture
def idle(plugin: Plugin) -> Iterator[Device]:
    with hal.open(f"onnxruntime-ep:{plugin('AcmeIdleEP')}") as device:
        yield device


def wheres(executable: Any) -> dict[str, str]:
    return {node.node: node.where for node in executable.placement().nodes}


def test_nodes_run_on_the_plugin_and_placement_says_so(acme: Device, build: Build) -> None:
    with acme.compile(build("Neg", "Relu")) as exe:
        np.testing.assert_array_equal(exe({"x": X})["y"], np.maximum(-X, 0))
        assert wheres(exe) == {"neg": "device", "relu": "device"}
        assert exe.placement().evidence == "assigned"


def test_a_node_left_to_the_cpu_is_refused_by_name(acme: Device, build: Build) -> None:
    with pytest.raises(Unsupported, match=r"leaves 1 of 2 nodes to the CPU.*Abs \(abs\)") as no:
        acme.compile(build("Neg", "Abs"))
    assert (no.value.op, no.value.node) == ("Abs", "abs")


def test_a_node_left_to_the_cpu_runs_there_where_that_is_allowed(
    acme: Device, build: Build
) -> None:
    with acme.compile(build("Neg", "Abs"), allow_fallback=True) as exe:
        np.testing.assert_array_equal(exe({"x": X})["y"], np.abs(X))
        assert wheres(exe) == {"neg": "device", "abs": "host"}


def test_a_silent_fallback_is_recorded(idle: Device, build: Build) -> None:
    with idle.compile(build("Neg"), vendor=RECORD) as exe:
        np.testing.assert_array_equal(exe({"x": X})["y"], -X)
        assert wheres(exe) == {"neg": "host"}


def test_a_model_that_onnxruntime_folds_whole_was_not_computed_by_the_plugin(
    acme: Device, build: Build
) -> None:
    with acme.compile(build("Shape", element=TensorProto.INT64)) as exe:
        np.testing.assert_array_equal(exe({"x": X})["y"], [2, 3])
        assert wheres(exe) == {"shape": "host"}


def test_a_prediction_says_which_nodes_the_plugin_takes(acme: Device, build: Build) -> None:
    answers = {node.node: node.supported for node in acme.query(build("Neg", "Abs")).nodes}
    assert answers == {"neg": True, "abs": False}


def test_a_prediction_for_open_dimensions_says_that_bound_ones_may_be_taken(
    acme: Device, build: Build
) -> None:
    [node] = acme.query(build("Neg", dims=("n", 3))).nodes
    assert not node.supported
    assert "with dimensions bound to those it is fed it may be taken" in node.reason


@pytest.mark.parametrize("dims", [("n", 3), (None, 3)])
def test_open_dimensions_are_bound_to_those_of_the_feeds(
    acme: Device, build: Build, dims: tuple[Any, ...]
) -> None:
    with acme.compile(build("Neg", dims=dims)) as exe:
        assert wheres(exe) == {"neg": "unknown"}
        for rows in (1, 2, 1):
            np.testing.assert_array_equal(exe({"x": X[:rows]})["y"], -X[:rows])
        assert wheres(exe) == {"neg": "device"}


def test_an_input_of_any_rank_is_bound_to_that_of_the_feed(acme: Device, build: Build) -> None:
    with acme.compile(build("Neg", dims=None), vendor={"shapes": "feeds"}) as exe:
        for x in (X, X[0], X[0, 0].reshape(())):
            np.testing.assert_array_equal(exe({"x": x})["y"], -x)
        assert wheres(exe) == {"neg": "device"}


def test_a_plugin_that_fails_on_open_dimensions_is_given_bound_ones(
    plugin: Plugin, build: Build
) -> None:
    model = build("Neg", dims=("n", 3))
    with hal.open(f"onnxruntime-ep:{plugin('AcmeFussyEP')}") as fussy:
        with pytest.raises(CompileError, match="an open dimension"):
            fussy.compile(model, vendor={"shapes": "declared"})
        with fussy.compile(model) as exe:
            np.testing.assert_array_equal(exe({"x": X})["y"], -X)
            assert wheres(exe) == {"neg": "device"}


def test_open_dimensions_are_bound_by_name_for_all_inputs(acme: Device, build: Build) -> None:
    with acme.compile(build("Neg", dims=("n", "m")), dimensions={"m": 3}) as exe:
        np.testing.assert_array_equal(exe({"x": X})["y"], -X)


def test_an_operator_that_is_not_taken_at_any_size_is_refused_when_fed(
    acme: Device, build: Build
) -> None:
    with (
        acme.compile(build("Abs", dims=("n", 3))) as exe,
        pytest.raises(Unsupported, match="leaves 1 of 1 nodes to the CPU"),
    ):
        exe({"x": X})


def test_dimensions_are_left_open_where_that_is_asked(acme: Device, build: Build) -> None:
    model = build("Neg", dims=("n", 3))
    with pytest.raises(Unsupported, match="to the CPU"):
        acme.compile(model, vendor={"shapes": "declared"})
    with acme.compile(model, vendor=RECORD) as exe:
        assert wheres(exe) == {"neg": "host"}


def test_only_so_many_sizes_stay_compiled(
    acme: Device, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hal_onnxruntime.compiling.KEPT", 2)
    with acme.compile(build("Neg", dims=("n",))) as exe:
        for rows in (1, 2, 3, 1):
            assert exe({"x": np.ones(rows, np.float32)})["y"].shape == (rows,)
        program: Any = exe._program  # pyright: ignore[reportPrivateUsage]  what is kept shows nowhere else
        assert [sizes for (sizes,) in program._made] == [(3,), (1,)]


@pytest.mark.parametrize("dims", [(2, 3), ("n", 3)])
def test_a_saved_program_computes_the_same_and_on_the_plugin(
    acme: Device, build: Build, dims: tuple[Any, ...]
) -> None:
    with acme.compile(build("Neg", "Relu", dims=dims)) as exe:
        saved = exe.save()
    with acme.load(saved) as again:
        np.testing.assert_array_equal(again({"x": X})["y"], np.maximum(-X, 0))
        assert wheres(again) == {"neg": "device", "relu": "device"}


@pytest.mark.parametrize("dims", [(2, 3), ("n", 3)])
def test_buffers_can_be_bound(acme: Device, build: Build, dims: tuple[Any, ...]) -> None:
    x, y = X.copy(), np.zeros_like(X)
    with acme.compile(build("Neg", dims=dims)) as exe, exe.bind({"x": x}, {"y": y}) as bound:
        for _ in range(2):
            x += 1
            bound.run()
            np.testing.assert_array_equal(y, -x)


@pytest.mark.parametrize(
    ("vendor", "said"),
    [
        ({"cpu_fallback": "recrd"}, "did you mean 'record'"),
        ({"shapes": "feed"}, "did you mean 'feeds'"),
        ({"provider_option": {}}, "did you mean 'provider_options'"),
    ],
)
def test_a_mistyped_option_is_told_the_nearest(
    acme: Device, build: Build, vendor: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        acme.compile(build("Neg"), vendor=vendor)


def test_a_plugin_that_ends_its_process_ends_a_worker_alone(
    plugin: Plugin, build: Build
) -> None:
    with (
        hal.open(f"onnxruntime-ep:{plugin('AcmeAbortEP')}", isolated=True) as device,
        pytest.raises(DeviceLost) as lost,
    ):
        device.compile(build("Neg"))
    assert lost.value.signal == 6
