"""What a device leaves alone: the process it is a guest in."""

from __future__ import annotations

import os
import random
import signal

import numpy as np

from hal.printed import captured_stdout
from hal_conformance.suite import check
from hal_conformance.suite.fixtures import Again
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


def _live(again: Again, zoo: Zoo) -> None:
    """Everything a device does in its life."""
    with again() as device, device.compile(zoo.arithmetic()) as exe:
        exe(zoo.feeds())


@promise("process/prints-nothing-on-stdout")
def test_nothing_is_printed_on_stdout(again: Again, zoo: Zoo) -> None:
    with captured_stdout() as printed:
        _live(again, zoo)
    check.equal(printed(), b"", "bytes on stdout")


@promise("process/leaves-stdout-open")
def test_stdout_stays_open(again: Again, zoo: Zoo) -> None:
    before = _stdout("before the device was used")
    kept = os.dup(1)  # so that a closed descriptor can be put back
    try:
        _live(again, zoo)
        check.equal(_stdout("by the device") == before, True, "descriptor 1 is what it was")
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _stdout(blamed: str) -> tuple[int, int]:
    """What descriptor 1 is open on."""
    try:
        found = os.fstat(1)
    except OSError as error:
        raise AssertionError(f"descriptor 1 was closed {blamed}: {error}") from error
    return found.st_dev, found.st_ino


@promise("process/does-not-exit")
def test_the_process_goes_on(again: Again, zoo: Zoo) -> None:
    try:
        _live(again, zoo)
    except SystemExit as end:
        raise AssertionError(f"the adapter called exit({end.code!r})") from end


@promise("process/leaves-folder-and-signals")
def test_folder_and_signal_handlers_stay(again: Again, zoo: Zoo) -> None:
    folder, handlers = os.getcwd(), [signal.getsignal(number) for number in _SIGNALS]
    try:
        _live(again, zoo)
        check.equal(os.getcwd(), folder, "working folder")
        after = [signal.getsignal(number) for number in _SIGNALS]
        check.equal(after, handlers, "signal handlers")
    finally:
        os.chdir(folder)


@promise("process/leaves-random-numbers")
def test_random_numbers_stay_reproducible(again: Again, zoo: Zoo) -> None:
    before = random.getstate(), _numpy_state()
    _live(again, zoo)
    after = random.getstate(), _numpy_state()
    check.equal(after == before, True, "the state of random and numpy.random is what it was")


def _numpy_state() -> str:
    return repr(np.random.get_state(legacy=False))


@promise("process/keeps-small-numbers")
def test_the_callers_thread_keeps_denormal_numbers(again: Again, zoo: Zoo) -> None:
    tiny = np.array([1e-310, 3e-320])
    _live(again, zoo)
    check.same(tiny * np.array([0.5, 0.5]) > 0, np.array([True, True]), "half a denormal > 0")


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
