"""Movement: values and errors go to the same places, and nothing is added to either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hal_conformance.numerics.arithmetic import FORMATS, Array, arithmetic
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.spans import nearest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

FP32 = arithmetic("fp32")


def walk(
    nodes: Sequence[onnx.NodeProto],
    feeds: dict[str, Quantity],
    outputs: Sequence[str],
    opset: int,
) -> list[Quantity]:
    """A graph of these nodes through the engine."""
    infos = [helper.make_tensor_value_info(name, 1, None) for name in feeds]
    made = [helper.make_tensor_value_info(name, 1, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "g", infos, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return bounds(model, feeds, FP32)


def run(
    op: str, *operands: Quantity, opset: int = 24, count: int = 1, **attributes: Any
) -> list[Quantity]:
    names = [f"x{k}" if value is not None else "" for k, value in enumerate(operands)]
    outputs = [f"y{k}" for k in range(count)]
    node = helper.make_node(op, names, outputs, **attributes)
    feeds = {name: value for name, value in zip(names, operands, strict=True) if name}
    return walk([node], feeds, outputs, opset)


def pair(value: Quantity) -> Pair:
    assert isinstance(value, Pair)
    return value


def ints(*values: int) -> Pair:
    return Pair.exact(np.array(values, np.int64))


def marked(*shape: int) -> Pair:
    """Elements 1, 2, 3, ... whose errors are 1/2 of each: an error tells where it is from."""
    value = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    return Pair(value, value / 2, "float32")


MOVES: list[tuple[str, list[Quantity], dict[str, Any]]] = [
    ("Reshape", [marked(2, 6), ints(3, -1)], {}),
    ("Flatten", [marked(2, 3, 2)], {"axis": 2}),
    ("Transpose", [marked(2, 3, 4)], {"perm": [2, 0, 1]}),
    ("Squeeze", [marked(2, 1, 3), ints(1)], {}),
    ("Unsqueeze", [marked(2, 3), ints(-1)], {}),
    ("Gather", [marked(5, 2), ints(-1, 0, 0)], {"axis": 0}),
    ("GatherElements", [marked(2, 2), Pair.exact(np.array([[1, 0], [0, -1]]))], {"axis": 1}),
    ("GatherND", [marked(3, 2), Pair.exact(np.array([[2, 1], [0, 0]]))], {}),
    ("Slice", [marked(6, 4), ints(5, -3), ints(-7, 4), ints(0, 1), ints(-2, 1)], {}),
    ("Expand", [marked(3, 1), ints(2, 3, 4)], {}),
    ("Tile", [marked(2, 3), ints(2, 2)], {}),
    ("DepthToSpace", [marked(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"}),
    ("SpaceToDepth", [marked(1, 2, 4, 6)], {"blocksize": 2}),
    ("Trilu", [marked(4, 4), ints(1)], {"upper": 0}),
    ("Compress", [marked(4, 2), Pair.exact(np.array([True, False, True]))], {"axis": 0}),
    ("ReverseSequence", [marked(4, 2), ints(4, 2)], {"time_axis": 0, "batch_axis": 1}),
    ("Identity", [marked(3)], {}),
    ("CenterCropPad", [marked(5, 3), ints(3, 4)], {}),
    ("Pad", [marked(2, 3), ints(0, 1, 1, 2)], {"mode": "reflect"}),
    (
        "TensorScatter",
        [
            marked(2, 4, 3),
            Pair(-marked(2, 1, 3).value, marked(2, 1, 3).error, "float32"),
            ints(1, 3),
        ],
        {"axis": 1},
    ),
]


@pytest.mark.parametrize(("op", "operands", "attributes"), MOVES, ids=lambda v: str(v)[:16])
def test_errors_move_with_their_elements(
    op: str, operands: list[Quantity], attributes: dict[str, Any]
) -> None:
    result = pair(run(op, *operands, **attributes)[0])
    assert result.value.size
    assert (result.errors() == np.abs(result.value) / 2).all()
    assert np.count_nonzero(result.value) > 1


@pytest.mark.parametrize(("op", "operands", "attributes"), MOVES, ids=lambda v: str(v)[:16])
def test_exact_values_stay_exact(
    op: str, operands: list[Quantity], attributes: dict[str, Any]
) -> None:
    exact = [Pair(o.value, None, o.dtype) if isinstance(o, Pair) else o for o in operands]
    assert pair(run(op, *exact, **attributes)[0]).is_exact


def test_what_pads_has_its_own_error() -> None:
    fill = Pair(np.array(7.0), np.array(0.25), "float32")
    result = pair(run("Pad", marked(2), ints(1, 2), fill)[0])
    assert result.value.tolist() == [7, 1, 2, 7, 7]
    assert result.errors().tolist() == [0.25, 0.5, 1.0, 0.25, 0.25]


def test_an_attribute_that_pads_has_no_error() -> None:
    result = pair(run("Pad", marked(2), opset=10, pads=[1, 1], value=9.0)[0])
    assert result.value.tolist() == [9, 1, 2, 9]
    assert result.errors().tolist() == [0, 0.5, 1.0, 0]


def test_one_hot_values_keep_their_errors() -> None:
    values = Pair(np.array([-1.0, 4.0]), np.array([0.125, 0.5]), "float32")
    result = pair(run("OneHot", ints(1, -1), Pair.exact(np.array(3)), values)[0])
    assert result.value.tolist() == [[-1, 4, -1], [-1, -1, 4]]
    assert result.errors().tolist() == [[0.125, 0.5, 0.125], [0.125, 0.125, 0.5]]


def test_a_place_that_may_be_another_leaves_nothing_known() -> None:
    index = Pair(np.array([0]), np.array([1.0]), "int64")
    assert np.isinf(pair(run("Gather", marked(3), index)[0]).errors()).all()


def test_parts_and_wholes_keep_errors() -> None:
    parts = run("Split", marked(5), ints(2, 3), count=2)
    assert [pair(p).errors().tolist() for p in parts] == [[0.5, 1.0], [1.5, 2.0, 2.5]]
    whole = pair(run("Concat", *parts, axis=0)[0])
    assert whole.errors().tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]


@pytest.mark.parametrize("opset", [11, 24])
def test_sequences_hand_their_elements_on(opset: int) -> None:
    (items,) = run("SplitToSequence", marked(5, 2), ints(2, 3), opset=opset, axis=0)
    assert isinstance(items, list)
    assert [pair(item).value.shape for item in items] == [(2, 2), (3, 2)]
    (last,) = run("SequenceAt", items, Pair.exact(np.array(-1)), opset=opset)
    assert pair(last).errors()[0, 0] == 2.5
    (grown,) = run("SequenceInsert", items, marked(1, 2), Pair.exact(np.array(0)), opset=opset)
    (joined,) = run("ConcatFromSequence", grown, opset=opset, axis=0)
    assert pair(joined).value[:, 0].tolist() == [1, 1, 3, 5, 7, 9]
    (left,) = run("SequenceErase", items, opset=opset)
    (length,) = run("SequenceLength", left, opset=opset)
    assert int(pair(length).value) == 1


def test_single_slices_may_drop_their_axis() -> None:
    (items,) = run("SplitToSequence", marked(2, 3), axis=1, keepdims=0)
    assert isinstance(items, list)
    assert [pair(item).value.tolist() for item in items] == [[1, 4], [2, 5], [3, 6]]


def test_shapes_are_exact_whatever_the_errors() -> None:
    unknown = marked(2, 3).unknown()
    assert pair(run("Shape", unknown)[0]).value.tolist() == [2, 3]
    assert pair(run("Shape", unknown, start=1)[0]).value.tolist() == [3]
    assert pair(run("Size", unknown)[0]).is_exact


def test_constants_of_every_kind() -> None:
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("v", 1, [2], [5.0, 6.0]),
        helper.make_tensor("i", 7, [2], [1, 4]),
        [2, 3],
    )
    dense = pair(run("Constant", sparse_value=sparse)[0])
    assert dense.value.tolist() == [[0, 5, 0], [0, 6, 0]]
    assert pair(run("Constant", value_float=0.1)[0]).value == np.float32(0.1)
    assert pair(run("Constant", value_ints=[1, 2])[0]).dtype == "int64"
    assert pair(run("Constant", value_strings=["a", "b"])[0]).value.tolist() == ["a", "b"]


@pytest.mark.parametrize("ordered", [0, 1])
def test_unique_values_in_both_orders(ordered: int) -> None:
    x = Pair.exact(np.array([2.0, 1.0, 2.0, 3.0], np.float32))
    values, first, inverse, counts = (
        pair(v) for v in run("Unique", x, count=4, sorted=ordered)
    )
    assert values.value.tolist() == ([1, 2, 3] if ordered else [2, 1, 3])
    assert (values.value[inverse.value] == x.value).all()
    assert (x.value[first.value] == values.value).all()
    assert counts.value.sum() == 4
    assert np.isinf(pair(run("Unique", marked(3))[0]).errors()).all()


def test_zeros_that_may_be_none_leave_places_unknown() -> None:
    sure = Pair(np.array([0.0, 2.0]), np.array([0.0, 1.0]), "float32")
    assert pair(run("NonZero", sure)[0]).value.tolist() == [[1]]
    assert pair(run("NonZero", sure)[0]).is_exact
    unsure = Pair(np.array([0.0, 0.5]), np.array([0.0, 1.0]), "float32")
    assert not pair(run("NonZero", unsure)[0]).is_exact


@settings(max_examples=40, deadline=None)
@given(st.floats(-100, 100, width=32), st.floats(2.0**-6, 10, width=32), st.integers(1, 200))
def test_ranges_by_products_and_by_sums_are_legal(
    start: float, delta: float, count: int
) -> None:
    s, d = np.float32(start), np.float32(delta)
    limit = np.float32(s + d * np.float32(count - 0.5))
    result = pair(run("Range", *(Pair.exact(np.array(v)) for v in (s, limit, d)))[0])
    total, sums = s, np.zeros(result.value.size, np.float32)
    for k in range(result.value.size):
        sums[k] = total
        total = total + d
    products = s + np.arange(result.value.size, dtype=np.float32) * d
    for got in (sums, products):
        assert (np.abs(got.astype(np.float64) - result.value) <= result.errors()).all()


def test_a_range_whose_length_is_in_doubt_is_unknown() -> None:
    limits = [Pair.exact(np.array(v, np.float32)) for v in (0.0, 0.3, 0.1)]
    assert np.isinf(pair(run("Range", *limits)[0]).errors()).all()
    whole = [Pair.exact(np.array(v, np.float32)) for v in (0.0, 4.0, 0.5)]
    assert np.isfinite(pair(run("Range", *whole)[0]).errors()).all()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["add", "mul", "max", "min"]), st.integers(0, 10**6))
def test_scattered_updates_in_any_order_are_legal(reduction: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    data, updates = (nearest(random.normal(size=n), FORMATS["float32"]) for n in (4, 12))
    places = random.integers(-4, 4, 12)
    result = pair(
        run(
            "ScatterElements",
            *(Pair(v, None, d) for v, d in ((data, "float32"), (places, "int64"))),
            Pair(updates, None, "float32"),
            reduction=reduction,
        )[0]
    )
    got = data.astype(np.float32)
    combine: Any = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
    for k in random.permutation(12):
        got[places[k]] = combine[reduction](got[places[k]], np.float32(updates[k]))
    assert (np.abs(got.astype(np.float64) - result.value) <= result.errors()).all()
    assert (result.errors() < 1e-4).all()


def test_scattering_without_a_reduction_moves() -> None:
    places = Pair.exact(np.array([[2], [0]]))
    updates = Pair(np.array([-8.0, -6.0]), np.array([4.0, 3.0]), "float32")
    result = pair(run("ScatterND", marked(4), places, updates)[0])
    assert result.value.tolist() == [-6, 2, -8, 4]
    assert (result.errors() == np.abs(result.value) / 2).all()
    old: Array = pair(run("Scatter", marked(4), ints(2, 0), updates, opset=9)[0]).value
    assert old.tolist() == [-6, 2, -8, 4]


def test_defaults_reach_the_bodies_of_functions() -> None:
    x = Pair.exact(np.zeros((2, 2), np.float32))
    (result,) = run("Celu", x, opset=12)
    assert pair(result).value.tolist() == [[0, 0], [0, 0]]
    node = helper.make_node("EyeLike", ["x0"], ["y0"], dtype=onnx.TensorProto.DOUBLE)
    assert pair(walk([node], {"x0": x}, ["y0"], 24)[0]).dtype == "float64"
    assert pair(run("EyeLike", x)[0]).dtype == "float32"


def test_normalised_text_loses_stopwords_and_case_only() -> None:
    words = Pair(np.array(["Monday", "grün", "", "monday"], object), None, "string")
    attributes: dict[str, Any] = {"stopwords": ["monday"], "case_change_action": "UPPER"}
    loose = pair(run("StringNormalizer", words, is_case_sensitive=0, **attributes)[0])
    assert loose.value.tolist() == ["GRÜN", ""]
    strict = pair(run("StringNormalizer", words, is_case_sensitive=1, **attributes)[0])
    assert strict.value.tolist() == ["MONDAY", "GRÜN", ""]
    rows = Pair(np.array([["monday"]], object), None, "string")
    empty = pair(run("StringNormalizer", rows, is_case_sensitive=0, **attributes)[0])
    assert empty.value.tolist() == [[""]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("TF", [2, 3, 3, 0]), ("IDF", [0.5, 1.5, 2, 0]), ("TFIDF", [1, 4.5, 6, 0])],
)
def test_ngrams_are_counted_across_gaps_and_weighed_by_their_place_in_the_pool(
    mode: str, expected: list[float]
) -> None:
    made = run(
        "TfIdfVectorizer",
        ints(5, 5, 7, 9, 5, 7),
        mode=mode,
        min_gram_length=1,
        max_gram_length=2,
        max_skip_count=1,
        ngram_counts=[0, 2],
        ngram_indexes=[1, 0, 2, 3],
        pool_int64s=[5, 7, 5, 7, 7, 7],
        weights=[1.5, 0.5, 2.0, 3.0],
    )
    assert pair(made[0]).value.tolist() == expected
