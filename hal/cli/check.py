"""One real computation on a device, with a known answer: what `hal devices --check` does."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Literal, TypeAlias

import numpy as np

from hal.device import open as open_device
from hal.errors import HALError, Unsupported
from hal.targets import Target

Verdict: TypeAlias = Literal["ok", "wrong", "refused", "failed", "unasked"]

_X = np.array([[1, -2, 3, -4]], np.float32)
_W = np.array([[1, 2, 0], [0, 1, 2], [2, 0, 1], [1, 1, 1]], np.float32)
_B = np.array([10, 20, 30], np.float32)
_TOLERANCE = 0.5
"""The answer is made of integers below 256, exact even in bfloat16; 8-bit devices may round."""


@dataclass(frozen=True)
class Check:
    """How the computation went: `wrong` values, a refusal, a failure, or nothing was asked."""

    verdict: Verdict
    seconds: float
    message: str = ""


def check(target: Target) -> Check:
    """Compute `x @ W + b` on the target, in a worker, which may die of it."""
    started = perf_counter()
    try:
        verdict, message = _compute(target)
    except Unsupported as error:
        verdict, message = "refused", error.message
    except HALError as error:
        verdict, message = "failed", error.message
    return Check(verdict, perf_counter() - started, message)


def _compute(target: Target) -> tuple[Verdict, str]:
    expected = _X @ _W + _B
    with open_device(target, isolated=True) as device:
        got = np.asarray(device.compile(_model())({"x": _X})["y"])
    if got.shape != expected.shape:
        return "wrong", f"shape {list(got.shape)}, not {list(expected.shape)}"
    if not np.allclose(got.astype(np.float64), expected, rtol=0, atol=_TOLERANCE):
        return "wrong", f"x @ W + b is {got.tolist()}, not {expected.tolist()}"
    return "ok", "x @ W + b"


def _model() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["xw"], "matmul"),
        helper.make_node("Add", ["xw", "b"], ["y"], "add"),
    ]
    graph = helper.make_graph(
        nodes,
        "check",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(_W, "W"), numpy_helper.from_array(_B, "b")],
    )
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())
