"""What the typical tier says of one case: of devices that are right, and of faults.

Each device is described by the largest |d - r| over the deviation of the passes, so that any
width can be tried afterwards: at a width of W, a ratio above W is a FAIL.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

import hal
from hal.errors import HALError
from hal.tensor import Value
from hal_conformance.models import devices
from hal_conformance.models.cases import Case
from hal_conformance.models.devices import FUNCTIONS, Fault
from hal_conformance.numerics import simulated, verdict
from hal_conformance.numerics.arithmetic import ARITHMETICS
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.spread import Spread
from hal_conformance.numerics.typical import sampled
from hal_conformance.records import Outcome

FP32 = ARITHMETICS["fp32"]
LAYERS = 4
"""How many layers of a model are tried in bfloat16, one at a time."""

REAL: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "onnxruntime": ("onnxruntime:cpu", {}),
    "onnxruntime unoptimised": (
        "onnxruntime:cpu",
        {"vendor": {"graph_optimization_level": "disable_all"}},
    ),
    "openvino f32": ("openvino:cpu", {}),
    "openvino default": ("openvino-default", {}),
}
"""Label: device, options."""


@dataclass(frozen=True)
class Answer:
    """What one device returned, or why it returned nothing."""

    label: str
    outputs: Sequence[Value] | None
    reason: str | None = None


def answers(case: Case) -> Iterator[Answer]:
    """The outputs of real devices, of right simulated ones, and of faults."""
    for label, (device, options) in REAL.items():
        yield _real(case, label, device, options)
    proto, feeds = case.proto, case.quantities
    yield Answer("rounded float32", devices.run(proto, feeds))
    ways = devices.layers(proto, feeds)
    if ways:
        yield _bf16(proto, feeds)
        yield Answer("tf32", devices.run(proto, feeds, ARITHMETICS["tf32"]))
    random = np.random.Generator(np.random.PCG64(int(case.model.sha256[:8], 16)))
    for layer in sorted(random.permutation(len(ways))[:LAYERS].tolist()):
        one = Fault(layers=frozenset({layer}))
        yield Answer(f"bf16 layer {layer} {ways[layer]}", devices.run(proto, feeds, fault=one))
    if any(node.op_type in FUNCTIONS for node in proto.graph.node):
        yield Answer("2^-12", devices.run(proto, feeds, fault=Fault(off=2.0**-12)))
    other = with_other_epsilon(proto)
    if other is not None:
        yield Answer("epsilon", devices.run(other, feeds))


def _bf16(proto: onnx.ModelProto, feeds: Mapping[str, Quantity]) -> Answer:
    """By the simulated device, or by a walk where the standard's evaluator refuses."""
    try:
        return Answer("bf16", simulated.run(proto, feeds, ARITHMETICS["bf16"], seed=1))
    except Exception as error:  # noqa: BLE001  it refuses by many kinds of error
        reason = f"a walk, since the simulated device: {type(error).__name__}: {error}"
        return Answer("bf16", devices.run(proto, feeds, ARITHMETICS["bf16"]), reason[:200])


def _real(case: Case, label: str, device: str, options: Mapping[str, Any]) -> Answer:
    try:
        # In a worker: a device that crashes must not end the measurement.
        with hal.load(case.compiled, device=device, isolated=True, **options) as exe:
            return Answer(label, exe.run_values(case.feeds))
    except HALError as error:
        return Answer(label, None, f"{type(error).__name__}: {error.message}"[:200])


