"""Telling how far a run is, on stderr: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack
from threading import Lock
from time import monotonic
from typing import Any, Protocol, TextIO

EVERY_S = 5.0


class Progress(Protocol):
    """Told of every case that ends, from any thread; draws when `tick` is called.

    `note` passes on what the user should know meanwhile, from any thread.
    """

    def begin(self, total: int, done: int) -> None: ...
    def ended(self, record: dict[str, Any]) -> None: ...
    def note(self, text: str) -> None: ...
    def tick(self) -> None: ...
    def close(self) -> None: ...


class Tally:
    """How far the run is, and how long the rest will take at this pace."""

    def __init__(self) -> None:
        self.total = 0
        self.done = 0
        self.outcomes: Counter[str] = Counter()
        self._before = 0
        self._started = monotonic()
        self._mutex = Lock()

    def begin(self, total: int, done: int) -> None:
        """Start the clock; `done` cases ended in earlier sessions."""
        self.total, self.done, self._before = total, done, done
        self._started = monotonic()

    def ended(self, record: dict[str, Any]) -> None:
        """Count one case."""
        with self._mutex:
            self.done += 1
            self.outcomes[record["outcome"]] += 1

    def remaining_s(self) -> float | None:
        """Seconds to the end at the pace so far; None before the first case ended."""
        here = self.done - self._before
        if here <= 0:
            return None
        return (monotonic() - self._started) / here * (self.total - self.done)

    def line(self) -> str:
        """All of it in one line."""
        share = 100 * self.done // self.total if self.total else 100
        with self._mutex:
            counts = ", ".join(f"{n} {name}" for name, n in self.outcomes.most_common())
        left = self.remaining_s()
        eta = "" if left is None or self.done >= self.total else f"; {clock(left)} left"
        return f"{self.done}/{self.total} cases, {share}%: {counts or 'none yet'}{eta}"


class Lines:
    """A line every few seconds, for logs."""

    def __init__(self, stream: TextIO | None = None, every_s: float = EVERY_S) -> None:
        self._stream = stream or sys.stderr
        self._every_s = every_s
        self._tally = Tally()
        self._last = monotonic()
        self.ended = self._tally.ended

    def begin(self, total: int, done: int) -> None:
        self._tally.begin(total, done)
        self._last = monotonic()
        again = f", {done} of them done already" if done else ""
        self._say(f"{total} cases{again}")

    def tick(self) -> None:
        if monotonic() - self._last >= self._every_s:
            self._last = monotonic()
            self._say(self._tally.line())

    def note(self, text: str) -> None:
        self._say(text)

    def close(self) -> None:
        if self._tally.outcomes:
            self._say(self._tally.line())

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Bar:
    """A bar that is drawn over itself, for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._tally = Tally()
        self.ended = self._tally.ended
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"))
        self._stack = ExitStack()
        self._bar = RichProgress(*columns, console=Console(stderr=True), auto_refresh=False)
        self._task = self._bar.add_task("cases", total=None, said="")

    def begin(self, total: int, done: int) -> None:
        self._tally.begin(total, done)
        self._bar.update(self._task, total=total, completed=done)
        self._stack.enter_context(self._bar)

    def tick(self) -> None:
        said = self._tally.line().partition(": ")[2]
        self._bar.update(self._task, completed=self._tally.done, said=said)
        self._bar.refresh()

    def note(self, text: str) -> None:
        self._bar.console.print(text, markup=False)

    def close(self) -> None:
        self.tick()
        self._stack.close()


class Preparing:
    """Tells how many cases of the corpus are made, a line every few seconds."""

    def __init__(self, stream: TextIO | None = None, every_s: float = EVERY_S) -> None:
        self._stream = stream or sys.stderr
        self._every_s = every_s
        self._last = monotonic() - every_s + 1.0  # the first line after a second

    def __call__(self, done: int, total: int) -> None:
        if monotonic() - self._last >= self._every_s:
            self._last = monotonic()
            print(
                f"making what the cases need, once: {done} of {total}",
                file=self._stream,
                flush=True,
            )


class Silent:
    """Nothing at all."""

    def begin(self, total: int, done: int) -> None: ...
    def ended(self, record: dict[str, Any]) -> None: ...
    def note(self, text: str) -> None: ...
    def tick(self) -> None: ...
    def close(self) -> None: ...


def of_stderr() -> Progress:
    """The one that suits where stderr goes."""
    return Bar() if sys.stderr.isatty() else Lines()


def clock(seconds: float) -> str:
    """A duration as 0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
