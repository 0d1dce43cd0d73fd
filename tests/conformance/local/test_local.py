"""Where a device goes wrong inside a model is found, and nothing else is accused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from hal_conformance.numerics.arithmetic import FORMATS, arithmetic
from hal_conformance.numerics.extraction import Part, Whole
from hal_conformance.numerics.local import Finding, judged, locate, ranked, shown
from hal_conformance.numerics.simulated import exactly, run
from onnx import helper, numpy_helper

import hal
from hal.tensor import Array, Tensor, Value

FP32 = arithmetic("fp32")


def numbers(seed: int, *shape: int) -> Array:
    random = np.random.Generator(np.random.PCG64(seed))
    return random.standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="module")
def whole() -> Whole:
    """A residual network of 14 nodes: dense layers, convolution-free, with a normalisation."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    before = "x"
    for layer in range(3):
        weights += [
            numpy_helper.from_array(numbers(2 * layer, 96, 96) / np.float32(10), f"w{layer}"),
            numpy_helper.from_array(numbers(2 * layer + 1, 96), f"b{layer}"),
        ]
        nodes += [
            helper.make_node("MatMul", [before, f"w{layer}"], [f"m{layer}"], f"matmul{layer}"),
            helper.make_node("Add", [f"m{layer}", f"b{layer}"], [f"a{layer}"], f"bias{layer}"),
            helper.make_node("Tanh", [f"a{layer}"], [f"t{layer}"], f"tanh{layer}"),
            helper.make_node("Add", [f"t{layer}", before], [f"r{layer}"], f"residual{layer}"),
        ]
        before = f"r{layer}"
    nodes += [
        helper.make_node("Softmax", [before], ["s"], "softmax"),
        helper.make_node("Sqrt", ["s"], ["y"], "sqrt"),
    ]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [64, 96])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [64, 96])
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    opsets = [helper.make_opsetid("", 17)]
    return Whole(helper.make_model(graph, opset_imports=opsets, ir_version=8))


@pytest.fixture(scope="module")
def tensors(whole: Whole) -> dict[str, Tensor]:
    """What a correct device holds in every name."""
    model = whole.exposed()
    feeds = {"x": Tensor.of(numbers(99, 64, 96))}
    found = run(model, {"x": exactly(feeds["x"])}, FP32, 3)
    names = [output.name for output in model.graph.output]
    pairs = zip(names, found, strict=True)
    return {**feeds, **{name: value for name, value in pairs if isinstance(value, Tensor)}}


def answered(
    whole: Whole, part: Part, tensors: dict[str, Tensor], device: str, *, wrong: bool = False
) -> Finding:
    """The finding on a part of a simulated device; `wrong` moves 1 % by 64 ulp."""
    model = whole.submodel(part, tensors)
    feeds = {name: tensors[name] for name in part.inputs}
    exact = {name: exactly(value) for name, value in feeds.items()}
    got: Sequence[Value] = run(model, exact, arithmetic(device), 5)
    if wrong:
        got = [_moved(value) for value in got]
    return judged(part, model, feeds, got, FP32)


def _moved(value: Value) -> Tensor:
    assert isinstance(value, Tensor)
    flat = np.array(value.array.ravel(), np.float64)
    count = flat.size
    chosen = np.random.Generator(np.random.PCG64(1)).permutation(count)[: count // 100]
    flat[chosen] += 64 * FORMATS["float32"].ulp(flat[chosen])
    return Tensor(flat.reshape(value.shape).astype(np.float32), value.dtype)


def test_64_ulp_on_one_element_in_a_hundred_are_found_where_no_long_sum_hides_them(
    whole: Whole, tensors: dict[str, Tensor]
) -> None:
    """Ten of fourteen nodes; the sound bound of a sum of 96 products is wider than 64 ulp."""
    found = {
        part.name: answered(whole, part, tensors, "fp32", wrong=True).is_suspicious
        for part in whole.single()
    }
    missed = {name for name, is_found in found.items() if not is_found}
    assert len(found) == 14
    assert {"matmul0", "matmul1", "matmul2"} < missed
    assert len(missed) == 4


def test_no_node_of_a_correct_device_is_accused(
    whole: Whole, tensors: dict[str, Tensor]
) -> None:
    findings = [answered(whole, part, tensors, "fp32") for part in whole.single()]
    assert {finding.outcome for finding in findings} == {"PASS"}


def test_a_bf16_contraction_is_told_as_one(whole: Whole, tensors: dict[str, Tensor]) -> None:
    found = [answered(whole, p, tensors, "bf16") for p in whole.single() if p.op == "MatMul"]
    assert [finding.held for finding in found] == ["bf16"] * 3


def test_segments_lie_between_residual_additions_and_normalisations(whole: Whole) -> None:
    segments = {part.outputs[0]: [n.name for n in part.nodes] for part in whole.segments()}
    assert segments["r1"] == ["matmul1", "bias1", "tanh1", "residual1"]
    assert set(segments) == {"r0", "r1", "r2"}


def test_a_correct_device_passes_everywhere_and_shows_its_own_values(whole: Whole) -> None:
    feeds = {"x": Tensor.of(numbers(99, 64, 96))}
    with hal.open("onnxruntime:cpu") as device:
        seen = shown(whole, device, feeds)
        findings = ranked(list(locate(whole, device, seen, FP32)))
    assert seen.source == "device"
    assert len(findings) == 17
    assert not any(finding.is_suspicious for finding in findings)
