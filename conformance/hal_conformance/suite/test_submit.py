"""Queued runs: in order, cancellable while they wait, never lost."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

import numpy as np

from hal.device import Device
from hal.errors import HALError, InputError
from hal.executable import Executable
from hal.tensor import Array
from hal_conformance.suite import check
from hal_conformance.suite.crowd import PATIENCE_S
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import Skip, promise

_QUEUED = 24


@promise("submit/gives-the-result", "computes")
def test_a_submitted_run_gives_its_result(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    check.same_all(exe.submit(feeds).result(PATIENCE_S), zoo.arithmetic_of(feeds))


@promise("submit/in-order", "computes")
def test_submitted_runs_end_in_order(exe: Executable, zoo: Zoo) -> None:
    ended: list[int] = []

    def note(number: int, _: object) -> None:
        ended.append(number)

    given = [zoo.feeds(start=number) for number in range(_QUEUED)]
    futures: list[Future[dict[str, Any]]] = []
    for number, feeds in enumerate(given):
        future = exe.submit(feeds)
        future.add_done_callback(partial(note, number))
        futures.append(future)
    for number, (future, feeds) in enumerate(zip(futures, given, strict=True)):
        promised = zoo.arithmetic_of(feeds)
        check.same_all(future.result(PATIENCE_S), promised, f"run {number}'s output")
    _soon(lambda: len(ended) == _QUEUED)
    check.equal(ended, list(range(_QUEUED)), "order in which the runs ended")


@promise("submit/cancelling-spares-the-others", "computes")
def test_cancelling_affects_only_what_still_waits(exe: Executable, zoo: Zoo) -> None:
    given = [zoo.feeds(start=number) for number in range(_QUEUED)]
    futures = [exe.submit(feeds) for feeds in given]
    said = [future.cancel() if number % 2 else False for number, future in enumerate(futures)]
    for number, (future, feeds) in enumerate(zip(futures, given, strict=True)):
        if said[number]:
            check.equal(future.cancelled(), True, f"run {number}, cancelled, is cancelled")
            continue
        try:
            results = future.result(PATIENCE_S)
        except CancelledError as error:
            raise AssertionError(
                f"run {number} was cancelled, though cancel() "
                f"{'said no' if number % 2 else 'was not called'}"
            ) from error
        check.same_all(results, zoo.arithmetic_of(feeds), f"run {number}'s output")


@promise("submit/close-leaves-nothing-waiting", "computes")
def test_closing_ends_every_queued_run(device: Device, zoo: Zoo) -> None:
    given = [zoo.feeds(start=number) for number in range(_QUEUED)]
    with device.compile(zoo.arithmetic()) as exe:
        futures = [exe.submit(feeds) for feeds in given]
    for number, (future, feeds) in enumerate(zip(futures, given, strict=True)):
        _soon(future.done)
        check.equal(future.done(), True, f"run {number} is done once the executable is closed")
        if not future.cancelled() and future.exception() is None:
            check.same_all(future.result(), zoo.arithmetic_of(feeds), f"run {number}'s output")


@promise("submit/refuses-wrong-feeds-at-once")
def test_wrong_feeds_are_refused_when_submitted(
    exe: Executable, feeds: dict[str, Array]
) -> None:
    with check.refuses(InputError, what="a submitted feed of a wrong shape", saying="left"):
        exe.submit({**feeds, "left": feeds["left"][:1]})


@promise("submit/failures-arrive-in-the-future", "computes")
def test_a_failure_arrives_in_the_future(device: Device, zoo: Zoo) -> None:
    if device.info.dtypes and "int64" not in device.info.dtypes:
        raise Skip("shapes are fed as int64, which the device does not claim")
    x = zoo.array(range(6), (2, 3))
    with device.compile(zoo.reshaped()) as exe:
        future = exe.submit({"x": x, "shape": np.array([4, 4])})
        error = future.exception(PATIENCE_S)
        check.equal(isinstance(error, HALError), True, f"{error!r} is one of our errors")
        good = exe.submit({"x": x, "shape": np.array([3, 2])}).result(PATIENCE_S)
        check.same(good["y"], x.reshape(3, 2), "y of the run after")


def _soon(condition: Any) -> None:
    """Give callbacks of other threads a moment."""
    for _ in range(200):
        if condition():
            return
        threading.Event().wait(0.01)
