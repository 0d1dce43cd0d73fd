"""What a run returns: the right values, under the right names, owned by the caller."""

from __future__ import annotations

import numpy as np

from hal.device import Device
from hal.errors import ExecutionError, InputError, Unsupported
from hal.executable import Executable
from hal.tensor import Array
from hal_conformance.suite import check
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import Skip, promise

LARGE = 100_000
"""Rows of results that are given back to the system when they are freed: to read one that
points there is a crash, where a small one may keep its values for a while."""


@promise("results/by-name-in-model-order")
def test_results_come_by_name_in_the_order_of_the_model(device: Device, zoo: Zoo) -> None:
    feeds = {"b": zoo.array([1, 2]), "c": zoo.array([3, 4, 5]), "a": zoo.array([6])}
    with device.compile(zoo.unsorted()) as exe:
        check.equal(list(exe(feeds)), ["z", "x", "y"], "names of the results")


@promise("results/values", "computes")
def test_results_are_right(exe: Executable, zoo: Zoo, feeds: dict[str, Array]) -> None:
    check.same_all(exe(feeds), zoo.arithmetic_of(feeds))


@promise("results/belong-to-their-names", "computes")
def test_each_name_has_its_own_result(device: Device, zoo: Zoo) -> None:
    feeds = {"b": zoo.array([1, 2]), "c": zoo.array([3, 4, 5]), "a": zoo.array([6])}
    with device.compile(zoo.unsorted()) as exe:
        promised = {"z": zoo.array([2, 4]), "x": zoo.array([6, 8, 10]), "y": zoo.array([12])}
        check.same_all(exe(feeds), promised)


@promise("results/declared-type")
def test_results_have_the_declared_type(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    for name, array in exe(feeds).items():
        check.equal(array.dtype, zoo.dtype.numpy, f"dtype of {name!r}")


@promise("results/declared-shape")
def test_results_have_the_declared_shape(device: Device, zoo: Zoo) -> None:
    feeds = zoo.feeds(rows=1)
    with device.compile(zoo.arithmetic(1)) as exe:
        for name, array in exe(feeds).items():
            check.equal(array.shape, (1, 3), f"shape of {name!r}")


@promise("results/survive-the-next-run", "computes")
def test_results_survive_the_next_run(exe: Executable, zoo: Zoo) -> None:
    feeds = zoo.feeds()
    first = exe(feeds)
    exe(zoo.feeds(start=30))
    check.same_all(first, zoo.arithmetic_of(feeds), "earlier result")


@promise("results/survive-close", "computes")
def test_results_survive_the_executable(device: Device, zoo: Zoo) -> None:
    feeds = zoo.feeds()
    with device.compile(zoo.arithmetic()) as exe:
        results = exe(feeds)
    with device.compile(zoo.arithmetic()) as other:
        other(zoo.feeds(start=30))
    check.same_all(results, zoo.arithmetic_of(feeds), "result of a closed executable")


@promise("results/large-ones-survive-close", "computes")
def test_large_results_lie_in_memory_that_somebody_owns(device: Device, zoo: Zoo) -> None:
    feeds = zoo.feeds(rows=LARGE)
    with device.compile(zoo.arithmetic(LARGE)) as exe:
        results = exe(feeds)
        exe(zoo.feeds(rows=LARGE, start=30))
    check.same_all(results, zoo.arithmetic_of(feeds), "large result of a closed executable")


@promise("results/do-not-alias-the-feeds", "computes")
def test_results_do_not_change_with_the_feeds(device: Device, zoo: Zoo) -> None:
    x = zoo.array([1, 2, 3, 4])
    with device.compile(zoo.twins()) as exe:
        results = exe({"x": x})
        x[:] = 0
        for name in ("first", "second"):
            check.same(results[name], zoo.array([1, 2, 3, 4]), f"{name!r} after x changed")


@promise("results/do-not-alias-each-other")
def test_results_do_not_share_memory(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.twins()) as exe:
        results = exe({"x": zoo.array([1, 2, 3, 4])})
        shared = np.shares_memory(results["first"], results["second"])
        check.equal(shared, False, "two results share memory")


@promise("results/can-be-written-to")
def test_results_can_be_written_to(exe: Executable, feeds: dict[str, Array]) -> None:
    for name, array in exe(feeds).items():
        check.equal(array.flags.writeable, True, f"{name!r} is writable")


@promise("results/are-no-loan-of-the-model", "computes")
def test_writing_to_a_result_does_not_change_the_model(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.constant()) as exe:
        borrowed = exe({})["y"]
        if borrowed.flags.writeable:
            borrowed[:] = 0
        check.same(exe({})["y"], zoo.array([1, 2, 3, 4]), "constant after a result was changed")


@promise("results/of-a-model-without-inputs", "computes")
def test_a_model_without_inputs_runs(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.constant()) as exe:
        check.equal(exe.inputs, (), "inputs of a constant model")
        check.same(exe({})["y"], zoo.array([1, 2, 3, 4]), "constant")


@promise("results/survive-a-failed-run", "computes")
def test_a_failed_run_does_not_spoil_the_next(device: Device, zoo: Zoo) -> None:
    if device.info.dtypes and "int64" not in device.info.dtypes:
        raise Skip("shapes are fed as int64, which the device does not claim")
    x = zoo.array(range(6), (2, 3))
    with device.compile(zoo.reshaped()) as exe:
        with check.refuses(
            ExecutionError, InputError, Unsupported, what="6 elements as [4, 4]"
        ):
            exe({"x": x, "shape": np.array([4, 4])})
        check.same(exe({"x": x, "shape": np.array([3, 2])})["y"], x.reshape(3, 2), "y")


@promise("results/sequences-are-lists", "computes")
def test_a_sequence_is_a_list_of_arrays(device: Device, zoo: Zoo) -> None:
    a, b = zoo.array([1, 2]), zoo.array([3, 4])
    with device.compile(zoo.sequence()) as exe:
        check.equal(exe.outputs[0].containers, ("sequence",), "containers of the output")
        items = exe({"a": a, "b": b})["items"]
    check.equal(isinstance(items, list), True, "a sequence is a list")
    check.equal(len(items), 2, "length of the sequence")
    check.same(items[0], a, "first item")
    check.same(items[1], b, "second item")
