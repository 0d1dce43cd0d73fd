"""What an executable says of its inputs and outputs is what the model declares."""

from __future__ import annotations

from hal.device import Device
from hal.executable import Executable
from hal.spec import TensorSpec
from hal_conformance.suite import check
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


def _names(specs: tuple[TensorSpec, ...]) -> list[str]:
    return [spec.name for spec in specs]


@promise("signatures/inputs-in-model-order")
def test_inputs_stand_in_the_order_of_the_model(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.unsorted()) as exe:
        check.equal(_names(exe.inputs), ["b", "c", "a"], "names of the inputs")


@promise("signatures/outputs-in-model-order")
def test_outputs_stand_in_the_order_of_the_model(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.unsorted()) as exe:
        check.equal(_names(exe.outputs), ["z", "x", "y"], "names of the outputs")


@promise("signatures/dtypes")
def test_ports_have_the_types_of_the_model(exe: Executable, zoo: Zoo) -> None:
    for spec in (*exe.inputs, *exe.outputs):
        check.equal(spec.dtype, zoo.dtype.name, f"type of {spec.name!r}")


@promise("signatures/static-shapes")
def test_static_dimensions_are_numbers(exe: Executable) -> None:
    for spec in (*exe.inputs, *exe.outputs):
        check.equal(spec.shape, (2, 3), f"shape of {spec.name!r}")


@promise("signatures/symbolic-dimensions", "dynamic_shapes")
def test_symbolic_dimensions_are_not_numbers(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.arithmetic("N")) as exe:
        for spec in exe.inputs:
            known = spec.shape in (("N", 3), (None, 3))
            check.equal(known, True, f"{spec} leaves its first axis open, and only that")


@promise("signatures/weights-are-not-inputs")
def test_weights_are_not_inputs(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.shifted(1)) as exe:
        check.equal(_names(exe.inputs), ["x"], "names of the inputs")


@promise("signatures/scalars-have-rank-zero")
def test_scalars_have_rank_zero(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.scalar()) as exe:
        for spec in (*exe.inputs, *exe.outputs):
            check.equal(spec.shape, (), f"shape of {spec.name!r}")
