"""Local judgement: where inside a model a device goes wrong.

Each node, and each segment between residual additions or normalisations, is run on the device
as a model of its own, given the inputs that the device itself had computed (so that e = 0
there), or the reference's where the device does not show them. Nodes are judged by sound
bounds, segments by typical ones. Exposing tensors and extracting nodes change what a compiler
fuses: a disagreement is evidence, and no verdict until the operator's own cases confirm it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import onnx

from hal.device import Device
from hal.errors import DeviceLost, HALError
from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import Arithmetic, arithmetic
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.extraction import Part, Whole
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import exactly, value_of
from hal_conformance.numerics.typical import reference, typical
from hal_conformance.numerics.verdict import CaseVerdict, Hypothesis, settle
from hal_conformance.records import Outcome

Bound: TypeAlias = Callable[
    [onnx.ModelProto, Mapping[str, Quantity], Arithmetic], Sequence[Quantity]
]

LOWER = ("tf32", "fp16", "bf16", "fp16-acc16")
"""What else may explain an answer, the most accurate first."""


@dataclass(frozen=True)
class Finding:
    """What one part's answer was worth.

    `margin` is the largest |d - r| / B; `ulp` the largest error and `limit` the bound there, in
    units of the last place. `held` is the lower arithmetic that explains a failure.
    """

    part: Part
    tier: Literal["sound", "typical"]
    outcome: str
    margin: float | None = None
    ulp: float | None = None
    limit: float | None = None
    held: str | None = None
    reason: str | None = None

    @property
    def is_suspicious(self) -> bool:
        """Whether the device's answer lies beyond the bound, or it gave none."""
        return self.outcome not in {"PASS", "UNJUDGED"}


@dataclass(frozen=True)
class Shown:
    """The tensors of a model, and whose values they are."""

    values: Mapping[str, Tensor]
    source: Literal["device", "reference"]


def shown(whole: Whole, device: Device, feeds: Mapping[str, Tensor]) -> Shown:
    """Every tensor of a model on a device; the reference's where the device shows none."""
    model = whole.exposed()
    names = [output.name for output in model.graph.output]
    try:
        with device.compile(model) as executable:
            found = executable.run_values(feeds)
    except DeviceLost:
        raise
    except HALError:
        quantities = reference(model, {n: exactly(v) for n, v in feeds.items()})
        return Shown(_tensors(names, [value_of(q) for q in quantities], feeds), "reference")
    return Shown(_tensors(names, found, feeds), "device")


def _tensors(
    names: Sequence[str], values: Sequence[Value], feeds: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    found = zip(names, values, strict=True)
    return {**feeds, **{name: value for name, value in found if isinstance(value, Tensor)}}


def locate(
    whole: Whole, device: Device, tensors: Shown, declared: Arithmetic, *, segments: bool = True
) -> Iterator[Finding]:
    """A finding for every part that can be run by itself.

    Raises:
        DeviceLost: the device ended; parts before it have been told.
    """
    for part in whole.single():
        if _is_known(part, tensors.values):
            yield _asked(whole, device, part, tensors.values, declared)
    for part in whole.segments() if segments else ():
        if _is_known(part, tensors.values):
            yield _asked(whole, device, part, tensors.values, declared, tier="typical")


def _is_known(part: Part, values: Mapping[str, Tensor]) -> bool:
    return all(name in values for name in (*part.inputs, *part.outputs))


def _asked(
    whole: Whole,
    device: Device,
    part: Part,
    values: Mapping[str, Tensor],
    declared: Arithmetic,
    *,
    tier: Literal["sound", "typical"] = "sound",
) -> Finding:
    model = whole.submodel(part, values)
    feeds = {name: values[name] for name in part.inputs}
    try:
        with device.compile(model) as executable:
            got = executable.run_values(feeds)
    except DeviceLost:
        raise
    except HALError as error:
        return Finding(part, tier, "ERROR", reason=f"{type(error).__name__}: {error.message}")
    return judged(part, model, feeds, got, declared, tier=tier)


def judged(
    part: Part,
    model: onnx.ModelProto,
    feeds: Mapping[str, Tensor],
    got: Sequence[Value],
    declared: Arithmetic,
    *,
    tier: Literal["sound", "typical"] = "sound",
) -> Finding:
    """The verdict on an answer: under what is declared, then what else would explain it."""
    exact = {name: exactly(value) for name, value in feeds.items()}
    bound: Bound = bounds if tier == "sound" else typical
    of = partial(_hypothesis, bound, model, exact)
    with np.errstate(all="ignore"):
        first = of(declared)
        verdict = settle(part.outputs, got, [first])
        if verdict.outcome is Outcome.FAIL and tier == "sound":
            verdict = _explained(part, got, first, of)
        return _finding(part, tier, verdict, first, got)


def _explained(
    part: Part, got: Sequence[Value], first: Hypothesis, of: Callable[[Arithmetic], Hypothesis]
) -> CaseVerdict:
    """The verdict on a failure: a transformed convolution, or the first that explains it."""
    allowed = [first]
    if any("Conv" in node.op_type for node in part.nodes):
        allowed.append(of(replace(first.arithmetic, convolution="transformed")))
    verdict = settle(part.outputs, got, allowed)
    for name in LOWER:
        if verdict.outcome is not Outcome.FAIL or verdict.grade == "C":
            break
        if name != first.arithmetic.name:
            verdict = settle(part.outputs, got, allowed, [of(arithmetic(name))])
    return verdict


def _hypothesis(
    bound: Bound, model: onnx.ModelProto, feeds: Mapping[str, Quantity], under: Arithmetic
) -> Hypothesis:
    return Hypothesis(under.name, under, bound(model, feeds, under))


def _finding(
    part: Part,
    tier: Literal["sound", "typical"],
    verdict: CaseVerdict,
    declared: Hypothesis,
    got: Sequence[Value],
) -> Finding:
    outputs = list(verdict.outputs)
    worst = max(range(len(outputs)), key=lambda k: outputs[k].margin or 0.0)
    output, pair, value = outputs[worst], declared.outputs[worst], got[worst]
    ulp, limit = output.ulp, None
    if isinstance(pair, Pair) and isinstance(value, Tensor) and output.where and pair.is_float:
        step = pair.format.ulp(pair.value[output.where])
        error = abs(float(value.array[output.where]) - float(pair.value[output.where]))
        ulp, limit = error / float(step), float(pair.errors()[output.where] / step)
    held = verdict.held if verdict.grade == "C" else None
    return Finding(
        part, tier, verdict.outcome.value, output.margin, ulp, limit, held, verdict.reason
    )


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """The suspicious ones first, nodes before segments, the farthest beyond at the top."""
    return sorted(
        findings,
        key=lambda f: (not f.is_suspicious, f.tier == "typical", -(f.margin or 0.0)),
    )
