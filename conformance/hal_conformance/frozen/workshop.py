"""Processes that make parts, side by side; they end with this one, however it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from types import TracebackType

from hal_conformance.corpus.values import CorpusError
from hal_conformance.frozen.making import Order
from hal_conformance.making import ENVIRONMENT, Progress


class Workshop:
    """A context manager: as many processes as there are jobs, started when needed."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        self._all: list[_Process] = []
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="hal-make")
        self._mutex = threading.Lock()

    def __enter__(self) -> Workshop:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=error is None, cancel_futures=True)
        for process in self._all:
            process.end()
        self._pool.shutdown(wait=True)

    def make(self, orders: Sequence[Order], progress: Progress) -> Iterator[list[str]]:
        """Carry out all orders, and give each one's answer as it comes.

        Raises:
            CorpusError: one could not be carried out.
        """
        futures = [self._pool.submit(self._carry_out, order) for order in orders]
        for done, future in enumerate(as_completed(futures), 1):
            yield future.result()
            progress(done, len(futures))

    def _carry_out(self, order: Order) -> list[str]:
        process = self._process()
        answer = process.ask(order)
        self._idle.put(process)
        return answer

    def _process(self) -> _Process:
        with self._mutex:
            if not self._idle.empty():
                return self._idle.get()
            process = _Process()
            self._all.append(process)
            return process


class _Process:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hal_conformance.frozen.making"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT},
            text=True,
        )

    def ask(self, order: Order) -> list[str]:
        """The answer to an order."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(order.to_line() + "\n")
            stdin.flush()
            line = stdout.readline()
        except OSError:
            line = ""
        if not line:
            ended = self._process.wait()
            raise CorpusError(f"{order.part} could not be made: its process ended ({ended})")
        answer = json.loads(line)
        if "error" in answer:
            raise CorpusError(f"{order.part} could not be made:\n{answer['error']}")
        lines: list[str] = answer["lines"]
        return lines

    def end(self) -> None:
        """End it."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
