"""A device made of two command lines; here of `cp`: what goes in comes out."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hal_command.adapter import CommandAdapter
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper

import hal
from hal.errors import (
    CompileError,
    DeviceLost,
    ExecutionError,
    HALError,
    InputError,
    Unsupported,
)
from hal.spec import CompileOptions
from hal.targets import Target, Timeouts

COMPILE = "cp {model} {artifact}"
COPY = (
    "cp {inputs}/inputs.bin {outputs}/outputs.bin && "
    "cp {inputs}/inputs.json {outputs}/outputs.json"
)
X = np.array([[1.5, np.nan, -0.0]], np.float32)


def target(timeouts: Timeouts | None = None, **vendor: Any) -> Target:
    options = CompileOptions(vendor={"compile": COMPILE, "run": COPY, **vendor})
    return Target("copy", "command", "copy@1.2", options, timeouts=timeouts or Timeouts())


def identity(shape: Sequence[int | str] = (1, 3), number: int = TensorProto.FLOAT) -> bytes:
    x, y = (helper.make_tensor_value_info(name, number, shape) for name in "xy")
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def graph_of(path: Path) -> onnx.GraphProto:
    return onnx.ModelProto.FromString(path.read_bytes()).graph


def run(chosen: Target, model: bytes | None = None) -> Any:
    with hal.load(model or identity(), device=chosen) as exe:
        return exe({"x": X})["y"]


@pytest.mark.parametrize("form", ["raw", "npy", "pb"])
def test_tensors_go_in_and_out_in_any_form(form: str) -> None:
    suffix = {"raw": "s.bin", "npy": "_0.npy", "pb": "_0.pb"}[form]
    line = f"cp {{inputs}}/input{suffix} {{outputs}}/output{suffix}"
    if form == "raw":
        line += " && cp {inputs}/inputs.json {outputs}/outputs.json"
    result = run(target(run=line, files=[form]))
    assert_array_equal(result, X)
    assert np.signbit(result[0, 2])


def test_a_line_that_is_a_list_needs_no_shell(tmp_path: Path) -> None:
    script = tmp_path / "a board"
    script.write_text(f'#!/bin/sh\n[ $# = 2 ] && [ "$1" = "a b" ] && cd "$2" && {COPY}\n')
    text = script.read_text().replace("{inputs}", "inputs").replace("{outputs}", "outputs")
    script.write_text(text)
    script.chmod(0o755)
    line = [str(script), "a b", "{outputs}/.."]
    assert_array_equal(run(target(run=line)), X)


def test_braces_of_the_shell_stay_its_own() -> None:
    line = "name=inputs; cp {inputs}/${name}.bin {outputs}/outputs.bin && " + COPY
    assert_array_equal(run(target(run=line)), X)


def test_a_folder_with_blanks_and_quotes_is_no_trap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = tmp_path / 'it\'s a "place" $HOME'
    strange.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(strange))
    assert_array_equal(run(target()), X)
    assert not list(strange.iterdir()), "a program leaves nothing behind"


@pytest.mark.parametrize("step", ["compile", "run"])
@pytest.mark.parametrize(
    ("command", "kind", "told"),
    [
        ("echo 'no Einsum here' >&2; exit 69", Unsupported, "no Einsum here"),
        ("echo 'op Foo: not mine'; exit 1", Unsupported, "op Foo: not mine"),
        ("kill -SEGV $$", DeviceLost, "SIGSEGV"),
        ("sh -c 'kill -ABRT $$'; exit $?", DeviceLost, "SIGABRT"),
        ("exit 124", DeviceLost, "took too long"),
        ("echo out of paper >&2; exit 3", HALError, "exits with 3: out of paper"),
        ("exit 3", HALError, "exits with 3: it printed nothing"),
    ],
)
def test_how_a_command_ends_says_what_happened(
    step: str, command: str, kind: type[HALError], told: str
) -> None:
    options: dict[str, Any] = {step: f"true {{model}} {{outputs}}; {command}"}
    with pytest.raises(kind, match=told) as caught:
        run(target(unsupported=["op .*: not mine"], **options))
    if kind is HALError:
        assert type(caught.value) is (CompileError if step == "compile" else ExecutionError)
    if isinstance(caught.value, DeviceLost):
        assert bool(caught.value.timed_out) == ("124" in command)


def test_a_long_complaint_is_cut_at_its_beginning() -> None:
    line = "true {outputs}; seq 100000 >&2; echo the point >&2; exit 1"
    with pytest.raises(ExecutionError, match="the point") as caught:
        run(target(run=line))
    assert len(caught.value.message) < 2100


def test_a_run_that_writes_nothing_is_no_refusal() -> None:
    with pytest.raises(HALError, match="output_0") as caught:
        run(target(run="true {outputs}"))
    assert type(caught.value) is HALError


def test_what_an_earlier_run_wrote_is_not_read_again() -> None:
    once = f"[ ! -e ran ] && touch ran && {COPY} || true {{outputs}}"
    with hal.load(identity(), device=target(run=once)) as exe:
        assert_array_equal(exe({"x": X})["y"], X)
        with pytest.raises(HALError, match="output_0"):
            exe({"x": X})


def test_a_compiler_that_writes_no_artifact_is_told() -> None:
    with pytest.raises(CompileError, match="wrote no out/model"):
        run(target(compile="true {model}", artifact="out/model"))


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(InputError, match=r"cannot be started.*nowhere"):
        run(target(compile=["nowhere/at/all", "{model}"]))


@pytest.mark.parametrize(
    ("vendor", "told"),
    [
        ({"compile": "true"}, r"needs options.vendor.compile.*\{model\}"),
        ({"run": "true"}, r"needs options.vendor.run.*\{outputs\}"),
        ({"compiler": "gcc"}, r"no vendor options \['compiler'\]"),
        ({"static": "yes"}, "options.vendor.static cannot be 'yes'"),
        ({"files": ["hdf5"]}, "no form 'hdf5'"),
        ({"dtypes": ["float33"]}, "no ONNX element type 'float33'"),
    ],
)
def test_options_that_make_no_sense_are_told(vendor: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        run(target(**vendor))


def test_a_type_that_is_not_listed_is_a_clean_no() -> None:
    with pytest.raises(Unsupported, match="takes no float16") as caught:
        run(target(dtypes=["float32"]), identity(number=TensorProto.FLOAT16))
    assert caught.value.dtype == "float16"


def test_a_sequence_is_a_clean_no_for_who_takes_tensors_alone() -> None:
    x = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None)
    y = helper.make_tensor_value_info("y", TensorProto.INT64, [])
    graph = helper.make_graph([helper.make_node("SequenceLength", ["x"], ["y"])], "g", [x], [y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    with pytest.raises(Unsupported, match="takes and gives tensors alone"):
        run(target(tensors_only=True), made.SerializeToString())


def test_a_static_device_compiles_anew_for_each_shape(tmp_path: Path) -> None:
    kept = f"cp {{model}} {tmp_path}/$(ls {tmp_path} | wc -l).onnx && {COMPILE}"
    with hal.load(identity(["N", "M"]), device=target(compile=kept, static=True)) as exe:
        assert not list(tmp_path.iterdir()), "nothing is compiled before shapes are known"
        for rows in (1, 2, 1):
            fed = np.ones((rows, 3), np.float32)
            assert_array_equal(exe({"x": fed})["y"], fed)
    graphs = [graph_of(tmp_path / f"{number}.onnx") for number in (0, 1)]
    shapes = [
        [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for graph in graphs
        for value in (*graph.input, *graph.output)
    ]
    assert shapes == [[1, 3], [1, 3], [2, 3], [2, 3]]
    assert len(list(tmp_path.iterdir())) == 2


def test_bound_dimensions_stand_in_the_model_that_is_compiled(tmp_path: Path) -> None:
    kept = f"cp {{model}} {tmp_path}/seen.onnx && {COMPILE}"
    with hal.load(identity(["N", 3]), device=target(compile=kept), dimensions={"N": 1}) as exe:
        assert exe.inputs[0].shape == (1, 3)
        assert_array_equal(exe({"x": X})["y"], X)
    dim = graph_of(tmp_path / "seen.onnx").input[0].type.tensor_type.shape.dim[0]
    assert dim.dim_value == 1


def test_weights_beside_the_model_stay_beside_it(tmp_path: Path) -> None:
    weight = helper.make_tensor(
        "w", TensorProto.FLOAT, [3], np.ones(3, "f4").tobytes(), raw=True
    )
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy")
    node = helper.make_node("Add", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = tmp_path / "model.onnx"
    onnx.save(  # pyright: ignore[reportUnknownMemberType]  PathLike is left open
        model, path, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    line = "test -s $(dirname {model})/w.bin && cp {model} {artifact}"
    with hal.load(path, device=target(compile=line)) as exe:
        assert_array_equal(exe({"x": X})["y"], X)


@pytest.mark.parametrize(
    ("device", "found"),
    [
        ("emx-onnx-cgen@1.4.0", ("emx-onnx-cgen", "cpu", "1.4.0")),
        ("npu:acme-7@2.1", ("acme-7", "npu", "2.1")),
        ("acme", ("acme", "cpu", "")),
    ],
)
def test_a_devices_id_says_its_name_kind_and_version(
    device: str, found: tuple[str, str, str]
) -> None:
    info = CommandAdapter().find(device)
    assert (info.name, info.kind, info.sdk) == found
    assert info.id == device


def test_a_command_that_hangs_is_ended_with_its_children_by_the_targets_time(
    tmp_path: Path,
) -> None:
    line = f"echo $$ > {tmp_path}/pid; sleep 60; {COPY}"
    slow = target(Timeouts(run_s=1.0), run=line)
    with hal.open(slow, isolated=True) as device, device.compile(identity()) as exe:
        with pytest.raises(DeviceLost) as caught:
            exe({"x": X})
        assert caught.value.timed_out
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
