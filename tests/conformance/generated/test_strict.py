"""The strict count: what counts would be noticed, and what would not be does not count."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hal_conformance.generated.strict.asked import Asked, ByBounds
from hal_conformance.generated.strict.counting import Counter
from hal_conformance.generated.strict.neighbours import misread, miswritten, narrowed, zeroed
from hal_conformance.generated.strict.sweep import of_operator
from onnx import helper

from hal import dtypes
from hal.tensor import MapValue, Tensor


def _tensor(values: object, name: str) -> Tensor:
    dtype = dtypes.of_name(name)
    array = np.array(values, object if name == "string" else dtype.numpy)
    return Tensor(array, dtype)


@pytest.mark.parametrize(
    ("name", "held", "lost"),
    [
        ("float64", 1.5, 1 + 2.0**-30),
        ("float32", 1.5, 1 + 2.0**-20),
        ("float16", 1.5, 1 + 2.0**-10),
        ("bfloat16", 1.5, 1 + 2.0**-7),
        ("int64", -5, 2**32 + 1),
        ("int32", -5, 2**16),
        ("uint8", 15, 16),
        ("int4", -2, 2),
        ("string", "abc", "grün"),
        ("bool", True, False),
    ],
)
def test_the_neighbour_loses_what_needs_the_type(name: str, held: object, lost: object) -> None:
    found = narrowed(_tensor([held, lost], name))
    assert isinstance(found, Tensor)
    given = _tensor([held, lost], name).array
    assert (found.array == given).tolist() == [True, False]
    assert found.array.dtype == given.dtype


def test_narrow_whole_numbers_wrap() -> None:
    found = narrowed(_tensor([2**31, -(2**31) - 1], "int64"))
    assert isinstance(found, Tensor)
    assert found.array.tolist() == [-(2**31), 2**31 - 1]


def test_positions_are_read_and_written_in_half_the_width() -> None:
    read, written = misread(_tensor([1, -2], "int64")), miswritten(_tensor([1, 2], "int64"))
    assert isinstance(read, Tensor)
    assert isinstance(written, Tensor)
    assert read.array.tolist() == [1, 0]
    assert written.array.tolist() == [1 + 2 * 2**32, 0]


def test_sequences_and_maps_are_forged_inside() -> None:
    words = MapValue(_tensor([1, 2], "int64"), _tensor([0.5, 2.0], "float32"))
    forged = zeroed([words, None, _tensor([3.0], "float32")])
    assert isinstance(forged, list)
    made, nothing, tensor = forged
    assert isinstance(made, MapValue)
    assert isinstance(tensor, Tensor)
    assert (made.keys.array.tolist(), made.values.array.tolist()) == ([1, 2], [0.0, 0.0])
    assert (nothing, tensor.array.tolist()) == (None, [0.0])


def _asked(
    op: str, *feeds: Tensor, outputs: tuple[str, ...] = ("y",), **attributes: Any
) -> Asked:
    names = [f"i{k}" for k in range(len(feeds))]
    node = helper.make_node(op, names, outputs, **attributes)
    inputs = [
        helper.make_tensor_value_info(name, feed.dtype.number, feed.shape)
        for name, feed in zip(names, feeds, strict=True)
    ]
    graph = helper.make_graph(
        [node], "g", inputs, [onnx.ValueInfoProto(name=n) for n in outputs]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    typed = onnx.shape_inference.infer_shapes(model)
    return Asked("case", typed, [dict(zip(names, feeds, strict=True))], ByBounds)


def _counted(op: str, version: int, *cases: Asked) -> Counter:
    counter = Counter("", op)
    counter.add([(version, case) for case in cases])
    return counter


def test_a_type_does_not_count_where_its_neighbour_gives_the_same() -> None:
    small = _asked("Transpose", _tensor([[1, 2], [3, 4]], "int64"))
    large = _asked("Transpose", _tensor([[1, 2], [3, 2**40]], "int64"))
    triple = ("", "Transpose", "T", "int64")
    version = 25
    assert triple not in _counted("Transpose", version, small).counted.triples
    assert triple in _counted("Transpose", version, large).counted.triples


def test_an_attribute_does_not_count_where_ignoring_it_gives_the_same() -> None:
    square = _tensor([[0.0, 1.0], [1.0, 0.0]], "float32")
    other = _tensor([[0.0, 1.0], [2.0, 0.0]], "float32")
    alike = _asked("Softmax", square, axis=0)
    told = _asked("Softmax", other, axis=0)
    assert ("", "Softmax", "axis") not in _counted("Softmax", 13, alike).counted.attributes
    assert ("", "Softmax", "axis") in _counted("Softmax", 13, told).counted.attributes


def test_a_pair_does_not_count_where_all_its_cases_are_vacuous() -> None:
    ones = _tensor([[1.0], [1.0], [1.0]], "float32")
    cancelling = _asked("MatMul", _tensor([[1e4, -1e4, 1e-3]], "float32"), ones)
    plain = _asked("MatMul", _tensor([[1.5, 2.0, 4.0]], "float32"), ones)
    assert ("", "MatMul", 13) not in _counted("MatMul", 13, cancelling).counted.pairs
    assert ("", "MatMul", 13) in _counted("MatMul", 13, plain).counted.pairs


@pytest.mark.parametrize("op", ["Add", "Gather", "Softmax", "Where"])
def test_every_type_of_common_operators_counts(op: str) -> None:
    from hal_conformance.generated import coverage

    counted = of_operator(("", op))
    wanted = {triple for triple in coverage.all_triples() if triple[:2] == ("", op)}
    assert wanted - counted.triples == set()


@pytest.mark.parametrize("op", ["Conv", "LSTM", "RandomNormal"])
def test_attributes_that_repeat_a_shape_or_seed_a_draw_count(op: str) -> None:
    name = {"Conv": "kernel_shape", "LSTM": "hidden_size", "RandomNormal": "seed"}[op]
    assert ("", op, name) in of_operator(("", op)).attributes


@pytest.mark.parametrize(("k", "counts"), [(2, True), (1, False)])
def test_an_order_that_is_asked_for_counts_where_another_order_fails(
    k: int, counts: bool
) -> None:
    x, number = _tensor([[1.0, 3.0, 2.0, 5.0]], "float32"), _tensor([k], "int64")
    asked = _asked("TopK", x, number, outputs=("y", "i"), sorted=1)
    assert (("", "TopK", "sorted") in _counted("TopK", 24, asked).counted.attributes) is counts


def test_two_probabilities_are_noticed_by_their_coefficients() -> None:
    found = of_operator(("ai.onnx.ml", "SVMClassifier")).attributes
    names = {name for *_, name in found}
    assert {"prob_a", "prob_b", "post_transform"} <= names
