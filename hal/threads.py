"""What `hal.executable` needs where several threads meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from time import sleep
from typing import Any

from hal.errors import HALError
from hal.tensor import Value


class Chained(Future[dict[str, Any]]):
    """A future in our words over a device's own."""

    def __init__(
        self,
        inner: Future[Sequence[Value]],
        named: Callable[[Sequence[Value]], dict[str, Any]],
        translated_error: Callable[[Exception], HALError],
    ) -> None:
        super().__init__()
        self._inner = inner
        self._named = named
        self._translated = translated_error
        inner.add_done_callback(self._finish)

    def cancel(self) -> bool:
        """Cancel the run if it still waits in the device's queue."""
        return self._inner.cancel() and super().cancel()

    def _finish(self, inner: Future[Sequence[Value]]) -> None:
        if inner.cancelled():
            super().cancel()
        if not self.set_running_or_notify_cancel():
            return
        try:
            named = self._named(inner.result())
        except Exception as error:  # noqa: BLE001  it is the future's, whatever it is
            ours = self._translated(error)
            if ours is not error:
                ours.__cause__ = error
            self.set_exception(ours)
        except BaseException as error:  # noqa: BLE001  handed to the caller's thread
            self.set_exception(error)
        else:
            self.set_result(named)


class Crowd(AbstractContextManager[None]):
    """Stands for the lock of a program that may be run by several threads at once."""

    def __init__(self) -> None:
        self._inside: list[None] = []

    def __enter__(self) -> None:
        self._inside.append(None)

    def __exit__(self, *_: object) -> None:
        self._inside.pop()

    def wait(self) -> None:
        """Until all who are inside have left."""
        while self._inside:
            sleep(0.001)
