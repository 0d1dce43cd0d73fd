"""Dimensions: symbols that change between runs, and symbols that are bound."""

from __future__ import annotations

from hal.device import Device
from hal.errors import InputError
from hal_conformance.suite import check
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


@promise("shapes/change-between-runs", "computes", "dynamic_shapes")
def test_a_dimension_may_change_between_runs(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.arithmetic("N")) as exe:
        for rows in (2, 5, 1, 5, 2, 13):
            feeds = zoo.feeds(rows)
            check.same_all(exe(feeds), zoo.arithmetic_of(feeds), f"output for N = {rows},")


@promise("shapes/zero-rows", "computes", "dynamic_shapes")
def test_a_dimension_may_become_zero(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.arithmetic("N")) as exe:
        for rows in (2, 0, 3):
            feeds = zoo.feeds(rows)
            check.same_all(exe(feeds), zoo.arithmetic_of(feeds), f"output for N = {rows},")


@promise("shapes/bound-dimensions", "computes")
def test_a_bound_dimension_is_fixed(device: Device, zoo: Zoo) -> None:
    feeds = zoo.feeds(rows=2)
    with device.compile(zoo.arithmetic("N"), dimensions={"N": 2}) as exe:
        check.equal(exe.inputs[0].shape, (2, 3), "shape of an input with N = 2")
        check.same_all(exe(feeds), zoo.arithmetic_of(feeds))
        with check.refuses(InputError, what="three rows where N = 2"):
            exe(zoo.feeds(rows=3))
