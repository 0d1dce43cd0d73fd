"""What operators of text, labels and dictionaries owe in every shape, and from run to run.

Data sets of one executable differ in their words, and in their sizes; the second has the sizes
of the first, so that what is kept from it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.families import ml
from hal_conformance.generated.form import Binding, Family, Form, In, more
from hal_conformance.generated.kinds import KINDS, kinds
from hal_conformance.generated.newest import newest, sizes
from hal_conformance.generated.values import Maker, Shape
from hal_conformance.numerics.arithmetic import Array

_LINES = sizes("N", (6,), (6,), (16,), (3,), (1,), (37,))
_ROWS = sizes("NM", (4, 8), (4, 8), (9, 9), (3, 1), (1, 6), (1, 1), (37, 35))


def words(*given: str) -> Maker:
    """Of these words, any."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        made = np.array(given, object)[draw.integers(0, len(given), int(np.prod(shape)))]
        return np.asarray(made, dtype.numpy).reshape(shape)

    return make


def numbers(*given: float) -> Maker:
    """Of these numbers, any."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        made = np.array(given)[draw.integers(0, len(given), int(np.prod(shape)))]
        return values.as_type(made, dtype).reshape(shape)

    return make


def _normalised() -> list[Form]:
    some = words("monday", "Monday", "GRÜN", "a", "B", "Tuesday", "x y")
    upper = {"case_change_action": "UPPER"}
    stop = {"stopwords": ["monday", "a"], "is_case_sensitive": 1}
    return [
        Form("shapes", (In(("N",), some),), upper, sizes=_LINES),
        Form("shapes_stopped", (In(("N",), some),), {**upper, **stop}, sizes=_LINES[:4]),
        Form("long_row", (In((1, 24), some),), upper),
    ]


def _split() -> list[Form]:
    some = words("a b c", " lead", "grün 日本 ", "a,b,,c", "x  y", "one", "p q")
    more: dict[str, Any] = {"outputs": (True, True)}
    return [
        Form("shapes", (In(("N",), some),), sizes=_LINES, ranks=(2, 1), **more),
        Form("shapes_rows", (In(("N", "M"), some),), sizes=_ROWS, ranks=(3, 2), **more),
        Form("none", (In((0,), some),), ranks=(2, 1), **more),
        Form("one_word", (In((1, 8), words("a", "b")),), ranks=(3, 2), **more),
    ]


def _matched() -> list[Form]:
    some = words("a", "abc", "zz", "grün", "A", "", "a1")
    rows = (*_ROWS, {"N": 0, "M": 3})
    return [
        Form("shapes", (In(("N", "M"), some),), {"pattern": "[a-z]*"}, sizes=rows),
        Form("three", (In((2, 5, 7), some),), {"pattern": "[a-z]+"}),
        Form("two", (In((3, 5), some),), {"pattern": ".{2,}"}),
    ]


def _joined() -> list[Form]:
    return [
        Form("shapes", (In(("N", "M")), In(("M",))), sizes=_ROWS),
        Form("five", (In((2, 3, 2, 3, 4)), In((3, 4)))),
    ]


def _counted() -> list[Form]:
    pool = {
        "ngram_counts": [0, 4],
        "ngram_indexes": [0, 1, 2, 3, 4, 5, 6],
        "min_gram_length": 1,
        "max_gram_length": 2,
        "max_skip_count": 0,
        "mode": "TF",
        "pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8, 6, 7],
    }
    lines = sizes("N", (8,), (8,), (5,), (37,))
    return [
        Form("shapes", (In(("N",), values.whole(2, 9)),), pool, kinds="whole", sizes=lines),
        Form("long_row", (In((3, 25), values.whole(2, 9)),), pool, kinds="whole"),
    ]


def _losses() -> list[Form]:
    def form(label: str, shape: Any, labels: Any, **more: Any) -> Form:
        each = In(labels, more.pop("make", values.whole(0, 5)))
        return Form(label, (In(shape, more.pop("scores", values.any_)), each), **more)

    each = {"reduction": "none"}
    rows = sizes("NL", (2, 8), (2, 8), (3, 5), (1, 1), (33, 35))
    planes = (In(("N", 5, "L")), In(("N", "L"), values.whole(0, 5)))
    weight = In((5,), values.between(0.25, 2))
    nothing = {**each, "ignore_index": -1}
    return [
        # As far as to scores that lie far apart, whose shares vanish.
        form(
            "kinds", (9, 5), (9,), scores=kinds(), make=values.fixed([0] * 9), attributes=each
        ),
        Form("shapes", planes, each, sizes=rows),
        Form("shapes_weight", (*planes, weight), each, sizes=rows[:3]),
        form("negative", (9, 5), (9,), make=values.whole(-1, 5), attributes=nothing),
        form("square", (2, 5, 5), (2, 5), attributes=each),
        form("five", (2, 5, 2, 3, 4), (2, 2, 3, 4), attributes=each),
        form("ignored", (9, 5), (9,), attributes={**each, "ignore_index": 2}),
    ]


def _both(first: str, second: str) -> Any:
    def holds(binding: Binding) -> bool:
        return (binding["T1"], binding["T2"]) == (f"tensor({first})", f"tensor({second})")

    return holds


def _categories() -> list[Form]:
    table = {"cats_int64s": [1, 2, 3, 4], "cats_strings": ["cat", "dog", "grün", ""]}
    known = words("dog", "grün", "zebra", "", "cat")
    return [
        Form(
            "shapes",
            (In(("N",), known),),
            table,
            sizes=_LINES,
            only=_both("string", "int64"),
        ),
        Form(
            "shapes_numbers",
            (In(("N",), numbers(1, 2, 3, 4, 9)),),
            table,
            sizes=_LINES,
            only=_both("int64", "string"),
        ),
        Form(
            "rows",
            (In((37, 35), known),),
            table,
            only=_both("string", "int64"),
            ranks=(2,),
        ),
    ]


def _labels() -> list[Form]:
    table = {"keys_strings": ["cat", "dog", "grün", ""], "values_int64s": [10, -20, 30, 40]}
    back = {"keys_int64s": [1, 2, 3, 4], "values_strings": ["a", "é", "z", ""]}
    ratio = {"keys_floats": [1.0, 2.0, 3.0], "values_floats": [0.1, -1.5, 2.5]}
    given = (In(("N",), words("cat", "dog", "grün", "", "zebra")),)
    asked = (In(("N",), numbers(1, 2, 3, 4)),)
    more: dict[str, Any] = {"sizes": _LINES, "since": 2}
    return [
        Form("shapes", given, table, only=_both("string", "int64"), **more),
        Form("shapes_back", asked, back, only=_both("int64", "string"), **more),
        Form("shapes_floats", asked, ratio, only=_both("float", "float"), **more),
    ]


def _one_hot() -> list[Form]:
    table = {"cats_int64s": [0, 2, 4, 7, 9, 11, 12]}
    some = numbers(0, 2, 4, 5, 7, 9, 11, 12)
    texts = {"cats_strings": ["a", "b", "ç", ""]}
    return [
        Form("shapes", (In(("N",), some),), table, kinds="number", sizes=_LINES, ranks=(2,)),
        Form("rows", (In((31, 35), some),), table, kinds="number", ranks=(3,)),
        Form("last", (In((5,), numbers(12, 11)),), table, kinds="number", ranks=(2,)),
        Form(
            "shapes_texts",
            (In(("N",), words("a", "ç", "zz", "", "b")),),
            texts,
            kinds="text",
            sizes=_LINES,
            ranks=(2,),
        ),
    ]


def _picked() -> list[Form]:
    rows = sizes("NMK", (2, 8, 3), (2, 8, 3), (4, 7, 16), (1, 24, 40), (3, 8, 2), (131, 8, 35))
    given = (In(("N", "M"), values.held), In(("K",), values.whole(0, 7)))
    plain = (In(("N", "M")), In(("K",), values.whole(0, 7)))
    return [
        Form("shapes", given, core=True, sizes=rows, ranks=(2,)),
        Form("shapes_plain", plain, kinds="float", sizes=rows, ranks=(2,)),
        Form(
            "kinds",
            (In((9, KINDS), kinds(1)), In((KINDS,), values.shuffled)),
            kinds="float",
            ranks=(2,),
        ),
    ]


_TEXT: Sequence[tuple[str, list[Form]]] = (
    ("StringNormalizer", _normalised()),
    ("StringSplit", _split()),
    ("RegexFullMatch", _matched()),
    ("StringConcat", _joined()),
    ("TfIdfVectorizer", _counted()),
)

FAMILIES = (
    *(Family((op,), newest(op, forms)) for op, forms in _TEXT),
    *(
        Family((op,), newest(op, _losses()), typing="free")
        for op in ("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
    ),
    *(
        more(ml.FAMILIES, op, forms)
        for op, forms in (
            ("CategoryMapper", _categories()),
            ("LabelEncoder", _labels()),
            ("OneHotEncoder", _one_hot()),
            ("ArrayFeatureExtractor", _picked()),
        )
    ),
)
