"""Broken and hostile models: a clean error of the right class, through the shell and below it.

`_refused` goes both ways. Where the shell answers first (`shell_only`), an adapter may take the
model below it: it has been told nothing wrong; what it may not do is crash, hang, or raise an
exception that its `translate` cannot name.
"""

from __future__ import annotations

import os
from pathlib import Path

from hal.device import Device
from hal.errors import (
    CompileError,
    ExecutionError,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)
from hal.spec import TensorSpec
from hal.tensor import Array
from hal_conformance.suite import check, hostile
from hal_conformance.suite.fixtures import Raw
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import Skip, promise

INVALID = (InputError, CompileError, ExecutionError, Unsupported)
"""A malformed graph: vendors know it as bad input, as their compiler's failure, or at run."""

TOO_BIG = (*INVALID, OutOfMemory)


@promise("hostile/truncated")
def test_a_truncated_model_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    for cut in hostile.prefixes(zoo):
        _refused(device, raw, cut, InputError, what=f"the first {len(cut)} bytes of a model")


@promise("hostile/not-a-model")
def test_bytes_that_are_no_model_are_refused(device: Device, raw: Raw) -> None:
    for number, data in enumerate(hostile.noise()):
        _refused(device, raw, data, InputError, what=f"noise {number}")


@promise("hostile/cyclic")
def test_a_cyclic_graph_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    _refused(device, raw, hostile.cyclic(zoo), *INVALID, what="a cyclic graph")


@promise("hostile/unknown-operator")
def test_an_unknown_operator_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.unknown_operator(zoo)
    _refused(device, raw, model, Unsupported, InputError, what="an unknown operator")


@promise("hostile/unknown-domain")
def test_an_unknown_domain_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.unknown_domain(zoo)
    _refused(device, raw, model, Unsupported, InputError, what="an unknown domain")


@promise("hostile/opset-999")
def test_opset_999_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.opset(zoo, 999)
    _refused(device, raw, model, Unsupported, InputError, what="opset 999", shell_only=True)


@promise("hostile/missing-initialiser")
def test_a_missing_initialiser_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.missing_initialiser(zoo)
    _refused(device, raw, model, *INVALID, what="a weight that is nowhere")


@promise("hostile/missing-output")
def test_an_output_that_nobody_makes_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.missing_output(zoo)
    _refused(device, raw, model, *INVALID, what="an output that no node makes")


@promise("hostile/repeated-name")
def test_a_name_made_twice_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.repeated_name(zoo)
    _refused(device, raw, model, *INVALID, what="a value that two nodes make")


@promise("hostile/mixed-types")
def test_an_addition_of_mixed_types_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    if device.info.dtypes and "bool" not in device.info.dtypes:
        raise Skip("the device does not claim bool")
    model = hostile.mixed_types(zoo)
    _refused(device, raw, model, *INVALID, what=f"{zoo.dtype} + bool")


@promise("hostile/huge-declared-shape")
def test_a_huge_declared_shape_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.huge_initialiser(zoo)
    _refused(device, raw, model, *TOO_BIG, what="a weight of 2**62 elements in four bytes")


@promise("hostile/short-initialiser")
def test_a_short_initialiser_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.short_initialiser(zoo)
    _refused(device, raw, model, *INVALID, what="a weight of four elements that brings one")


@promise("hostile/negative-dimension")
def test_a_negative_dimension_is_refused(device: Device, raw: Raw, zoo: Zoo) -> None:
    model = hostile.negative_initialiser(zoo)
    _refused(device, raw, model, *TOO_BIG, what="a weight of minus four elements")


@promise("hostile/external-data-outside")
def test_external_data_outside_the_folder_is_refused(
    device: Device, raw: Raw, zoo: Zoo, folder: Path
) -> None:
    inside = folder / "model"
    inside.mkdir()
    secret = hostile.weight_file(zoo, folder / "secret.bin")
    for number, location in enumerate(("../secret.bin", str(secret), "x/../../secret.bin")):
        path = hostile.external(zoo, inside, location, f"{number}.onnx")
        _refused(device, raw, path, InputError, what=f"external data at {location!r}")
    if hasattr(os, "symlink"):
        (inside / "link.bin").symlink_to(secret)
        path = hostile.external(zoo, inside, "link.bin", "link.onnx")
        _refused(
            device, raw, path, InputError, what="a link out of the folder", shell_only=True
        )


@promise("hostile/external-data-missing")
def test_external_data_that_is_not_there_is_refused(
    device: Device, raw: Raw, zoo: Zoo, folder: Path
) -> None:
    path = hostile.external(zoo, folder, "nowhere.bin")
    _refused(device, raw, path, *INVALID, what="external data that is not there")


def _refused(
    device: Device,
    raw: Raw,
    source: bytes | Path,
    *kinds: type[HALError],
    what: str,
    shell_only: bool = False,
) -> None:
    """The shell refuses the model with one of `kinds`; the adapter alone refuses it cleanly."""
    with check.refuses(*kinds, what=what), device.compile(source) as exe:
        exe({spec.name: _ones(device, spec) for spec in exe.inputs})
    refusal = raw.attempt(source)
    if refusal is None and not shell_only:
        raise AssertionError(f"{what}: refused by the shell, but below it the adapter took it")


def _ones(device: Device, spec: TensorSpec) -> Array:
    zoo = Zoo.of(device.info)
    return zoo.array([1] * 4) if spec.shape == (4,) else zoo.feeds()["left"]
