"""Numbers of every kind in one batch, and the sizes that kernels tell apart."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hal_conformance.generated import Source, generate
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.entries import BATCH, EVERY, FINITE, entries, every
from hal_conformance.generated.form import Form, In
from hal_conformance.generated.newest import FULL, PLANES, newest

from hal import dtypes
from hal.tensor import Tensor

FLOAT = dtypes.of_name("float32")


def _source(op: str, label: str) -> Source:
    (found,) = [source for source in generate(op) if source.label == label]
    return found


def test_entries_lie_along_the_axis_asked_for() -> None:
    made = entries(*EVERY, axis=1)(Draw("a case"), (2, BATCH, 3), FLOAT)
    finite = np.isfinite(made).all(axis=(0, 2))
    assert made.shape == (2, BATCH, 3)
    assert finite.tolist() == [True] * len(FINITE) + [False] * 4 + [True]


def test_a_batch_holds_nan_infinities_subnormals_zeros_and_what_float16_cannot() -> None:
    made = np.abs(every(Draw("a case"), (BATCH, 24), FLOAT).astype(np.float64))
    _, subnormal, apart, zero, nan, infinite, *_ = made
    assert 0 < subnormal.max() < np.finfo(np.float32).tiny
    assert apart.max() > np.finfo(np.float16).max
    assert not zero.any()
    assert np.isnan(nan).sum() == 1
    assert np.isinf(infinite).sum() == 1


def test_sizes_begin_with_the_same_twice_and_hold_odd_square_long_and_empty_ones() -> None:
    assert PLANES[0] == PLANES[1]
    assert any(size["H"] == size["W"] for size in PLANES)
    assert {size["W"] % 2 for size in PLANES} == {0, 1}
    assert any(size["W"] > 32 for size in PLANES)
    assert [size for size in PLANES if size not in FULL] == [{"N": 0, "H": 4, "W": 5}]


def test_forms_for_the_newest_version_are_made_for_no_other() -> None:
    (form,) = newest("Conv", [Form("any", (In((1,)),), core=True)])
    assert form.since == onnx.defs.get_schema("Conv").since_version
    assert form.core
    versions = {s.id.split("/")[2] for s in generate("Conv") if s.label == "kinds"}
    assert versions == {str(form.since)}


@pytest.mark.parametrize("label", ["kinds", "shapes"])
def test_max_unpool_is_given_a_place_of_its_own_in_each_window(label: str) -> None:
    for feeds in _source("MaxUnpool", label).datasets:
        given = feeds["I"]
        assert isinstance(given, Tensor)
        rows, columns = given.shape[-2:]
        places = given.array.reshape(-1, rows, columns)
        planes = np.arange(len(places))[:, None, None] * 4 * rows * columns
        row, column = np.divmod(places - planes, 2 * columns)
        assert (row // 2 == np.arange(rows)[:, None]).all()
        assert (column // 2 == np.arange(columns)).all()


def test_sums_of_many_channels_are_beyond_what_float32_holds() -> None:
    feeds = _source_of("ConvInteger", "uint8", "many_channels").datasets[0]
    x, w = feeds["x"], feeds["w"]
    assert isinstance(x, Tensor)
    assert isinstance(w, Tensor)
    assert np.tensordot(x.array[0, :, :3, :3].astype(np.int64), w.array[0], 3) > 2**24


def _source_of(op: str, types: str, label: str) -> Source:
    (found,) = [s for s in generate(op) if s.id.endswith(f"/{types}/{label}")]
    return found


def test_boxes_of_equal_scores_are_asked_for() -> None:
    sources = [s for s in generate("NonMaxSuppression") if s.label == "equal_scores"]
    assert sources
    for source in sources:
        scores = source.datasets[0]["scores"]
        assert isinstance(scores, Tensor)
        assert len(np.unique(scores.array[0, 0])) == 1
