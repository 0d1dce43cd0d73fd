"""One node computed by the standard's reference evaluator, on the arrays it is given.

Given float64 it computes in float64, which makes it the reference for operators that move,
select or add. It is no oracle for Erf, LayerNormalization or Gelu (1e-5 to 6e-8 off on
doubles): the rules of those compute their own values.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator


def run_node(node: onnx.NodeProto, version: int, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a node whose operator means `version`, given its inputs in order.

    Absent optional inputs are None; absent outputs come back as None.

    Raises:
        Exception: whatever the reference raises; it refuses what it cannot compute.
    """
    groups = next((a.i for a in node.attribute if a.name == "group"), 1)
    if node.op_type == "ConvTranspose" and groups > 1:
        return [_by_group(node, version, inputs, groups)]
    given = [value for value in inputs if value is not None]
    present = tuple(value is not None for value in inputs)
    evaluator, count = _evaluator(node.SerializeToString(), version, present)
    names = [f"i{k}" for k in range(len(given))]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        results = evaluator.run(None, dict(zip(names, given, strict=True)), attributes={})
    arrays = [np.asarray(r) if np.isscalar(r) else r for r in results]
    filled = iter(arrays)
    return [next(filled) if name else None for name in node.output[:count]]


def _by_group(
    node: onnx.NodeProto, version: int, inputs: Sequence[Any], groups: int
) -> np.ndarray[Any, Any]:
    """A grouped ConvTranspose, a group at a time.

    The evaluator cuts the weights by channels of the result, and keeps the first channel of
    each group alone (onnx 1.23.2, op_conv_transpose.py).
    """
    single = onnx.NodeProto()
    single.CopyFrom(node)
    next(a for a in single.attribute if a.name == "group").i = 1
    cut = (np.split(inputs[0], groups, axis=1), np.split(inputs[1], groups, axis=0))
    biases = [np.split(bias, groups) for bias in inputs[2:] if bias is not None]
    parts = [run_node(single, version, each)[0] for each in zip(*cut, *biases, strict=True)]
    return np.concatenate(parts, axis=1)


@lru_cache(maxsize=4096)
def _evaluator(data: bytes, version: int, present: tuple[bool, ...]) -> tuple[Any, int]:
    node = onnx.NodeProto()
    node.ParseFromString(data)
    names: list[str] = []
    inputs: list[str] = []
    for is_there in present:
        inputs.append(f"i{len(names)}" if is_there else "")
        names += [inputs[-1]] if is_there else []
    count = len(node.output)
    outputs = [f"o{k}" if name else "" for k, name in enumerate(node.output)]
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.input[:], copy.output[:]
    copy.input.extend(inputs)
    copy.output.extend(outputs)
    function = helper.make_function(
        "hal.numerics",
        "Node",
        names,
        [name for name in outputs if name],
        [copy],
        [helper.make_opsetid(node.domain, version)],
    )
    return ReferenceEvaluator(function), count
