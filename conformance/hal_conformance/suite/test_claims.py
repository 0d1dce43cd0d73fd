"""Claims: what a device says of itself, each checked by asking for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hal import dtypes
from hal.device import Device
from hal.errors import InputError, Unsupported
from hal.executable import Executable
from hal.spec import FEATURES
from hal.tensor import Array
from hal_conformance.suite import check
from hal_conformance.suite.complaint import complaint, complaints
from hal_conformance.suite.fixtures import Again
from hal_conformance.suite.models import Zoo, model, node
from hal_conformance.suite.promise import Skip, promise


@promise("claims/known-words")
def test_claims_use_known_words(device: Device) -> None:
    info = device.info
    check.equal(sorted(info.dtypes - dtypes.ALL), [], "claimed types that do not exist")
    check.equal(sorted(info.features - set(FEATURES)), [], "claimed features that do not exist")
    for domain, (low, high) in info.opsets.items():
        check.equal(1 <= low <= high, True, f"{domain!r} opsets {low} to {high} are a range")


@promise("claims/same-device-every-time")
def test_a_device_is_the_same_every_time_it_is_asked(device: Device, again: Again) -> None:
    check.equal(again().info, device.info, "the device asked once more")
    ids = [info.id for info in device.adapter.probe()]
    check.equal(len(ids), len(set(ids)), f"number of different ids in {ids}")


@promise("claims/oldest-opset", "computes")
def test_the_oldest_claimed_opset_works(device: Device, zoo: Zoo) -> None:
    _works_in(device, zoo, _opsets(device)[0])


@promise("claims/newest-opset", "computes")
def test_the_newest_claimed_opset_works(device: Device, zoo: Zoo) -> None:
    _works_in(device, zoo, _opsets(device)[1])


@promise("claims/opsets-outside-are-unsupported")
def test_opsets_outside_the_claim_are_unsupported(device: Device, zoo: Zoo) -> None:
    low, high = _opsets(device)
    for opset in {low - 1, high + 1} - {0}:
        with check.refuses(Unsupported, what=f"opset {opset}, outside {low} to {high}"):
            device.compile(zoo.arithmetic(opset=opset)).close()


@promise("claims/machine-learning-domain", "computes")
def test_the_claimed_machine_learning_opset_works(device: Device, zoo: Zoo) -> None:
    if "ai.onnx.ml" not in device.info.opsets:
        raise Skip("the device does not claim ai.onnx.ml")
    made = model(
        [node("Binarizer", ["x"], ["y"], domain="ai.onnx.ml", threshold=2.0)],
        [("x", "float32", (4,))],
        [("y", "float32", (4,))],
        opset=zoo.opset,
        domains={"ai.onnx.ml": device.info.opsets["ai.onnx.ml"][1]},
    )

    def binarize() -> None:
        with device.compile(made) as exe:
            y = exe({"x": np.array([1, 2, 3, 4], np.float32)})["y"]
        check.same(y, np.array([0, 0, 1, 1], np.float32), "x > 2")

    check.equal(complaint(binarize), None, "claimed opset of ai.onnx.ml")


@promise("claims/arithmetic", "computes")
def test_every_claimed_arithmetic_can_be_asked_for(
    device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    if not device.info.arithmetic:
        raise Skip("the device claims no arithmetic")

    def ask_for(name: str) -> None:
        with device.compile(zoo.arithmetic(), arithmetic=name) as exe:
            check.same_all(exe(feeds), zoo.arithmetic_of(feeds))

    device.compile(zoo.arithmetic()).close()  # refused unasked: a gap, and no false claim
    wrong = complaints(device.info.arithmetic, ask_for)
    check.equal(wrong, {}, "claimed arithmetic that does not work")


@promise("claims/features-answer")
def test_every_claimed_feature_answers(
    exe: Executable, device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    for name, power in _powers(exe, device, zoo, feeds).items():
        if name in device.info.features:
            said = complaint(power)
            check.equal(said, None, f"answer of the claimed feature {name!r}")


@promise("claims/unclaimed-features-are-unsupported")
def test_unclaimed_features_are_unsupported(
    exe: Executable, device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    missing = {
        name: power
        for name, power in _powers(exe, device, zoo, feeds).items()
        if name not in device.info.features
    }
    if not missing:
        raise Skip("the device claims every feature")
    for name, power in missing.items():
        with check.refuses(Unsupported, what=f"the unclaimed feature {name!r}", saying=name):
            power()


@promise("claims/unknown-options-are-refused")
def test_an_unknown_option_is_refused(device: Device, zoo: Zoo) -> None:
    with check.refuses(InputError, what="a compile option that does not exist"):
        device.compile(zoo.arithmetic(), no_such_option=1).close()
    device.compile(zoo.arithmetic()).close()  # refused as it is: a gap, options aside
    with check.refuses(InputError, what="a vendor's option that does not exist"):
        device.compile(zoo.arithmetic(), vendor={"no_such_option": 1}).close()


def _powers(
    exe: Executable, device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> dict[str, Callable[[], Any]]:
    """What each optional feature is asked for with."""
    return {
        "bind": lambda: exe.bind(feeds).close(),
        "placement": exe.placement,
        "profile": lambda: exe.profile(feeds),
        "query": lambda: device.query(zoo.arithmetic()),
        "save": exe.save,
    }


def _opsets(device: Device) -> tuple[int, int]:
    if "" not in device.info.opsets:
        raise Skip("the device claims no range of opsets")
    return device.info.opsets[""]


def _works_in(device: Device, zoo: Zoo, opset: int) -> None:
    """An opset works where an operator of it does: arithmetic, or else moving values.

    Raises:
        Unsupported: the device takes neither in any opset, which says nothing of this one.
    """
    feeds = zoo.feeds()
    try:
        device.compile(zoo.arithmetic()).close()
    except Unsupported:
        device.compile(zoo.twins(zoo.opset)).close()
    said = complaint(lambda: _add_in(device, zoo, opset, feeds))
    if said is not None and complaint(lambda: _move_in(device, zoo, opset)) is None:
        said = None
    check.equal(said, None, f"claimed opset {opset}")


def _move_in(device: Device, zoo: Zoo, opset: int) -> None:
    x = zoo.array([3, 1, 4, 1])
    with device.compile(zoo.twins(opset)) as exe:
        check.same_all(exe({"x": x}), {"first": x, "second": x})


def _add_in(device: Device, zoo: Zoo, opset: int, feeds: dict[str, Array]) -> None:
    with device.compile(zoo.arithmetic(opset=opset)) as exe:
        check.same_all(exe(feeds), zoo.arithmetic_of(feeds))
