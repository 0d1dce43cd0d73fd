"""`hal bench`: how fast a model runs on targets, side by side.

Every target has a worker of its own, so that memory is its own and a crash costs one column.
Rounds are interleaved: what the machine does meanwhile hits all targets alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hal.cli import failures, output
from hal.cli.options import (
    DevicesOption,
    DimOption,
    InputOption,
    JsonOption,
    ModelArgument,
    SeedOption,
    TimeoutOption,
)
from hal.errors import HALError

if TYPE_CHECKING:
    from hal.cli.feeds import Plan
    from hal.model import Model
    from hal.targets import Target
    from hal.worker.client import WorkerAdapter

HELP = """Measure how fast a model runs on one or several targets, side by side.

Each target runs in a worker process of its own; after a warm-up the targets take turns, so that
whatever else the machine does hits all alike. A run is one call of the executable, as an
application makes it, one at a time. Memory is the worker's peak; "model" is what compiling and
running added to it.

\b
Examples:
  hal bench model.onnx -d onnxruntime:cpu -d openvino:cpu
  hal bench model.onnx -d acme:0 --seconds 10 --dim batch=8
  hal bench model.onnx -d openvino --json > openvino.json

\b
Exit codes:
  0  every target was measured
  2  wrong usage or input
  3  a target has no such device, adapter or SDK here
  4  a target failed; the others were measured"""

_GRACE = 10.0
"""How much longer than asked a measurement may take, besides the target's limit for a run."""


@dataclass
class Column:
    """One target being measured, until it fails."""

    target: Target
    worker: WorkerAdapter | None = None
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    error: HALError | None = None

    def to_json(self) -> dict[str, Any]:
        from hal.errors import to_json

        error = to_json(self.error) if self.error else None
        return {"target": self.target.name, **self.figures, "error": error}


def command(
    model: ModelArgument,
    target: Annotated[
        list[str],
        typer.Option("-d", "--device", metavar="TARGET", help="Where to run; may be repeated."),
    ],
    inputs: InputOption = None,
    dim: DimOption = None,
    seed: SeedOption = 0,
    seconds: Annotated[
        float, typer.Option(min=0.01, metavar="S", help="How long to measure each target.")
    ] = 2.0,
    warmup: Annotated[
        float, typer.Option(min=0, metavar="S", help="How long to run each before.")
    ] = 0.5,
    rounds: Annotated[int, typer.Option(min=1, help="How many turns each target has.")] = 5,
    timeout: TimeoutOption = None,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `HELP` is its text."""
    from hal import targets
    from hal.cli.feeds import Plan
    from hal.cli.session import check_dimensions, note_guesses, with_timeout
    from hal.model import Model

    plan = Plan.parse(inputs or [], dim or [], seed)
    source = Model(model)
    check_dimensions(source, plan.dims)
    files: tuple[Path, ...] = tuple(devices or ())
    columns = [Column(with_timeout(targets.resolve(name, files), timeout)) for name in target]
    measure(columns, source, plan, seconds=seconds, warmup=warmup, rounds=rounds)
    if json:
        found = [column.to_json() for column in columns]
        output.emit_json({"model": str(model), "plan": plan.to_json(), "targets": found})
    else:
        _print(columns)
    errors = [column.error for column in columns if column.error]
    if errors:
        note_guesses(plan, source)
    raise typer.Exit(failures.exit_code(errors[0]) if errors else failures.OK)


def measure(
    columns: Sequence[Column],
    model: Model,
    plan: Plan,
    *,
    seconds: float,
    warmup: float,
    rounds: int,
) -> None:
    """Measure every column; one that fails keeps its error and is left out from then on."""
    with ExitStack() as workers:
        for column in columns:
            _attempt(column, _prepare, model, plan, workers)
        turns = [(warmup, False), *[(seconds / rounds, True)] * rounds]
        for length, keep in turns:
            for column in columns:
                _attempt(column, _spin, length, keep)
        for column in columns:
            _attempt(column, _finish)


def _attempt(column: Column, act: Callable[..., None], *arguments: Any) -> None:
    if column.error is None:
        try:
            act(column, *arguments)
        except HALError as error:
            column.error = error


def _prepare(column: Column, model: Model, plan: Plan, workers: ExitStack) -> None:
    from hal.worker.client import WorkerAdapter

    target = column.target
    worker = WorkerAdapter.of(target)
    workers.callback(worker.close)
    column.worker = worker
    dims = {**target.options.dimensions, **plan.dims}
    path, there = _lent(worker, model, replace(plan, dims=dims))
    column.figures |= worker.call(
        "hal.cli.bench_kernel:prepare",
        {
            "target": target.name,
            "device": target.device,
            "options": replace(target.options, dimensions=dims).to_json(),
            "model": path,
            "facts": model.facts.to_json(),
            "plan": there.to_json(),
        },
        timeout_s=target.timeouts.compile_s + target.timeouts.run_s,
    )


def _lent(worker: WorkerAdapter, model: Model, plan: Plan) -> tuple[str, Plan]:
    """The model's path and the plan where the worker runs, which may be another machine."""
    source = Path(str(model.path))
    kept = f"model/{source.name}"
    beside = zip(model.facts.external, model.external_paths(), strict=True)
    inputs = {name: f"input-{number}.npy" for number, name in enumerate(plan.files)}
    lent = worker.lend(
        {kept: source}
        | {f"model/{name}": path for name, path in beside}
        | {inputs[name]: path for name, path in plan.files.items()}
    )
    files = {name: Path(lent[place]) for name, place in inputs.items()}
    return lent[kept], replace(plan, files=files)


def _spin(column: Column, length: float, keep: bool) -> None:
    _call(column, "spin", {"seconds": length, "keep": keep}, length)


def _finish(column: Column) -> None:
    column.figures |= _call(column, "finish", {}, 0.0)


def _call(column: Column, function: str, arguments: Mapping[str, Any], seconds: float) -> Any:
    if column.worker is None:
        raise AssertionError("a column without a worker has an error")
    return column.worker.call(
        f"hal.cli.bench_kernel:{function}",
        arguments,
        timeout_s=seconds + column.target.timeouts.run_s + _GRACE,
    )


def _print(columns: Sequence[Column]) -> None:
    done = [column for column in columns if column.error is None]
    best = min((column.figures["p50_s"] for column in done), default=0.0)
    names = ["TARGET", "P50", "P90", "P99", "RUNS/S", "TO BEST", "COMPILE", "FIRST RUN"]
    rows = [_cells(column.target.name, column.figures, best) for column in done]
    columns_shown = [*names, "PEAK", "MODEL", "RUNS"]
    if rows:
        output.table(columns_shown, rows, numbers=columns_shown[1:])
    for column in columns:
        if column.error is not None:
            output.line(f"{column.target.name}: {column.error.message}")


def _cells(name: str, figures: Mapping[str, Any], best: float) -> list[str]:
    times = [output.human_seconds(figures[key]) for key in ("p50_s", "p90_s", "p99_s")]
    starts = [output.human_seconds(figures[key]) for key in ("compile_s", "first_run_s")]
    sizes = [
        "unknown" if figures[key] is None else output.human_bytes(figures[key])
        for key in ("peak_bytes", "model_bytes")
    ]
    relative = f"{figures['p50_s'] / best:.2f}x"
    rate = f"{figures['per_second']:.4g}"
    return [name, *times, rate, relative, *starts, *sizes, str(figures["runs"])]
