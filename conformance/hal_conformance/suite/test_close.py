"""Closing: once is enough, twice is harmless, and nothing works afterwards."""

from __future__ import annotations

from hal.errors import InputError
from hal.executable import Executable
from hal.tensor import Array
from hal_conformance.suite import check
from hal_conformance.suite.fixtures import Again
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


@promise("close/twice-is-harmless")
def test_closing_twice_is_harmless(again: Again, zoo: Zoo, feeds: dict[str, Array]) -> None:
    device = again()
    exe = device.compile(zoo.arithmetic())
    exe(feeds)
    exe.close()
    exe.close()
    device.close()
    device.close()


@promise("close/nothing-works-afterwards")
def test_a_closed_executable_refuses_everything(
    exe: Executable, feeds: dict[str, Array]
) -> None:
    exe.close()
    with check.refuses(InputError, what="a run of a closed executable", saying="closed"):
        exe(feeds)
    with check.refuses(InputError, what="a submission to a closed executable", saying="closed"):
        exe.submit(feeds)
    for name, power in (
        ("bind", lambda: exe.bind(feeds)),
        ("save", exe.save),
        ("placement", exe.placement),
    ):
        with check.refuses(InputError, what=f"{name} of a closed executable", saying="closed"):
            power()


@promise("close/a-device-closes-its-executables")
def test_a_closing_device_closes_its_executables(
    again: Again, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    with again() as device:
        exe = device.compile(zoo.arithmetic())
        exe(feeds)
    with check.refuses(InputError, what="a run after the device closed", saying="closed"):
        exe(feeds)
    with check.refuses(InputError, what="a compilation on a closed device", saying="closed"):
        device.compile(zoo.arithmetic())
