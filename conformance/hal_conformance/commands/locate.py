"""`hal locate`: where inside a model a device goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hal import device as devices
from hal import targets as named
from hal.cli import failures, output
from hal.cli.feeds import Plan
from hal.model import Model
from hal.targets import Target
from hal.tensor import Tensor
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.extraction import Whole
from hal_conformance.numerics.local import Finding, Shown, locate, ranked, shown
from hal_conformance.records import Outcome

SHOWN = 20
"""How many parts the table shows at most."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, parsed."""

    model: Path
    target: str
    plan: Plan
    segments: bool = True
    results: Path | None = None
    folder: Path | None = None
    devices: tuple[Path, ...] = ()


def run(asked: Asked, *, as_json: bool) -> int:
    """Locate, and say what was found.

    Returns:
        The exit code.

    Raises:
        HALError: the model, the inputs or the target are not as they should be.
    """
    target = named.resolve(asked.target, asked.devices)
    model = Model(asked.model)
    whole = Whole(model.whole())
    feeds = {n: Tensor.of(a) for n, a in asked.plan.feeds(model.facts.inputs).items()}
    declared = arithmetic(target.arithmetic or "fp32")
    with devices.open(target, isolated=True) as device:
        tensors = shown(whole, device, feeds)
        found = ranked(list(locate(whole, device, tensors, declared, segments=asked.segments)))
    confirmed = _confirmed(asked.results, target.name, found)
    if asked.folder is not None:
        _write(asked.folder, whole, tensors, found, target)
    if as_json:
        output.emit_json(_document(target, declared.name, tensors, found, confirmed))
    else:
        _tell(found, tensors, confirmed, declared.name)
    return failures.DISAGREE if any(one.is_suspicious for one in found) else failures.OK


def _confirmed(
    folder: Path | None, target: str, found: Sequence[Finding]
) -> Mapping[str, list[str]]:
    """The failing cases of each suspicious operator, in a results folder."""
    if folder is None:
        return {}
    from hal_conformance import results

    records = [
        record
        for record in results.read(folder).records
        if record.target == target and record.outcome is Outcome.FAIL
    ]
    operators = {one.part.op for one in found if one.is_suspicious and one.tier == "sound"}
    return {
        op: [record.case for record in records if record.ops == [op]]
        for op in sorted(operators)
    }


def _write(
    folder: Path, whole: Whole, tensors: Shown, found: Sequence[Finding], target: Target
) -> None:
    """The worst node as a model, with its inputs and the command that runs it."""
    worst = next((one for one in found if one.is_suspicious and one.tier == "sound"), None)
    if worst is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    model = whole.submodel(worst.part, tensors.values)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    words = ["hal run model.onnx -d", target.name, "--compare reference"]
    for number, name in enumerate(worst.part.inputs):
        np.save(folder / f"input_{number}.npy", tensors.values[name].array)
        words.append(f"-i '{name}=input_{number}.npy'")
    text = f"{worst.part.op} {worst.part.name}\n{worst.reason}\n\n{' '.join(words)}\n"
    (folder / "README.txt").write_text(text, "utf-8")


def _tell(
    found: Sequence[Finding],
    tensors: Shown,
    confirmed: Mapping[str, list[str]],
    declared: str,
) -> None:
    wrong = [one for one in found if one.is_suspicious]
    columns = ["part", "op", "judged", "outcome", "margin", "ulp", "limit", "behaves like"]
    numbers = ("margin", "ulp", "limit")
    output.table(columns, [_row(one) for one in wrong[:SHOWN]], numbers=numbers)
    if len(wrong) > SHOWN:
        output.line(f"... and {len(wrong) - SHOWN} more")
    unjudged = sum(one.outcome == "UNJUDGED" for one in found)
    output.line(
        f"{len(wrong)} of {len(found)} parts lie beyond what {declared} allows, {unjudged} "
        f"cannot be judged; their inputs are the {tensors.source}'s"
    )
    if wrong:
        output.line("Evidence, not a verdict: extracted parts are compiled by themselves.")
    for op, cases in confirmed.items():
        said = f"{len(cases)} of its own cases fail: {', '.join(cases[:3])}" if cases else ""
        output.line(f"{op}: {said or 'none of its own cases fails in these results'}")


def _row(one: Finding) -> list[str]:
    numbers = [
        "" if number is None else f"{number:.3g}" for number in (one.margin, one.ulp, one.limit)
    ]
    return [one.part.name, one.part.op, one.tier, one.outcome, *numbers, one.held or ""]


def _document(
    target: Target,
    declared: str,
    tensors: Shown,
    found: Sequence[Finding],
    confirmed: Mapping[str, list[str]],
) -> dict[str, Any]:
    return {
        "schema": 1,
        "target": target.name,
        "arithmetic": declared,
        "inputs_of": tensors.source,
        "parts": [
            {
                "part": one.part.name,
                "op": one.part.op,
                "tier": one.tier,
                "outcome": one.outcome,
                "margin": one.margin,
                "ulp": one.ulp,
                "limit_ulp": one.limit,
                "held": one.held,
                "reason": one.reason,
            }
            for one in found
        ],
        "failing_cases": dict(confirmed),
    }
