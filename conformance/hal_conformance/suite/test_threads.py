"""Calls from several threads are legal, whatever the device claims."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hal.device import Device
from hal.errors import InputError
from hal.executable import Executable
from hal_conformance.suite import check
from hal_conformance.suite.crowd import at_once, for_a_while
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise

_THREADS = 4
_RUNS = 25


@promise("threads/one-executable", "computes")
def test_threads_may_share_an_executable(exe: Executable, zoo: Zoo) -> None:
    def job(start: int) -> Callable[[], None]:
        def run() -> None:
            feeds = zoo.feeds(start=start)
            for _ in range(_RUNS):
                check.same_all(exe(feeds), zoo.arithmetic_of(feeds), f"thread {start}'s output")

        return run

    at_once([job(start) for start in range(_THREADS)])


@promise("threads/an-executable-each", "computes")
def test_threads_may_run_executables_of_their_own(device: Device, zoo: Zoo) -> None:
    def job(by: int) -> Callable[[], None]:
        def run() -> None:
            x = zoo.array([1, 2, 3, 4])
            with device.compile(zoo.shifted(by)) as exe:
                for _ in range(_RUNS):
                    check.same(
                        exe({"x": x})["y"],
                        zoo.array([1, 2, 3, 4]) + x.dtype.type(by),
                        f"x + {by}",
                    )

        return run

    at_once([job(by) for by in range(1, _THREADS + 1)])


@promise("threads/compile-beside-a-run", "computes")
def test_compiling_does_not_disturb_runs(exe: Executable, device: Device, zoo: Zoo) -> None:
    done = threading.Event()

    def compile_others() -> None:
        try:
            for by in for_a_while(10):
                device.compile(zoo.shifted(by)).close()
        finally:
            done.set()

    def run() -> None:
        feeds = zoo.feeds()
        while not done.is_set():
            check.same_all(exe(feeds), zoo.arithmetic_of(feeds))

    at_once([run, compile_others])


@promise("threads/close-beside-a-run", "computes")
def test_closing_beside_runs_ends_them_cleanly(device: Device, zoo: Zoo) -> None:
    for _ in for_a_while(10):
        exe = device.compile(zoo.arithmetic())
        begun = threading.Event()

        def run(exe: Executable = exe, begun: threading.Event = begun) -> None:
            feeds = zoo.feeds()
            while True:
                try:
                    results = exe(feeds)
                except InputError:  # closed; that is how it should end
                    return
                begun.set()
                check.same_all(results, zoo.arithmetic_of(feeds))

        def close(exe: Executable = exe, begun: threading.Event = begun) -> None:
            begun.wait(5)
            exe.close()

        at_once([run, run, run, close])
