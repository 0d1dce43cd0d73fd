"""The runs themselves, inside the worker: the same feeds again and again.

`run_case` is called through `WorkerAdapter.call`; only words travel back, and the first answer
to each data set in a file, for the parent to judge. Each run's outputs are compared bit for bit
with those of the first run on the same feeds, once when they come, once after the next run, and
those of the first runs once more at the end.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from hal.adapter import Adapter
from hal.executable import Executable
from hal.tensor import Value
from hal_conformance.bits import Bits, bits_of, copied, distance, first_difference
from hal_conformance.soak import memory
from hal_conformance.soak.drill import read_drill, write_answers
from hal_conformance.suite.execute import bench_of, target_of

RUNS = 300
THREADS = 4
KEPT = 3  # first runs whose results are looked at again at the end
PATIENCE_S = 60.0  # for the runs of a phase


def run_case(
    adapter: Adapter, target: dict[str, Any], drill: str, answers: str, seed: str
) -> dict[str, Any]:
    """Compile the drill's model and run it `RUNS` times alone, then as often by threads.

    Args:
        adapter: the instance under test; it stays open.
        target: `Target.to_json()`.
        drill: the file that `write_drill` wrote.
        answers: where to write the first answer to each data set.
        seed: decides the order of the data sets.

    Returns:
        What `Endured` has, without the answers, and `compile_s`.

    Raises:
        HALError: the device refused or failed.
    """
    model, datasets = read_drill(Path(drill))
    device = bench_of(adapter, target_of(target)).device
    with device.compile(model) as exe:
        endured = endure(exe, datasets, seed)
    write_answers(Path(answers), endured.answers)
    return {
        "fault": endured.fault,
        "runs": endured.runs,
        "threaded": endured.threaded,
        "grown_bytes": endured.grown_bytes,
        "seconds": endured.seconds,
        "compile_s": exe.compile_seconds,
    }


@dataclass(frozen=True, slots=True)
class Endured:
    """How it went: the first difference in words, and how many runs there were.

    `answers` hold a copy of the outputs of the first run on each data set; `grown_bytes` is
    what a run left behind, None where unknown.
    """

    fault: str | None
    answers: Sequence[Sequence[Value]]
    runs: int
    threaded: int
    grown_bytes: float | None
    seconds: float


def endure(exe: Executable, datasets: Sequence[Mapping[str, Value]], seed: str) -> Endured:
    """Run an executable `RUNS` times from one thread, then as often from several.

    Raises:
        HALError: a run failed.
    """
    started = monotonic()
    watch = Watch(exe, datasets)
    answers = [copied(seen.values) for seen in watch.first]
    runs, grown = watch.alone(seed)
    threaded = 0 if watch.fault else watch.together(seed)
    watch.look_back()
    return Endured(watch.fault, answers, runs, threaded, grown, monotonic() - started)


@dataclass
class Seen:
    """The outputs of one run, as the device returned them, and their bits at that moment."""

    run: int
    dataset: int
    values: Sequence[Value]
    bits: tuple[Bits, ...] = field(repr=False)


class Watch:
    """Runs an executable, and compares whatever it returns with what it returned before.

    `fault` is the first difference there was, in words.
    """

    def __init__(self, exe: Executable, datasets: Sequence[Mapping[str, Value]]) -> None:
        self._exe = exe
        self._datasets = datasets
        self._names = [spec.name for spec in exe.outputs]
        self._mutex = threading.Lock()
        self.fault: str | None = None
        self.first: list[Seen] = []
        for number in range(len(datasets)):
            self.first.append(self._run(number + 1, number))
            self._still(self.first[0])
        self._kept = list(self.first)

    def alone(self, seed: str) -> tuple[int, float | None]:
        """The runs of one thread: how many there were, and the bytes that each left behind."""
        gauge = memory.Gauge(RUNS)
        done = len(self.first)
        last = self.first[-1]
        for dataset in _order(seed, len(self._datasets), RUNS - done):
            seen = self._run(done + 1, dataset)
            done += 1
            self._same(seen, "")
            self._still(last)
            if self.fault:
                break
            last = seen
            if done <= len(self.first) + KEPT:
                self._kept.append(seen)
            gauge.after(done)
        return done, gauge.growth()

    def together(self, seed: str) -> int:
        """The runs of several threads at once: how many there were.

        Raises:
            HALError: a run failed.
        """
        done = [0] * THREADS
        errors: list[Exception] = []
        gate = threading.Barrier(THREADS)

        def run(number: int) -> None:
            gate.wait()
            try:
                done[number] = self._thread(number, seed)
            except Exception as error:  # noqa: BLE001  raised again by the thread that waits
                errors.append(error)

        threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors and not self.fault:
            raise errors[0]
        return sum(done)

    def _thread(self, number: int, seed: str) -> int:
        last: Seen | None = None
        done = 0
        for dataset in _order(f"{seed}/{number}", len(self._datasets), RUNS // THREADS):
            seen = self._run(done + 1, dataset)
            done += 1
            self._same(seen, f" of thread {number + 1} of {THREADS}")
            if last is not None:
                self._still(last)
            if self.fault:
                break
            last = seen
        return done

    def look_back(self) -> None:
        """Compare the results of the first runs once more with what they were."""
        for seen in self._kept:
            self._still(seen)

    def _run(self, run: int, dataset: int) -> Seen:
        values = self._exe.run_values(self._datasets[dataset])
        return Seen(run, dataset, values, bits_of(values))

    def _same(self, seen: Seen, who: str) -> None:
        """Whether a run gave what the first on the same feeds gave."""
        first = self.first[seen.dataset]
        if seen.bits == first.bits:
            return
        at = first_difference(first.bits, seen.bits)
        self._blame(
            f"run {seen.run}{who} differs from run {first.run} on the same feeds: "
            + self._told(at, first.values, seen.values)
        )

    def _still(self, seen: Seen) -> None:
        """Whether a result is what it was when it was returned."""
        now = bits_of(seen.values)
        if now == seen.bits:
            return
        at = first_difference(seen.bits, now)
        self._blame(
            f"the result of run {seen.run} was changed by later runs: "
            f"output {self._name(at)} is no longer what was returned"
        )

    def _told(self, at: int, before: Sequence[Value], now: Sequence[Value]) -> str:
        if at >= min(len(before), len(now)):
            return f"{len(now)} outputs where there were {len(before)}"
        return f"output {self._name(at)}: {distance(before[at], now[at])}"

    def _name(self, number: int) -> str:
        return repr(self._names[number]) if number < len(self._names) else f"#{number}"

    def _blame(self, fault: str) -> None:
        with self._mutex:
            self.fault = self.fault or fault


def _order(seed: str, datasets: int, runs: int) -> Iterator[int]:
    """Which data set each run gets: no period, lest a device's own period hide in it."""
    chosen = random.Random(seed)
    end = monotonic() + PATIENCE_S
    for _ in range(runs):
        if monotonic() > end:
            return
        yield chosen.randrange(datasets)
