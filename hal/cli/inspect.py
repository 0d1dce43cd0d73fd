"""`hal inspect`: what a model is made of, and which targets could take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from hal.cli import failures, output
from hal.cli.options import DevicesOption, JsonOption, ModelArgument

if TYPE_CHECKING:
    from hal.device import Device
    from hal.model import Model
    from hal.targets import Target

HELP = f"""Say what a model is made of, and which targets could take it, without running it.

A target says yes by what its device claims (opsets, types) and, where the device can be asked,
by its own prediction for every node. Only a run proves it: `hal run`.

\b
Examples:
  hal inspect model.onnx
  hal inspect model.onnx -d acme:0
  hal inspect model.onnx --no-targets --json
{failures.EXIT_CODES}"""

Answer: TypeAlias = Literal["yes", "claims only", "no", "absent", "failed"]


@dataclass(frozen=True)
class Verdict:
    """Whether a target could take the model; `refused` lists nodes it would not."""

    target: str
    answer: Answer
    reason: str = ""
    refused: tuple[str, ...] = ()


def command(
    model: ModelArgument,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "-d",
            "--device",
            metavar="TARGET",
            help="Ask this target; may be repeated. Default: every named one.",
        ),
    ] = None,
    no_targets: Annotated[
        bool, typer.Option("--no-targets", help="Ask none: the model alone.")
    ] = False,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `HELP` is its text."""
    from hal import targets
    from hal.cli.summary import summarise
    from hal.model import Model

    source = Model(model)
    summary = {"model": str(model), **summarise(source)}
    files: tuple[Path, ...] = tuple(devices or ())
    asked: Sequence[Target] = []
    if target:
        asked = [targets.resolve(name, files) for name in target]
    elif not no_targets:
        asked = list(targets.all(files).values())
    verdicts = [_ask(one, source) for one in asked]
    if json:
        output.emit_json({**summary, "targets": [asdict(one) for one in verdicts]})
    else:
        _print(summary, source)
        _print_verdicts(verdicts)


def _ask(target: Target, model: Model) -> Verdict:
    from hal.device import open as open_device
    from hal.errors import AdapterError, DeviceNotFound, HALError, Unsupported

    try:
        with open_device(target, isolated=True) as device:
            return _predict(target.name, device, model)
    except Unsupported as error:
        return Verdict(target.name, "no", error.message)
    except (AdapterError, DeviceNotFound) as error:
        return Verdict(target.name, "absent", error.message)
    except HALError as error:
        return Verdict(target.name, "failed", error.message)


def _predict(name: str, device: Device, model: Model) -> Verdict:
    device.check(model)
    if "query" not in device.info.features:
        return Verdict(name, "claims only", "opsets and types fit; its operators are not asked")
    refused = [node for node in device.query(model).nodes if not node.supported]
    if not refused:
        return Verdict(name, "yes")
    ops = ", ".join(sorted({node.op for node in refused}))
    reason = f"{len(refused)} nodes refused ({ops}): {refused[0].reason or 'no reason given'}"
    return Verdict(name, "no", reason, tuple(node.node for node in refused))


def _print(summary: dict[str, Any], model: Model) -> None:
    facts = model.facts
    opsets = ", ".join(f"{name} {version}" for name, version in summary["opsets"].items())
    size = output.human_bytes(summary["file_bytes"])
    external = summary["external_files"]
    if external:
        size += f" + {output.human_bytes(sum(external.values()))} in {', '.join(external)}"
    weights = " ".join(f"{kind} {n:,}" for kind, n in summary["parameter_dtypes"].items())
    flow = ", ".join(f"{op} {count}" for op, count in summary["control_flow"].items())
    dynamic = ", ".join(
        f"{name} in {' '.join(inputs)}"
        for name, inputs in summary["dynamic_dimensions"].items()
    )
    lines = [
        ("model", summary["model"]),
        ("size", size),
        ("made by", summary["producer"] or "unknown"),
        ("IR, opsets", f"{summary['ir_version']}; {opsets}"),
        (
            "parameters",
            f"{summary['parameters']:,} in {summary['parameter_tensors']} tensors"
            + (f" ({weights})" if weights else ""),
        ),
        ("types", " ".join(summary["dtypes"])),
        ("open lengths", dynamic or "none"),
        ("control flow", flow or "none"),
        *(("input", str(spec)) for spec in facts.inputs),
        *(("output", str(spec)) for spec in facts.outputs),
        ("operators", f"{summary['nodes']} nodes of {len(summary['ops'])} kinds"),
    ]
    for name, text in lines:
        output.line(f"{name:<13} {text}")
    for op, count in summary["ops"].items():
        output.line(f"{count:>13} {op}")


def _print_verdicts(verdicts: Sequence[Verdict]) -> None:
    if verdicts:
        output.line()
        rows = [[one.target, one.answer, one.reason] for one in verdicts]
        output.table(["TARGET", "TAKES IT", "WHY"], rows)