def with_other_epsilon(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """The model with every epsilon a hundred times as large; None where it has none."""
    other = onnx.ModelProto()
    other.CopyFrom(model)
    changed = 0
    for node in other.graph.node:
        for attribute in node.attribute:
            if attribute.name == "epsilon":
                attribute.f *= 100
                changed += 1
    roots = {node.input[0] for node in other.graph.node if node.op_type == "Sqrt"}
    added = {
        name
        for node in other.graph.node
        if node.op_type == "Add" and node.output[0] in roots
        for name in node.input
    }
    for tensor in other.graph.initializer:
        value = numpy_helper.to_array(tensor) if tensor.name in added else np.zeros(2)
        if value.size == 1 and 0 < float(value.ravel()[0]) < 1e-3:
            larger = np.asarray(value * np.float32(100), value.dtype)
            tensor.CopyFrom(numpy_helper.from_array(larger, tensor.name))
            changed += 1
    return other if changed else None


def measured(case: Case, passes: int, floors: Sequence[float], seed: int = 0) -> dict[str, Any]:
    """All that validation keeps of a case."""
    started = time.process_time()
    spreads, lost = sampled(case.proto, case.quantities, FP32, passes=passes, seed=seed)
    seconds = time.process_time() - started
    found: dict[str, Any] = {}
    default: list[np.ndarray[Any, Any]] = []
    for answer in answers(case):
        entry = _entry(case, answer, spreads, floors)
        if answer.outputs is not None and answer.label.startswith("openvino"):
            arrays = [np.asarray(getattr(value, "array", 0)) for value in answer.outputs]
            if default:
                entry["same as f32"] = all(map(np.array_equal, arrays, default))
            default = arrays
        found[answer.label] = entry
    return {
        "case": case.id,
        "half": case.model.half,
        "sha256": case.model.sha256,
        "hash": case.hash,
        "nodes": len(case.proto.graph.node),
        "layers": len(devices.layers(case.proto, case.quantities)),
        "passes": passes,
        "seconds": round(seconds, 2),
        "unknown": sorted(lost.intersection(case.names)),
        "outputs": [_described(*both) for both in zip(case.names, spreads, strict=True)],
        "right": case.given.right,
        "devices": found,
    }


def _entry(
    case: Case, answer: Answer, spreads: Sequence[Spread], floors: Sequence[float]
) -> dict[str, Any]:
    if answer.outputs is None:
        return {"reason": answer.reason}
    ratios = {str(floor): ratio(case, answer.outputs, spreads, floor) for floor in floors}
    said = case.answer(answer.outputs)
    more = {"answer": said and said[:60], "reason": answer.reason}
    return {"ratio": ratios} | {name: text for name, text in more.items() if text}


def ratio(
    case: Case, outputs: Sequence[Value], spreads: Sequence[Spread], floor: float
) -> float | None:
    """The largest |d - r| over the deviation; None where nothing is known, inf where wrong."""
    bounds = [spread.bound(1.0, floor) for spread in spreads]
    judged = verdict.judge(case.names, outputs, bounds, FP32)
    margins = [one.margin for one in judged if one.margin is not None]
    wrong = [one for one in judged if one.outcome is Outcome.FAIL and one.margin is None]
    if wrong:
        return float("inf")
    return max(margins) if margins else None


def _described(name: str, spread: Spread) -> dict[str, Any]:
    bound = spread.bound()
    shape = list(np.shape(bound.value)) if isinstance(bound, Pair) else None
    return {"name": name, "shape": shape} | significance(bound)


def significance(bound: Quantity) -> dict[str, Any]:
    """A bound beside the tensor's scale, and beside the gap between the two largest values.

    `share` is the median of B over the root mean square; `decided` the share of rows whose
    largest value no device within the bound can change.
    """
    if not isinstance(bound, Pair) or not bound.is_float or not bound.value.size:
        return {}
    scale = float(np.sqrt(np.mean(np.square(bound.value))))
    errors = bound.errors()
    found: dict[str, Any] = {"share": float(f"{np.median(errors) / (scale or 1.0):.3g}")}
    if np.ndim(bound.value) >= 2 and np.shape(bound.value)[-1] >= 2:
        order = np.argsort(bound.value, axis=-1)[..., -2:]
        second, first = np.moveaxis(np.take_along_axis(bound.value, order, -1), -1, 0)
        around = np.take_along_axis(errors, order, -1).sum(-1)
        found["decided"] = float(f"{np.mean(first - second > around):.3g}")
    return found
