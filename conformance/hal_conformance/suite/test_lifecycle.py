"""Devices and executables come, work side by side, and go."""

from __future__ import annotations

from pathlib import Path

import onnx

from hal.device import Device
from hal.errors import HALError
from hal.tensor import Array
from hal_conformance.suite import check, hostile
from hal_conformance.suite.complaint import complaint
from hal_conformance.suite.fixtures import Again
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


@promise("lifecycle/compile-run-close")
def test_a_model_compiles_runs_and_closes(
    device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    exe = device.compile(zoo.arithmetic())
    check.equal(sorted(exe(feeds)), ["difference", "total"], "outputs of a run")
    exe.close()


@promise("lifecycle/takes-path-bytes-and-message", "computes")
def test_a_model_may_be_a_path_bytes_or_a_message(
    device: Device, zoo: Zoo, feeds: dict[str, Array], folder: Path
) -> None:
    data = zoo.arithmetic()
    path = folder / "model.onnx"
    path.write_bytes(data)
    for source in (data, path, str(path), onnx.ModelProto.FromString(data)):
        with device.compile(source) as exe:
            check.same_all(exe(feeds), zoo.arithmetic_of(feeds))


@promise("lifecycle/reads-external-data", "computes")
def test_weights_beside_the_model_are_read(device: Device, zoo: Zoo, folder: Path) -> None:
    hostile.weight_file(zoo, folder / "weights.bin")
    path = hostile.external(zoo, folder, "weights.bin")
    with device.compile(path) as exe:
        check.same(exe({"x": zoo.array([1, 2, 3, 4])})["y"], zoo.array([2, 3, 4, 5]), "y")


@promise("lifecycle/executables-are-independent", "computes")
def test_executables_of_one_device_do_not_mix(device: Device, zoo: Zoo) -> None:
    x = zoo.array([1, 2, 3, 4])
    with device.compile(zoo.shifted(5)) as five, device.compile(zoo.shifted(9)) as nine:
        for _ in range(3):
            check.same(five({"x": x})["y"], zoo.array([6, 7, 8, 9]), "x + 5")
            check.same(nine({"x": x})["y"], zoo.array([10, 11, 12, 13]), "x + 9")


@promise("lifecycle/closing-one-leaves-the-others", "computes")
def test_closing_an_executable_leaves_the_others(device: Device, zoo: Zoo) -> None:
    x = zoo.array([1, 2, 3, 4])
    with device.compile(zoo.shifted(5)) as kept:
        device.compile(zoo.shifted(9)).close()
        check.same(kept({"x": x})["y"], zoo.array([6, 7, 8, 9]), "x + 5")


@promise("lifecycle/compiles-again-after-close", "computes")
def test_a_closed_model_can_be_compiled_again(
    device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    for _ in range(2):
        with device.compile(zoo.arithmetic()) as exe:
            check.same_all(exe(feeds), zoo.arithmetic_of(feeds))


@promise("lifecycle/survives-a-refused-model", "computes")
def test_a_refused_model_leaves_the_device_usable(
    device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    def use() -> None:
        with device.compile(zoo.arithmetic()) as exe:
            check.same_all(exe(feeds), zoo.arithmetic_of(feeds))

    use()
    with check.refuses(HALError, what="an unknown operator"):
        device.compile(hostile.unknown_operator(zoo))(feeds)
    check.equal(complaint(use), None, "the same model after another was refused")


@promise("lifecycle/closing-a-device-leaves-the-others", "computes")
def test_closing_a_device_leaves_other_devices_open(
    device: Device, zoo: Zoo, feeds: dict[str, Array], again: Again
) -> None:
    with device.compile(zoo.arithmetic()) as exe:
        again().close()
        check.same_all(exe(feeds), zoo.arithmetic_of(feeds))
    with device.compile(zoo.arithmetic()) as exe:
        check.same_all(exe(feeds), zoo.arithmetic_of(feeds))
