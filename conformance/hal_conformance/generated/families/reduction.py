"""Operators along axes: reductions, softmaxes, running sums, the largest, sorting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, const, varied
from hal_conformance.generated.values import Maker
from hal_conformance.numerics.arithmetic import Array

_SIZES = ({"N": 3, "M": 5}, {"N": 7, "M": 33})


def _reduce(everyday: Maker) -> list[Form]:
    def form(label: str, shape: Any, axes: Sequence[int] | None, **more: Any) -> Form:
        attributes = more.pop("attributes", {})
        make = more.pop("make", everyday)
        given = None if axes is None else const(list(axes), "axes")
        return Form(label, (In(shape, make), given), attributes, **more)

    drop = {"keepdims": 0}
    return [
        form("all", (3, 4, 5), None, core=True),
        form("all_drop", (3, 4, 5), None, attributes=drop),
        form("long", (2, 1031), [1], core=True),
        form("long_outer", (1031, 3), [0]),
        form("first", (3, 4, 5), [0], core=True),
        form("middle", (3, 4, 5), [1], attributes=drop, core=True),
        form("last_negative", (3, 4, 17), [-1]),
        form("two", (2, 3, 4, 5), [1, 3]),
        form("two_negative", (2, 3, 4, 5), [-1, -3], attributes=drop),
        form("size_one", (3, 1, 5), [1]),
        form("one_element", (1,), [0]),
        form("scalar", (), None),
        form("empty_kept", (0, 3), [1]),
        form("large_and_small", (4, 1024), [1], make=values.large_and_small, kinds="float"),
        form("cancelling", (4, 1024), [1], make=values.cancelling, kinds="float"),
        form("noop", (3, 5), [], attributes={"noop_with_empty_axes": 1}),
        form("noop_absent", (3, 5), None, attributes={"noop_with_empty_axes": 1}),
        form("empty_axes", (3, 5), [], attributes={"noop_with_empty_axes": 0}),
        form("dynamic", ("N", "M"), [1], sizes=_SIZES),
        form("dynamic_outer", ("N", "M"), [0], sizes=_SIZES, attributes=drop),
        Form(
            "given_axes", (In((3, 4, 5), everyday), In((2,), values.fixed([2, 0]))), ranks=(3,)
        ),
    ]


_special = Form(
    "special",
    (In((60, 2), values.special), const([1], "axes")),
    core=True,
    kinds="float",
)
_empty_sum = Form("empty_reduced", (In((2, 0, 3)), const([1], "axes")), since=20)


def _arg() -> list[Form]:
    base = Form("axis0", (In((7, 5, 9)),), core=True)
    tied = Form("ties", (In((6, 41), values.ties),), {"axis": 1}, core=True)
    return [
        base,
        tied,
        tied.also("ties_last", attributes={"select_last_index": 1}, core=True),
        Form("long", (In((2, 1031), values.any_),), {"axis": -1, "keepdims": 0}, core=True),
        *varied(base, axis=(1, 2, -1, -3), keepdims=(0, 1), select_last_index=(0, 1)),
        Form("scalar_like", (In((1,)),)),
        Form("size_one", (In((3, 1, 5)),), {"axis": 1}),
        Form("empty", (In((0, 3)),), {"axis": 1}),
        Form("special", (In((12, 5), values.finite),), {"axis": 1}),
        Form("dynamic", (In(("N", "M")),), {"axis": 1}, sizes=_SIZES),
    ]


def _softmax() -> list[Form]:
    base = Form("plain", (In((3, 4, 17)),), core=True)
    return [
        base,
        *varied(base, axis=(0, 1, 2, -1, -2)),
        Form("long", (In((2, 1031), values.between(-8, 8)),), {"axis": 1}, core=True),
        Form("spread", (In((3, 65), values.between(-200, 200)),), {"axis": -1}, core=True),
        Form("ties", (In((3, 9), values.ties),), {"axis": 1}, core=True),
        Form("size_one", (In((4, 1)),), {"axis": 1}),
        Form("one", (In((1,)),), {"axis": 0}),
        Form("empty", (In((0, 3)),), {"axis": 1}),
        Form("rank4", (In((2, 3, 5, 7)),), {"axis": 1}),
        Form(
            "minus_infinity", (In((2, 8), values.cycle((0, float("-inf"), 1, 2))),), {"axis": 1}
        ),
        Form("dynamic", (In(("N", "M")),), {"axis": 1}, sizes=_SIZES),
    ]


def _cumulative(everyday: Maker) -> list[Form]:
    def form(label: str, shape: Any, axis: int, **more: Any) -> Form:
        attributes = more.pop("attributes", {})
        return Form(label, (In(shape, everyday), const(axis)), attributes, **more)

    base = form("rows", (5, 17), 1, core=True)
    return [
        base,
        *varied(base, exclusive=(0, 1), reverse=(0, 1)),
        form("both", (5, 17), 1, attributes={"exclusive": 1, "reverse": 1}, core=True),
        form("first", (4, 3, 5), 0),
        form("negative", (4, 3, 5), -2, core=True),
        form("long", (2, 1031), 1),
        form("one", (1,), 0),
        form("empty", (0, 3), 1),
        form("dynamic", ("N", "M"), 1, sizes=_SIZES),
        Form("given_axis", (In((3, 5), everyday), In((), values.fixed(1)))),
    ]


def _topk() -> list[Form]:
    def form(label: str, shape: Any, k: int, **more: Any) -> Form:
        attributes = more.pop("attributes", {})
        make = more.pop("make", values.shuffled)
        return Form(label, (In(shape, make), const([k], "k")), attributes, **more)

    base = form("last", (5, 17), 4, core=True)
    return [
        base,
        *varied(base, axis=(0, 1, -1, -2), largest=(0, 1), sorted=(1,)),
        form("ties", (4, 11), 5, make=values.ties, core=True),
        form("ties_smallest", (4, 11), 5, make=values.ties, attributes={"largest": 0}),
        form("unsorted_all", (4, 1), 1, attributes={"sorted": 0}),
        form("all", (2, 9), 9),
        form("none", (2, 9), 0, since=10),
        form("long", (2, 1031), 100),
        form("outer", (7, 2, 3), 3, attributes={"axis": 0}),
        form("special", (60,), 40, make=values.finite),
        Form("given_k", (In((3, 17), values.shuffled), In((1,), values.fixed([4]))), since=10),
        form("dynamic", ("N", "M"), 2, sizes=_SIZES),
    ]


def _unique() -> list[Form]:
    every = (True, True, True, True)
    base = Form("flat", (In((31,), values.ties),), core=True, outputs=every)
    rows = Form(
        "rows", (In((9, 2), values.whole(0, 2)),), {"axis": 0}, core=True, outputs=every
    )
    return [
        base,
        *varied(base, sorted=(0, 1)),
        rows,
        rows.also("columns", inputs=(In((2, 9), values.whole(0, 2)),), attributes={"axis": 1}),
        rows.also(
            "negative", inputs=(In((2, 9), values.whole(0, 2)),), attributes={"axis": -1}
        ),
        rows.also("unsorted_rows", attributes={"sorted": 0}),
        base.also("values_only", outputs=(True,)),
        base.also("counts_only", outputs=(True, False, False, True)),
        base.also("matrix", inputs=(In((4, 9), values.ties),)),
        base.also("one", inputs=(In((1,)),)),
        base.also("dynamic", inputs=(In(("N", "M"), values.ties),), sizes=_SIZES),
    ]


def _whole(binding: Binding) -> bool:
    """Logarithms of whole numbers, which schemas before 28 admit by mistake, as 28 says."""
    return "int" in binding["T"]


def _large(share: float, spare: int) -> list[Form]:
    """Whole numbers that need their type, and whose sum or product still fits."""
    make = values.digits(share, spare)
    given = (In((5, 8), make), const([1], "axes"))
    return [Form("large", given, core=True, kinds="whole")]


def _twins(shape: tuple[int, ...], *rest: In, **more: Any) -> list[Form]:
    """Numbers that a narrower type holds equal."""
    return [Form("twins", (In(shape, values.twins), *rest), core=True, **more)]


def _sides(_draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """One number a row, whose square fits and whose root needs the type."""
    made = np.zeros(shape, np.int64)
    made[:, 0] = 5 * 2 ** (dtype.bits // 2 - 3)
    return values.as_type(made, dtype)


_CUMULATED = (In((4, 2), values.digits(0.5, 0)), const(1))

FAMILIES = (
    Family(("ReduceSum", "ReduceL1"), _large(1, 4)),
    Family(("ReduceMean",), _large(0.75, 1)),
    Family(("ReduceSumSquare",), _large(0.5, 2)),
    Family(
        ("ReduceL2",),
        [Form("large", (In((3, 4), _sides), const([1], "axes")), core=True, kinds="whole")],
    ),
    Family(("ReduceMax", "ReduceMin"), _large(1, 0)),
    Family(
        ("ReduceProd",),
        [
            Form(
                "large",
                (In((5, 2), values.digits(0.5, 0)), const([1], "axes")),
                core=True,
                kinds="whole",
            )
        ],
    ),
    Family(
        ("CumSum",),
        [Form("large", (In((3, 17), values.digits(1, 5)), const(1)), core=True, kinds="whole")],
        typing="free",
    ),
    Family(("CumProd",), [Form("large", _CUMULATED, core=True, kinds="whole")], typing="free"),
    Family(("ArgMax", "ArgMin"), _twins((6, 41), attributes={"axis": 1})),
    Family(("Hardmax",), _twins((6, 41), attributes={"axis": 1})),
    Family(("TopK",), _twins((5, 17), const([4], "k"))),
    Family(("Unique",), _twins((31,), outputs=(True, True, True, True))),
    Family(
        ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1"),
        _reduce(values.nonzero),
    ),
    Family(("ReduceL2", "ReduceSumSquare"), _reduce(values.nonzero)),
    Family(("ReduceLogSumExp",), _reduce(values.any_), refused=_whole),
    Family(("ReduceLogSum",), _reduce(values.positive), refused=_whole),
    Family(("ReduceProd",), _reduce(values.factors)),
    Family(("ReduceMax", "ReduceMin", "ReduceSum", "ReduceLogSumExp"), [_special]),
    Family(("ReduceMax", "ReduceMin"), [_empty_sum]),
    Family(
        ("ReduceSum", "ReduceL1", "ReduceL2", "ReduceProd", "ReduceSumSquare"),
        [Form("empty_reduced", (In((2, 0, 3)), const([1], "axes")), since=13, core=True)],
    ),
    Family(("ArgMax", "ArgMin"), _arg()),
    Family(("Softmax", "LogSoftmax", "Hardmax"), _softmax()),
    Family(("CumSum",), _cumulative(values.any_), typing="free"),
    Family(("CumProd",), _cumulative(values.factors), typing="free"),
    Family(("TopK",), _topk()),
    Family(("Unique",), _unique()),
)
