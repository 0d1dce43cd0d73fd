"""A case's answers, as a device that has run already.

    ops/Add/14/float32/plain/test_data_set_0/output_0.pb     or .npy, or outputs.json
    ops/Add/14/float32/plain/status.txt                      where there is none

The first line of status.txt is one word of `WORDS`, after "crashed" perhaps the number of the
signal; the other lines are the reason. Outputs of the data sets before the one that went wrong
may be there too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hal import exchange
from hal.adapter import Adapter, Program
from hal.errors import (
    CompileError,
    DeviceLost,
    ExecutionError,
    HALError,
    InputError,
    OutOfMemory,
    Unsupported,
)
from hal.spec import CompileOptions, DeviceInfo
from hal.tensor import Feeds, Value
from hal_conformance.offline.lab import ADAPTER

if TYPE_CHECKING:
    from hal.model import Model

STATUS = "status.txt"


@dataclass(frozen=True, slots=True)
class Status:
    """What a lab says of a case without an answer."""

    word: str
    signal: int | None
    reason: str

    @classmethod
    def read(cls, case: Path) -> Status | None:
        """The status in a case's folder; None where there is none.

        Raises:
            InputError: its first line is none of the words.
        """
        path = case / STATUS
        if not path.is_file():
            return None
        first, _, reason = path.read_text("utf-8", "replace").partition("\n")
        word, _, number = first.strip().partition(" ")
        if word not in WORDS or not (not number or (word == "crashed" and number.isdecimal())):
            raise InputError(
                f"{path} begins with {first.strip()!r}; it begins with one of "
                f"{', '.join(WORDS)} (crashed 11: by that signal), the reason on the next lines"
            )
        return cls(word, int(number) if number else None, reason.strip())

    def error(self, *, ran: bool) -> HALError:
        """The error that a device of ours would have raised, compiling or running."""
        return WORDS[self.word](self, ran)


def _failed(status: Status, ran: bool) -> HALError:
    kind = ExecutionError if ran else CompileError
    return kind(status.reason or "it failed, the lab says, and no more")


WORDS: Mapping[str, Callable[[Status, bool], HALError]] = {
    "refused": lambda s, _: Unsupported(s.reason or "refused, the lab says, and no more"),
    "failed": _failed,
    "crashed": lambda s, _: DeviceLost(s.reason or "it crashed", signal=s.signal),
    "hung": lambda s, _: DeviceLost(s.reason or "it did not end", timed_out=True),
    "out-of-memory": lambda s, _: OutOfMemory(s.reason or "it ran out of memory"),
}
"""By word: the error that it stands for; GAP, ERROR, CRASH, HANG and OOM in results."""


def is_answered(case: Path) -> bool:
    """Whether there is anything to judge in a case's folder."""
    return (case / STATUS).is_file() or any(
        exchange.is_there(data, "output") for data in case.glob("test_data_set_*")
    )


class Answers(Adapter):
    """The device that gave the answers in one case's folder."""

    name: ClassVar[str] = ADAPTER

    def __init__(self, case: Path, info: DeviceInfo) -> None:
        self._case = case
        self._info = info

    def probe(self) -> Sequence[DeviceInfo]:
        return [self._info]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:  # noqa: ARG002  an Adapter's
        status = Status.read(self._case)
        if status and not exchange.is_there(self._case / "test_data_set_0", "output"):
            raise status.error(ran=False)
        return _Answered(self._case, model, status)


class _Answered(Program):
    """Gives the answers to one data set after another; feeds are not looked at."""

    def __init__(self, case: Path, model: Model, status: Status | None) -> None:
        # What was fed is the lab's affair: no shape is checked here.
        self.inputs = tuple(replace(spec, shape=None) for spec in model.facts.inputs)
        self.outputs = model.facts.outputs
        self._case = case
        self._status = status
        self._runs = 0

    def run(self, feeds: Feeds) -> Sequence[Value]:  # noqa: ARG002  a Program's
        data = self._case / f"test_data_set_{self._runs}"
        self._runs += 1
        if exchange.is_there(data, "output"):
            return exchange.read(data, "output", self.outputs)
        if self._status:
            raise self._status.error(ran=True)
        raise HALError(f"no outputs were handed in for {data.name}, and no {STATUS}")
