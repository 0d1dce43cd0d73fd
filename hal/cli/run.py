"""`hal run`: one model, once, on one target; and how another target's results compare."""

from __future__ import annotations

import json as json_format
import re
from collections.abc import Mapping, Sequence
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
from hal.errors import InputError

if TYPE_CHECKING:
    from hal.cli.compare import Comparison
    from hal.cli.session import Ran

HELP = """Run a model once on a target, with .npy files or random inputs.

Random inputs have the input's type: standard normal floats; 8-bit integers of the whole
positive range; 0 or 1 for 32- and 64-bit ones, which are indices and masks in real models.
Lengths the model leaves open are 1, unless --dim or -i NAME=random:1x3x224x224 says otherwise.
A number is given as -i NAME=16000.
-o writes one .npy per output, and outputs.json that names them.

--compare runs the same inputs on a second target. Outputs agree where type and shape are equal
and every element is within atol + rtol * max(|b|, rms(b)); integers and text must be equal.

\b
Examples:
  hal run model.onnx -d onnxruntime:cpu
  hal run model.onnx -d openvino:cpu -i image=cat.npy -o out
  hal run model.onnx -d openvino-default --compare onnxruntime:cpu
  hal run bert.onnx -d acme:0 -i random --dim batch=1 --dim sequence=128

\b
Exit codes:
  0  done; with --compare: all outputs agree
  1  with --compare: an output does not agree
  2  wrong usage or input
  3  no such device, adapter or SDK
  4  the run itself broke"""


def command(
    model: ModelArgument,
    target: Annotated[
        str, typer.Option("-d", "--device", metavar="TARGET", help="Where to run.")
    ],
    inputs: InputOption = None,
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Write the outputs here as .npy."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="TARGET", help="Run here too, and compare."),
    ] = None,
    dim: DimOption = None,
    seed: SeedOption = 0,
    rtol: Annotated[
        float | None,
        typer.Option(min=0, help="Default: 1e-3, or 4 epsilons of a smaller float type."),
    ] = None,
    atol: Annotated[float, typer.Option(min=0, help="As the ONNX suite's own.")] = 1e-7,
    timeout: TimeoutOption = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="No worker: for use under a debugger.")
    ] = False,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `HELP` is its text."""
    from hal.cli.compare import compare as compare_results
    from hal.cli.feeds import Plan
    from hal.cli.session import Session
    from hal.model import Model

    plan = Plan.parse(inputs or [], dim or [], seed)
    files = tuple(devices or ())
    session = Session(Model(model), plan, files, timeout, isolated=not in_process)
    first = session.run(target)
    written = _write(folder, first.results) if folder is not None else {}
    comparisons: list[Comparison] = []
    second: Ran | None = None
    if compare is not None:
        second = session.run(compare, first.feeds)
        comparisons = compare_results(first.results, second.results, rtol=rtol, atol=atol)
    if json:
        output.emit_json(_document(model, plan.source, first, second, comparisons, written))
    else:
        _print(plan.source, first, second, comparisons, written)
    agree = all(one.agree for one in comparisons)
    raise typer.Exit(failures.OK if agree else failures.DISAGREE)


def _write(folder: Path, results: Mapping[str, Any]) -> dict[str, str]:
    """Write every output to a file of its own; returns file names by output."""
    from hal.cli.arrays import leaves, summary, write_npy

    written: dict[str, str] = {}
    listed: list[dict[str, Any]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in leaves(results):
            if array is not None:
                written[name] = _file_name(name, set(written.values()))
                write_npy(folder / written[name], array)
                listed.append({"name": name, "file": written[name], **summary(array)})
        text = json_format.dumps({"outputs": output.jsonable(listed)}, indent=2)
        (folder / "outputs.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write the outputs to {folder}: {error}") from error
    return written


def _file_name(name: str, taken: set[str]) -> str:
    """A file name for an output: models name outputs "a/b:0" and "../x"."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip(".")[:100] or "output"
    numbered = (f"{plain}.{number}" for number in range(2, len(taken) + 3))
    lowered = {one.lower() for one in taken}  # some file systems do not tell case apart
    free = (one for one in (plain, *numbered) if f"{one}.npy".lower() not in lowered)
    return f"{next(free)}.npy"


def _document(
    model: Path,
    source: Any,
    first: Ran,
    second: Ran | None,
    comparisons: Sequence[Comparison],
    written: Mapping[str, str],
) -> dict[str, Any]:
    from hal.cli.session import described

    outputs = [{**one, "file": written.get(one["name"])} for one in described(first.results)]
    inputs = [{**one, "source": source(one["name"])} for one in described(first.feeds)]
    document = {"model": str(model), **first.to_json(), "inputs": inputs, "outputs": outputs}
    if second is not None:
        document["compare"] = {
            **second.to_json(),
            "agree": all(one.agree for one in comparisons),
            "outputs": [one.to_json() for one in comparisons],
        }
    return document


def _print(
    source: Any,
    first: Ran,
    second: Ran | None,
    comparisons: Sequence[Comparison],
    written: Mapping[str, str],
) -> None:
    from hal.cli.session import described

    rows = [["in", *_value_cells(one), source(one["name"])] for one in described(first.feeds)]
    rows += [
        ["out", *_value_cells(one), written.get(one["name"], "")]
        for one in described(first.results)
    ]
    columns = ["", "NAME", "TYPE", "MIN", "MAX", "MEAN", "FROM, TO"]
    output.table(columns, rows, numbers=columns[3:6])
    for ran in (first, second):
        if ran is not None:
            output.line(_timing(ran))
    if second is not None:
        output.line()
        _print_comparisons(first, second, comparisons)


def _value_cells(one: Mapping[str, Any]) -> list[str]:
    shape = ", ".join(map(str, one.get("shape", [])))
    numbers = [_number(one.get(key)) for key in ("min", "max", "mean")]
    return [one["name"], f"{one['dtype']}[{shape}]" if one["dtype"] else "none", *numbers]


def _timing(ran: Ran) -> str:
    compiled, run = output.human_seconds(ran.compile_s), output.human_seconds(ran.run_s)
    text = f"{ran.target.name}: compiled in {compiled}, first run {run}"
    if ran.placement is None:
        return text
    places = ", ".join(f"{count} {where}" for where, count in ran.placement.items() if count)
    return f"{text}; nodes: {places or 'none'}"


def _print_comparisons(first: Ran, second: Ran, comparisons: Sequence[Comparison]) -> None:
    rows = [
        [
            one.output,
            "yes" if one.agree else "NO",
            _number(one.max_abs),
            _number(one.max_rel),
            "" if one.ulp is None else str(one.ulp),
            "" if one.cosine is None else f"{one.cosine:.9f}",
            "" if one.top1 is None else f"{one.top1:.2%}",
            one.reason,
        ]
        for one in comparisons
    ]
    columns = ["OUTPUT", "AGREES", "MAX ABS", "MAX REL", "ULP", "COSINE", "TOP-1", "WHY"]
    output.table(columns, rows, numbers=columns[2:7])
    wrong = sum(not one.agree for one in comparisons)
    verdict = f"{wrong} of {len(comparisons)} outputs differ" if wrong else "all outputs agree"
    output.line(f"{first.target.name} against {second.target.name}: {verdict}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
