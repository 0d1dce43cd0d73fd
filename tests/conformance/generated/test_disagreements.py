"""Each entry of docs/disagreements.md: the evaluator, or a golden, is beyond the bound."""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hal_conformance.corpus import standard
from hal_conformance.generated import Source, generate
from hal_conformance.generated.strict.asked import Asked, ByBounds, of_source, of_standard
from onnx.reference import ReferenceEvaluator

from hal import dtypes
from hal.tensor import Tensor, Value, plain_of

PAGE = Path(__file__).parents[3] / "docs" / "disagreements.md"

_ROW = re.compile(r"^\| `(?P<case>(?:ops|onnx)/[^`]+)` \| (?P<what>raises|differs) \|", re.M)


def _entries(prefix: str) -> list[tuple[str, str]]:
    found = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return [(case, what) for case, what in found if case.startswith(prefix)]


@cache
def _sources(op: str) -> dict[str, Source]:
    return {source.id: source for source in generate(op)}


def _as_value(plain: Any, like: Value) -> Value:
    """What the evaluator returned, as a device would return it."""
    array = np.asarray(plain)
    if array.dtype.kind in "UO":
        return Tensor(array.astype(object), dtypes.of_name("string"))
    if isinstance(like, Tensor) and array.dtype == like.dtype.numpy:
        return Tensor(array, like.dtype)
    return Tensor(array, dtypes.of_array(array))


def _evaluated(asked: Asked, right: ByBounds) -> list[Value]:
    feeds = {name: plain_of(value) for name, value in asked.datasets[0].items()}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        got: Any = ReferenceEvaluator(asked.model).run(None, feeds)  # pyright: ignore[reportUnknownMemberType]  # untyped
    return [_as_value(plain, like) for plain, like in zip(got, right.right, strict=True)]


def test_the_page_has_entries_of_both_kinds() -> None:
    assert len(_entries("ops/")) >= 12
    assert len(_entries("onnx/")) >= 4


@pytest.mark.parametrize(("case", "what"), _entries("ops/"))
def test_the_evaluator_departs_from_the_text(case: str, what: str) -> None:
    op = case.split("/")[-4]
    asked = of_source(_sources(op)[case])
    with np.errstate(all="ignore"):
        right = ByBounds(asked, 0)
        if what == "raises":
            with pytest.raises(Exception, match=r"."):
                _evaluated(asked, right)
        else:
            assert right.fails(_evaluated(asked, right))


@pytest.mark.parametrize(("case", "what"), _entries("onnx/"))
def test_the_golden_departs_from_the_text(case: str, what: str) -> None:
    corpus = standard()
    data = corpus.load(corpus.case(case))
    asked = of_standard(corpus.case(case), data)
    right = ByBounds(asked, 0)
    assert what == "differs"
    assert right.fails(list(data[0].expected))
