"""Without a generator a pass is the reference: what has noise of its own computes right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from hal_conformance.numerics.arithmetic import ARITHMETICS, Array
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.typical import reference, typical
from onnx import helper

FP64, FP32 = ARITHMETICS["fp64"], ARITHMETICS["fp32"]


def one_node(
    op: str, arrays: Mapping[str, Array], outputs: int, opset: int, **attributes: Any
) -> onnx.ModelProto:
    names = [f"y{k}" for k in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(op, list(arrays), names, **attributes)],
        "g",
        [
            helper.make_tensor_value_info(n, 1 if a.dtype.kind == "f" else 7, a.shape)
            for n, a in arrays.items()
        ],
        [helper.make_tensor_value_info(name, 1, None) for name in names],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def normal(*shape: int) -> Array:
    return np.random.Generator(np.random.PCG64(len(shape))).standard_normal(shape).astype("f4")


def recurrent(gates: int, directions: int) -> dict[str, Array]:
    hidden = 4
    return {
        "X": normal(6, 2, 3),
        "W": normal(directions, gates * hidden, 3),
        "R": normal(directions, gates * hidden, hidden),
        "B": normal(directions, 2 * gates * hidden),
    }


CASES: dict[str, tuple[str, dict[str, Array], int, int, dict[str, Any]]] = {
    "RNN": ("RNN", recurrent(1, 1), 2, 14, {"hidden_size": 4}),
    "RNN of Relu": ("RNN", recurrent(1, 1), 2, 14, {"hidden_size": 4, "activations": ["Relu"]}),
    "GRU": ("GRU", recurrent(3, 1), 2, 14, {"hidden_size": 4}),
    "GRU, linear": (
        "GRU",
        recurrent(3, 1),
        2,
        14,
        {"hidden_size": 4, "linear_before_reset": 1},
    ),
    "GRU backwards": (
        "GRU",
        recurrent(3, 1),
        2,
        14,
        {"hidden_size": 4, "direction": "reverse"},
    ),
    "LSTM": ("LSTM", recurrent(4, 1), 3, 14, {"hidden_size": 4}),
    "LSTM both ways": (
        "LSTM",
        recurrent(4, 2),
        3,
        14,
        {"hidden_size": 4, "direction": "bidirectional"},
    ),
    "Softmax": ("Softmax", {"x": normal(3, 7)}, 1, 17, {}),
    "Softmax over several axes": ("Softmax", {"x": normal(3, 4, 5)}, 1, 11, {"axis": 1}),
    "LogSoftmax": ("LogSoftmax", {"x": normal(3, 7)}, 1, 11, {"axis": 1}),
    "ReduceL2": ("ReduceL2", {"x": normal(3, 7)}, 1, 13, {"axes": [1]}),
    "STFT": (
        "STFT",
        {"x": normal(1, 40, 1), "step": np.array(4, np.int64), "window": normal(16)},
        1,
        17,
        {},
    ),
    "STFT of another length": (
        "STFT",
        {"x": normal(1, 40, 1), "step": np.array(4, np.int64), "window": normal(12)},
        1,
        17,
        {},
    ),
    "DFT": ("DFT", {"x": normal(1, 40, 1)}, 1, 17, {"axis": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_pass_without_noise_is_the_reference(name: str) -> None:
    op, arrays, outputs, opset, attributes = CASES[name]
    proto = one_node(op, arrays, outputs, opset, **attributes)
    feeds = {key: Pair.exact(np.asarray(array)) for key, array in arrays.items()}
    found = reference(proto, dict(feeds))
    for ours, right in zip(found, bounds(proto, dict(feeds), FP64), strict=True):
        assert isinstance(ours, Pair)
        assert isinstance(right, Pair)
        np.testing.assert_allclose(ours.value, right.value, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_the_bound_is_as_large_as_what_float32_rounds_and_no_thousand_times(name: str) -> None:
    op, arrays, outputs, opset, attributes = CASES[name]
    proto = one_node(op, arrays, outputs, opset, **attributes)
    feeds = {key: Pair.exact(np.asarray(array)) for key, array in arrays.items()}
    for found in typical(proto, dict(feeds), FP32):
        assert isinstance(found, Pair)
        scale = float(np.sqrt(np.mean(np.square(found.value))))
        assert (found.errors() > 2.0**-25 * scale).all()
        assert (found.errors() < 2.0**-14 * scale).all()


def test_a_later_step_carries_the_noise_of_those_before_it() -> None:
    arrays = recurrent(1, 1)
    arrays["R"] = 1.2 * np.eye(4, dtype=np.float32)[None]  # remembers more than it was told
    arrays["X"] = normal(40, 2, 3) / 50
    arrays["B"] = np.zeros_like(arrays["B"])
    proto = one_node("RNN", arrays, 2, 14, hidden_size=4)
    (every, _) = typical(proto, {k: Pair.exact(a) for k, a in arrays.items()}, FP32)
    assert isinstance(every, Pair)
    error = np.sqrt(np.mean(np.square(every.errors()), axis=(1, 2, 3)))
    floor = error.min()
    assert error[-1] > floor


def test_a_sum_of_equal_terms_errs_with_their_number() -> None:
    terms = np.full((1, 4096), np.float32(0.163))
    proto = one_node("ReduceMean", {"x": terms}, 1, 13, axes=[1])
    (found,) = typical(proto, {"x": Pair.exact(terms)}, FP32)
    assert isinstance(found, Pair)
    in_order = np.add.accumulate(terms, axis=1, dtype=np.float32)[:, -1:] / np.float32(4096)
    off = np.abs(in_order - found.value)
    assert (off < found.errors()).all()
    assert (off > 8 * 2.0**-24 * np.sqrt(4096) / 3 * found.value).all()


def test_zeros_among_equal_terms_add_nothing_to_its_error() -> None:
    terms = np.zeros((1, 4096), np.float32)
    terms[0, :4] = normal(4)
    proto = one_node("ReduceSum", {"x": terms}, 1, 11, axes=[1])
    (found,) = typical(proto, {"x": Pair.exact(terms)}, FP32)
    assert isinstance(found, Pair)
    assert (found.errors() < 2.0**-24 * 8 * np.sqrt(4096)).all()
