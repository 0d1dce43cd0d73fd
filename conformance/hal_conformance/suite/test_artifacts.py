"""Saved programs: they come back as they were, or not at all."""

from __future__ import annotations

from dataclasses import replace

from hal import artifact
from hal.device import Device
from hal.errors import ArtifactError
from hal.executable import Executable
from hal.tensor import Array
from hal_conformance.suite import check
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


@promise("artifacts/round-trip", "computes", "save")
def test_a_saved_program_computes_the_same(
    exe: Executable, device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    with device.load(exe.save()) as loaded:
        check.same_all(loaded(feeds), zoo.arithmetic_of(feeds))


@promise("artifacts/keep-the-signature", "save")
def test_a_saved_program_keeps_its_signature(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.unsorted()) as exe, device.load(exe.save()) as loaded:
        check.equal(loaded.inputs, exe.inputs, "inputs of the loaded program")
        check.equal(loaded.outputs, exe.outputs, "outputs of the loaded program")


@promise("artifacts/outlive-the-original", "computes", "save")
def test_a_saved_program_outlives_its_original(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.shifted(5)) as exe:
        saved = exe.save()
    with device.load(saved) as loaded:
        y = loaded({"x": zoo.array([1, 2, 3, 4])})["y"]
    check.same(y, zoo.array([6, 7, 8, 9]), "x + 5, revived after its original was closed")


@promise("artifacts/damaged-are-refused", "save")
def test_a_damaged_artifact_is_refused(exe: Executable, device: Device) -> None:
    saved = exe.save()
    for place in range(0, len(saved), max(1, len(saved) // 24)):
        damaged = bytearray(saved)
        damaged[place] ^= 0x55
        with check.refuses(ArtifactError, what=f"an artifact with byte {place} changed"):
            device.load(bytes(damaged)).close()
    for kept in (0, 1, 8, 12, len(saved) // 2, len(saved) - 1):
        with check.refuses(ArtifactError, what=f"the first {kept} bytes of an artifact"):
            device.load(saved[:kept]).close()


@promise("artifacts/foreign-are-refused", "save")
def test_an_artifact_of_another_device_is_refused(exe: Executable, device: Device) -> None:
    header, blob = artifact.read(exe.save())
    here = device.info
    for elsewhere in (
        replace(here, sdk=f"{here.sdk}.1"),
        replace(here, driver=f"{here.driver}.1"),
        replace(here, id=f"{here.id}.1"),
        replace(here, name=f"{here.name} II"),
    ):
        foreign = artifact.pack(
            blob,
            header.adapter,
            header.adapter_version,
            elsewhere,
            header.model,
            header.options,
        )
        with check.refuses(ArtifactError, what="an artifact of another device"):
            device.load(foreign).close()
    stranger = artifact.pack(blob, "stranger", "1", here, header.model, header.options)
    with check.refuses(ArtifactError, what="an artifact of another adapter"):
        device.load(stranger).close()
