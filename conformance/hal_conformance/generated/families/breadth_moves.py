"""What operators owe in every shape that compute element by element, move, select or hold.

`shapes` runs one executable on sizes that kernels tell apart: multiples of 8, even, odd, 1,
none, squares, rows of 17 and more, over 1,024 elements, and the first of them twice. `four` and
`five` have as many dimensions. `kinds` has NaN, infinities, subnormal and large numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, const
from hal_conformance.generated.kinds import KINDS, kinds
from hal_conformance.generated.newest import newest, sizes
from hal_conformance.generated.values import Maker, Shape
from hal_conformance.numerics.arithmetic import Array

CUBES = sizes(
    "NCM", (2, 3, 8), (2, 3, 8), (3, 5, 5), (1, 2, 1), (1, 2, 2), (0, 2, 3), (33, 2, 35)
)
_CUBE = ("N", "C", "M")
_FULL = tuple(size for size in CUBES if size["N"])
_ROWS = sizes("NM", (4, 8), (4, 8), (9, 9), (3, 1), (1, 6), (1, 1), (0, 4), (33, 35))
_ROW = ("N", "M")
_LARGE = (29, 37)

Forms = Sequence[Form]


def _several(count: int, make: Maker) -> list[Form]:
    def form(label: str, shape: Any, **more: Any) -> Form:
        return Form(label, (In(shape, make),) * count, **more)

    return [
        form("shapes", _CUBE, sizes=CUBES),
        form("vector", (7,)),
        form("four", (2, 3, 5, 4)),
        form("five", (2, 3, 2, 3, 4)),
    ]


def _shifted() -> list[Form]:
    given = (In(_CUBE, values.wide), In(_CUBE, values.whole(0, 8)))
    return [Form("shapes", given, {"direction": "LEFT"}, sizes=CUBES)]


def _found() -> list[Form]:
    """NaN and infinities at every place that a kernel may treat apart."""
    nan, inf = float("nan"), float("inf")
    some = values.cycle((nan, inf, 1, -inf, nan, 2, inf, nan, nan, -1, inf))
    return [
        Form("many", (In((2, 6, 11), some),), kinds="float"),
        Form("odd", (In((5, 7), some),), kinds="float"),
    ]


def _types(first: str, second: str) -> Any:
    def holds(binding: Binding) -> bool:
        return (binding["T1"], binding["T2"]) == (f"tensor({first})", f"tensor({second})")

    return holds


def _likes() -> list[Form]:
    made = _several(2, values.whole(0, 9))
    return [replace(form, only=_types("float", "int32")) for form in made]


def _bits() -> list[Form]:
    only = _types("float", "int32")
    return [
        Form("kinds", (In((KINDS, 9), kinds()),), {"to": 6}, only=only),
        Form("shapes", (In(_CUBE),), {"to": 6}, only=only, sizes=CUBES),
    ]


def _held(*rest: In | None, **attributes: Any) -> list[Form]:
    """Tensors of three dimensions before operands that are the same for all."""
    return [Form("shapes", (In(_CUBE), *rest), attributes, sizes=CUBES)]


def _columns(draw: Draw, shape: Shape, dtype: DType) -> Array:
    """Along the second axis, positions that never meet."""
    rows, count, rest = shape
    made = np.empty((rows, rest, count), np.int64)
    for place in np.ndindex(rows, rest):
        made[place] = draw.permutation(count)
    return values.as_type(np.moveaxis(made, -1, 1), dtype)


def _picked() -> list[Form]:
    place = values.index(2)
    return [
        Form("kinds", (In((KINDS, 9), kinds()), In((KINDS, 9), values.index(9))), {"axis": 1}),
        Form("shapes", (In(_CUBE), In(_CUBE, place)), {"axis": 1}, sizes=CUBES),
        Form("four", (In((2, 3, 2, 4)), In((2, 3, 2, 4), place)), {"axis": 2}),
        Form("second", (In((3, 4, 4, 2)), In((3, 4, 4, 2), values.index(4))), {"axis": 1}),
        Form("five", (In((2, 3, 2, 2, 4)), In((2, 3, 2, 2, 4), place)), {"axis": 3}),
    ]


def _points() -> list[Form]:
    every = values.fixed([[k] for k in range(KINDS)])
    return [
        Form("kinds", (In((KINDS, 9), kinds()), In((KINDS, 1), every))),
        Form("shapes", (In((5, "M")), In(("N", 1), values.index(5))), sizes=_ROWS),
    ]


def _scattered() -> list[Form]:
    place = values.fixed([[1, 0, 4]] * KINDS)
    rows = (In((KINDS, 5), kinds()), In((KINDS, 3), place), In((KINDS, 3), kinds()))
    return [
        Form("kinds", rows, {"axis": 1}),
        Form("shapes", (In(_CUBE), In(_CUBE, _columns), In(_CUBE)), {"axis": 1}, sizes=CUBES),
    ]


def _scattered_rows() -> list[Form]:
    place = values.fixed([[3], [0]])
    return [
        Form("shapes", (In((5, "N", "M")), In((2, 1), place), In((2, "N", "M"))), sizes=_ROWS)
    ]


def _cached() -> list[Form]:
    given = (
        In(("N", 3, 4, "M")),
        In(("N", 3, 2, "M")),
        In(("N",), values.whole(0, 3)),
    )
    rows = tuple(one for one in _ROWS if one["N"])
    return [
        Form("shapes", given, sizes=rows),
        Form("square", (In((1, 4, 4)), In((1, 1, 4)), In((1,), values.fixed([2])))),
    ]


def _bounded() -> list[Form]:
    return [
        Form(
            "kinds",
            (In((KINDS, 9), kinds()), const(-math.inf, "min"), const(math.inf, "max")),
            kinds="float",
        ),
        *_held(const(-0.5, "min"), const(0.75, "max")),
    ]


def _sloped() -> list[Form]:
    slope = values.between(0.25, 2)
    return [
        Form("kinds", (In((KINDS, 9), kinds()), In((9,), slope)), kinds="float"),
        Form("shapes", (In(_CUBE), In(("M",), slope)), sizes=CUBES),
        Form("five", (In((2, 3, 2, 3, 4)), In((3, 4), slope))),
    ]


def _chosen() -> list[Form]:
    more = _several(3, values.any_)
    return [form for form in more if form.label != "vector"]


def _dropped() -> list[Form]:
    return [
        Form("kinds", (In((KINDS, 9), kinds()),), outputs=(True, True), kinds="float"),
        Form("shapes", (In(_CUBE),), outputs=(True, True), sizes=CUBES),
        Form("vector", (In((7,)),)),
    ]


def _compressed() -> list[Form]:
    def which(count: int) -> In:
        return In((count,), values.cycle((1, 0, 1)))

    return [
        Form("kinds", (In((KINDS, 9), kinds()), which(9)), {"axis": 1}, ranks=(2,)),
        Form(
            "shapes",
            (In(("N", 7, "M")), which(7)),
            {"axis": 1},
            ranks=(3,),
            sizes=tuple(size for size in _ROWS if size["N"]),
        ),
        Form("square", (In((19, 19)), which(19)), {"axis": -1}, ranks=(2,)),
        Form(
            "one_left", (In((7, 1)), In((3,), values.fixed([0, 1, 0]))), {"axis": 0}, ranks=(2,)
        ),
    ]


def _padded() -> list[Form]:
    return [
        *_held(const([0, 1, 0, 0, 1, 0], "pads")),
        Form("vector", (In((7,)), const([2, 1], "pads"))),
        Form("square", (In((8, 8)), const([1, 0, 2, 1], "pads"))),
    ]


def _flat() -> list[Form]:
    return [
        Form(
            "shapes",
            (In(_CUBE),),
            {"axis": 1},
            sizes=tuple(size for size in CUBES if size["N"]),
        ),
        Form("matrix", (In((5, 18)),), {"axis": 1}),
    ]


def _squeezed() -> list[Form]:
    return [
        Form("shapes", (In(("N", 1, "M")), const([1], "axes")), sizes=_ROWS),
        Form("square", (In((1, 6, 6)), const([0], "axes"))),
    ]


def _shaped() -> list[Form]:
    return [*_several(1, values.any_), Form("column", (In((3, 1)),))]


def _sliced() -> list[Form]:
    ends = (const([0], "starts"), const([2], "ends"), const([1], "axes"))
    return [*_held(*ends), Form("one", (In((1,)), const([0], "starts"), const([1], "ends")))]


def _lists() -> list[Form]:
    return [
        Form("shapes", (In(_CUBE), In(_CUBE)), sizes=CUBES),
        Form("vectors", (In((8,)), In((7,)))),
    ]


def _inserted() -> list[Form]:
    return [
        Form("shapes", (In(_CUBE, length=2), In(_CUBE)), sizes=CUBES),
        Form("scalars", (In((), length=2), In(()), In((), values.fixed(0)))),
    ]


def _alike(**point: float) -> list[Form]:
    """Draws of a distribution that is a point."""
    return [
        Form("shapes", (In(_CUBE),), point, sizes=CUBES),
        Form("row", (In((2, 18)),), point),
    ]


def _drawn() -> list[Form]:
    sure = values.cycle((0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0))
    return [
        Form("shapes", (In(_CUBE, sure),), sizes=CUBES),
        Form("row", (In((4, 23), sure),)),
    ]


_E = 1.7320507764816284
_COMPARED = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")

_FORMS: Mapping[tuple[str, ...], Forms] = {
    ("And", "Or", "Xor"): _several(2, values.any_),
    ("BitwiseAnd", "BitwiseOr", "BitwiseXor"): _several(2, values.wide),
    _COMPARED: _several(2, values.ties),
    ("Pow",): _several(2, values.positive),
    ("SwiGLU", "Sum"): _several(2, values.any_),
    ("Celu", "Selu"): _several(1, values.any_),
    ("BitwiseNot",): _several(1, values.wide),
    ("BitShift",): _shifted(),
    ("HardSigmoid",): [
        Form("kinds", (In((KINDS, 9), kinds()),), {"alpha": 0.5, "beta": 0.0}, kinds="float")
    ],
    ("IsInf", "IsNaN"): _found(),
    ("Clip",): _bounded(),
    ("PRelu",): _sloped(),
    ("Where",): _chosen(),
    ("Dropout",): _dropped(),
    ("Bernoulli",): _drawn(),
    ("RandomNormalLike",): _alike(mean=_E, scale=0.0),
    ("RandomUniformLike",): _alike(low=_E, high=_E),
    ("NonZero",): [
        Form("kinds", (In((KINDS, 9), kinds()),), kinds="float"),
        Form("square", (In((6, 6), values.ties),)),
    ],
    ("OneHot",): [
        Form(
            "shapes",
            (In(_ROW, values.whole(0, 5)), const(5), In((2,), values.fixed([2, 3]))),
            sizes=_ROWS,
        )
    ],
}
"""By operator, forms that are made for the types each operator has."""

_CARRIED: Mapping[tuple[str, ...], Forms] = {
    ("Identity", "Size"): _several(1, values.any_),
    ("Shape",): _shaped(),
    ("GatherElements",): _picked(),
    ("GatherND",): _points(),
    ("ScatterElements",): _scattered(),
    ("ScatterND",): _scattered_rows(),
    ("TensorScatter",): _cached(),
    ("Compress",): _compressed(),
    ("Expand",): _held(const([1, 1, 1])),
    ("Tile",): _held(const([1, 2, 1])),
    ("Trilu",): _held(const(-1)),
    ("Flatten",): _flat(),
    ("Reshape",): [Form("square", (In((6, 6)), const([4, 9])))],
    ("Squeeze",): _squeezed(),
    ("Unsqueeze",): [Form("shapes", (In(_ROW), const([1], "axes")), sizes=_ROWS)],
    ("Pad",): _padded(),
    ("Slice",): _sliced(),
    ("Split",): [
        Form(
            "kinds",
            (In((KINDS, 9), kinds()), const([4, 5], "split")),
            {"axis": 1},
            outputs=(True, True),
            kinds="float",
        )
    ],
    ("SpaceToDepth",): [Form("long", (In((1, 2, 4, 18)),), {"blocksize": 2})],
    ("CenterCropPad",): [
        Form("large", (In(_LARGE), const([27, 31]))),
        Form("wider", (In((5, 18)), const([9, 21]))),
    ],
    ("SequenceConstruct",): _lists(),
    ("SequenceInsert",): _inserted(),
    ("SequenceAt",): [Form("column", (In((3, 1), length=2), In((), values.fixed(1))))],
    ("OptionalGetElement", "OptionalHasElement"): _several(1, values.any_),
}
"""The same of operators that carry whatever they are given."""

_Typing = Literal["tied", "free", "product"]
_TYPING: Mapping[str, _Typing] = {
    **dict.fromkeys(("Pow", "Where"), "tied"),
    **dict.fromkeys(("Dropout", "Bernoulli", "OneHot", "Pad", "SequenceInsert"), "free"),
    **dict.fromkeys(("RandomNormalLike", "RandomUniformLike", "SequenceAt"), "free"),
}
_VARIED: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("Bernoulli", "RandomNormalLike", "RandomUniformLike"), ("T2",)
)


def _family(op: str, forms: Forms, carries: Literal["", "all"]) -> Family:
    return Family(
        (op,),
        newest(op, forms),
        typing=_TYPING.get(op, "tied"),
        vary=_VARIED.get(op, ()),
        carries=carries,
        follow={"S": "seq({T})"} if op == "SequenceInsert" else {},
    )


FAMILIES = (
    *(_family(op, forms, "") for ops, forms in _FORMS.items() for op in ops),
    *(_family(op, forms, "all") for ops, forms in _CARRIED.items() for op in ops),
    Family(("CastLike",), _likes(), typing="product"),
    Family(("BitCast",), _bits(), typing="product", vary=("T2",), carries="all"),
    Family(("Cast",), [Form("five", (In((2, 3, 2, 3, 4)),), {"to": 6})], vary=("T2",)),
    Family(
        ("Scatter",),
        [replace(form, since=9, before=11) for form in _scattered()],
        carries="all",
    ),
    Family(
        ("Col2Im",),
        [
            Form("kinds", (In((KINDS, 12, 9), kinds()), const([4, 4]), const([2, 2]))),
            Form("square", (In((1, 12, 12)), const([4, 5]), const([2, 2]))),
            Form("tail", (In((3, 8, 4)), const([3, 3]), const([2, 2]))),
        ],
    ),
)
