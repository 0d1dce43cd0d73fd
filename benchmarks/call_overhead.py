"""What a call through the shell costs over a call of the vendor's own API, in one process.

    python benchmarks/call_overhead.py [--rounds N] [--instances N]

Two models, of about 10 us and about 1 ms a run; ONNX Runtime on one thread, OpenVINO on its
default, since with one thread its adapter queues each run (the synchronous call of 2026.4 loses
failures there), which costs a switch of threads. Calls of both sides alternate,
so that what else the machine does falls on both; the medians and their ratio are printed. The
OpenVINO side is a reused InferRequest; both are asked for float32.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import hal

Array = np.ndarray[Any, np.dtype[Any]]


def chain(width: int, layers: int, batch: int) -> onnx.ModelProto:
    """`layers` times MatMul and Relu over float32[batch, width]."""
    generator = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    current = "x"
    for layer in range(layers):
        weight = generator.standard_normal((width, width), dtype=np.float32) / width
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        last = "y" if layer == layers - 1 else f"h{layer}"
        nodes.append(helper.make_node("MatMul", [current, f"w{layer}"], [f"m{layer}"]))
        nodes.append(helper.make_node("Relu", [f"m{layer}"], [last]))
        current = last
    shape = [batch, width]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


MODELS = {"~10 us": chain(176, 2, 4), "~1 ms": chain(512, 8, 16)}


def onnxruntime_call(model: onnx.ModelProto) -> Callable[[dict[str, Array]], Any]:
    """`session.run(None, feeds)`, as ONNX Runtime's documentation shows it."""
    ort: Any = import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda feeds: session.run(None, feeds)


def openvino_call(model: onnx.ModelProto) -> Callable[[dict[str, Array]], Any]:
    """A reused InferRequest, as OpenVINO's documentation shows it."""
    ov: Any = import_module("openvino")
    core = ov.Core()
    config: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    parsed = core.read_model(model.SerializeToString())
    request = core.compile_model(parsed, "CPU", config).create_infer_request()
    return request.infer  # type: ignore[no-any-return]  # the SDK's border


THREADS = {"onnxruntime:cpu": 1, "openvino:cpu": None}
NATIVE = {"onnxruntime:cpu": onnxruntime_call, "openvino:cpu": openvino_call}


def interleaved(
    ours: Callable[[dict[str, Array]], Any],
    theirs: Callable[[dict[str, Array]], Any],
    feeds: dict[str, Array],
    rounds: int,
) -> tuple[float, float]:
    """Median microseconds of each, called in turn."""
    for _ in range(50):
        ours(feeds)
        theirs(feeds)
    times: tuple[list[int], list[int]] = ([], [])
    gc.disable()
    for index in range(rounds):
        # Each goes first half of the time: whoever follows finds the other's cache lines.
        order = ((ours, 0), (theirs, 1)) if index % 2 else ((theirs, 1), (ours, 0))
        for call, which in order:
            started = perf_counter_ns()
            call(feeds)
            times[which].append(perf_counter_ns() - started)
    gc.enable()
    return median(times[0]) / 1e3, median(times[1]) / 1e3


@dataclass(frozen=True)
class Row:
    """Medians over several compilations: microseconds a call, and ratios to the native call.

    `control` is one native session against another of the same model: where their weights
    happen to lie moves a call by a few per cent, which no average over calls removes.
    """

    ours_us: float
    native_us: float
    ratio: float
    control: float


def measure(target: str, model: onnx.ModelProto, instances: int, rounds: int) -> Row:
    """Compile both sides `instances` times anew, and compare them each time."""
    native = NATIVE[target]
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    feeds = {"x": np.ones(shape, np.float32)}
    pairs: list[tuple[float, float]] = []
    controls: list[float] = []
    for _ in range(instances):
        one, other = native(model), native(model)
        with hal.load(model, device=target, threads=THREADS[target]) as exe:
            pairs.append(interleaved(exe, other, feeds, rounds))
        first, second = interleaved(one, other, feeds, rounds)
        controls.append(first / second)
    return Row(
        median(ours for ours, _ in pairs),
        median(theirs for _, theirs in pairs),
        median(ours / theirs for ours, theirs in pairs),
        median(controls),
    )


def main() -> None:
    """Print a line for each model and runtime."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=5)
    asked = parser.parse_args()
    print(
        f"{'target':18}{'model':10}{'exe(feeds)':>12}{'native':>12}{'ratio':>8}{'control':>9}"
    )
    for target in NATIVE:
        for name, model in MODELS.items():
            row = measure(target, model, asked.instances, asked.rounds)
            times = f"{row.ours_us:9.1f} us{row.native_us:9.1f} us"
            print(f"{target:18}{name:10}{times}{row.ratio:8.3f}{row.control:9.3f}")


if __name__ == "__main__":
    main()
